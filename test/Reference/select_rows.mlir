// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s

module attributes {xf.order = #xf.order<cpu, 2>} {
  // CHECK: @select_rows result 0: {{\[\[}}2, -2], [4, -4]]
  // CHECK: @select_rows result 1: 2
  func.func @select_rows(%rows: !xf.rows {xf.tokens = array<i32: 0, 0, 0, 0>, xf.wanted = array<i32: 0, 1, 0, 1>}) -> (tensor<?x2xf32>, index) {
    %x = arith.constant dense<[[1.0, -1.0], [2.0, -2.0], [3.0, -3.0], [4.0, -4.0]]> : tensor<4x2xf32>
    %n = xf.wanted_count %rows
    %e = tensor.empty(%n) : tensor<?x2xf32>
    %y = xf.select_rows ins(%rows, %x : tensor<4x2xf32>) outs(%e : tensor<?x2xf32>) -> tensor<?x2xf32>
    return %y, %n : tensor<?x2xf32>, index
  }
}
