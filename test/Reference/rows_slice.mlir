// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s

// Positions and tokens of a slice stay what they are in the call.
module attributes {xf.order = #xf.order<cpu, 2>} {
  // CHECK: @slice result 0: {{\[\[}}30, 31], [40, 41]]
  // CHECK: @slice result 1: 4
  // CHECK: @slice result 2: 2
  // CHECK: @slice result 3: 1
  func.func @slice(%rows: !xf.rows {xf.tokens = array<i32: 1, 2, 3, 4>, xf.wanted = array<i32: 1, 1, 0, 1>}) -> (tensor<2x2xf32>, index, index, index) {
    %one = arith.constant 1 : index
    %two = arith.constant 2 : index
    %t = arith.constant dense<[[0.0, 1.0], [10.0, 11.0], [20.0, 21.0], [30.0, 31.0], [40.0, 41.0]]> : tensor<5x2xf32>
    %s = xf.rows_slice %rows[%one][%two]
    %s2 = xf.rows_slice %rows[%two][%two]
    %e = tensor.empty() : tensor<2x2xf32>
    %y = xf.embedding ins(%s2, %t : tensor<5x2xf32>) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
    %all = xf.rows_count %rows
    %some = xf.rows_count %s
    %wanted = xf.wanted_count %s
    return %y, %all, %some, %wanted : tensor<2x2xf32>, index, index, index
  }
}
