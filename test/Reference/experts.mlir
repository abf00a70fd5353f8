// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s

// Entries 24 and 25 of docs/numerics.md. The numbers are such that products and
// sums are exact.
module attributes {xf.order = #xf.order<cpu, 2>} {
  // Equal scores go to the lower number; ln 2 apart: powers 1, 1/2, 1/2, 1/4.
  // CHECK: @all result 0: {{\[\[}}2, 0]]
  // CHECK: @all result 1: {{\[\[}}0.444444448, 0.222222224]]
  func.func @all() -> (tensor<1x2xi32>, tensor<1x2xf32>) {
    %s = arith.constant dense<[[0.693147182, 0.693147182, 1.38629436, 0.0]]> : tensor<1x4xf32>
    %ei = tensor.empty() : tensor<1x2xi32>
    %ew = tensor.empty() : tensor<1x2xf32>
    %i, %w = xf.router ins(%s : tensor<1x4xf32>) outs(%ei, %ew : tensor<1x2xi32>, tensor<1x2xf32>) -> tensor<1x2xi32>, tensor<1x2xf32>
    return %i, %w : tensor<1x2xi32>, tensor<1x2xf32>
  }

  // CHECK: @chosen result 0: {{\[\[}}2, 0]]
  // CHECK: @chosen result 1: {{\[\[}}0.666666687, 0.333333343]]
  func.func @chosen() -> (tensor<1x2xi32>, tensor<1x2xf32>) {
    %s = arith.constant dense<[[0.693147182, 0.693147182, 1.38629436, 0.0]]> : tensor<1x4xf32>
    %ei = tensor.empty() : tensor<1x2xi32>
    %ew = tensor.empty() : tensor<1x2xf32>
    %i, %w = xf.router ins(%s : tensor<1x4xf32>) outs(%ei, %ew : tensor<1x2xi32>, tensor<1x2xf32>) {renormalize} -> tensor<1x2xi32>, tensor<1x2xf32>
    return %i, %w : tensor<1x2xi32>, tensor<1x2xf32>
  }

  // Three experts of 2 x 2; rows [1, 2] and [3, 5].
  // CHECK: @up result 0: {{\[\[}}5, 3], [1, 2], [-3, 5], [13, 8]]
  func.func @up() -> tensor<4x2xf32> {
    %x = arith.constant dense<[[1.0, 2.0], [3.0, 5.0]]> : tensor<2x2xf32>
    %w = arith.constant dense<[[[1.0, 0.0], [0.0, 1.0]], [[-1.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [1.0, 1.0]]]> : tensor<3x2x2xf32>
    %i = arith.constant dense<[[2, 0], [1, 2]]> : tensor<2x2xi32>
    %e = tensor.empty() : tensor<4x2xf32>
    %y = xf.grouped_linear ins(%x, %w : tensor<2x2xf32>, tensor<3x2x2xf32>) experts(%i : tensor<2x2xi32>) outs(%e : tensor<4x2xf32>) -> tensor<4x2xf32>
    return %y : tensor<4x2xf32>
  }

  // CHECK: @down result 0: {{\[\[}}112.5, 220.5], [343, 401.5]]
  func.func @down() -> tensor<2x2xf32> {
    %x = arith.constant dense<[[5.0, 10.0], [0.0, 41.0], [1.0, 2.0], [42.0, 1.0]]> : tensor<4x2xf32>
    %w = arith.constant dense<[[[1.0, 0.0], [0.0, 1.0]], [[-1.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [1.0, 1.0]]]> : tensor<3x2x2xf32>
    %i = arith.constant dense<[[2, 0], [1, 2]]> : tensor<2x2xi32>
    %p = arith.constant dense<[[0.5, 0.5], [1.0, 1.0]]> : tensor<2x2xf32>
    %init = arith.constant dense<[[100.0, 192.5], [300.0, 356.5]]> : tensor<2x2xf32>
    %y = xf.grouped_linear ins(%x, %w : tensor<4x2xf32>, tensor<3x2x2xf32>) experts(%i : tensor<2x2xi32>) combine(%p : tensor<2x2xf32>) outs(%init : tensor<2x2xf32>) {accumulate} -> tensor<2x2xf32>
    return %y : tensor<2x2xf32>
  }
}
