// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s

module attributes {xf.order = #xf.order<cpu, 2>} {
  // CHECK: @tap hidden 1 row 0: 1 2
  // CHECK: @tap hidden 1 row 1: 3 4
  func.func @tap(%rows: !xf.rows {xf.tokens = array<i32: 0, 0>}) {
    %one = arith.constant 1 : index
    %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
    xf.tap[%one] ins(%rows, %x : tensor<2x2xf32>)
    return
  }
}
