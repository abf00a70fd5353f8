// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s

module attributes {xf.order = #xf.order<cpu, 2>} {
  // CHECK: @extract result 0: {{\[\[}}6, 8], [10, 12]]
  // CHECK: @extract result 1: [3, 7, 11]
  func.func @extract(%n: index {xf.value = 1}) -> (tensor<?x2xf32>, tensor<3xf32>) {
    %two = arith.constant 2 : index
    %x = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0]]> : tensor<3x4xf32>
    %a = tensor.extract_slice %x[%n, 1] [%two, 2] [1, 2] : tensor<3x4xf32> to tensor<?x2xf32>
    %b = tensor.extract_slice %x[0, 2] [3, 1] [1, 1] : tensor<3x4xf32> to tensor<3xf32>
    return %a, %b : tensor<?x2xf32>, tensor<3xf32>
  }

  // A result is a value of its own: what it was inserted into stays.
  // CHECK: @insert result 0: {{\[\[}}1, 9], [3, 8]]
  // CHECK: @insert result 1: {{\[\[}}1, 2], [3, 4]]
  func.func @insert() -> (tensor<2x2xf32>, tensor<2x2xf32>) {
    %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
    %s = arith.constant dense<[[9.0], [8.0]]> : tensor<2x1xf32>
    %y = tensor.insert_slice %s into %x[0, 1] [2, 1] [1, 1] : tensor<2x1xf32> into tensor<2x2xf32>
    return %y, %x : tensor<2x2xf32>, tensor<2x2xf32>
  }
}
