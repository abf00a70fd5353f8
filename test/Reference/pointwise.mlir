// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s

// Entries 12, 16, 17 and 22 of docs/numerics.md.
module attributes {xf.order = #xf.order<cpu, 2>} {
  // CHECK: @gelu result 0: {{\[\[}}-0, -0.00081422925, -0.158655256, -0.114626579, 0, 0.0259969421, 0.580029488, 1.95449972, 9]]
  func.func @gelu() -> tensor<1x9xf32> {
    %x = arith.constant dense<[[-80.0, -3.5, -1.0, -0.300000012, 0.0, 0.0500000007, 0.75, 2.0, 9.0]]> : tensor<1x9xf32>
    %e = arith.constant dense<0.5> : tensor<1x9xf32>
    %y = xf.activation gelu ins(%x : tensor<1x9xf32>) outs(%e : tensor<1x9xf32>) -> tensor<1x9xf32>
    return %y : tensor<1x9xf32>
  }

  // CHECK: @gelu_tanh result 0: {{\[\[}}-0, -0.000616148114, -0.158807993, -0.114629082, 0, 0.0259969383, 0.579960585, 1.95459771, 9]]
  func.func @gelu_tanh() -> tensor<1x9xf32> {
    %x = arith.constant dense<[[-80.0, -3.5, -1.0, -0.300000012, 0.0, 0.0500000007, 0.75, 2.0, 9.0]]> : tensor<1x9xf32>
    %e = arith.constant dense<0.5> : tensor<1x9xf32>
    %y = xf.activation gelu_tanh ins(%x : tensor<1x9xf32>) outs(%e : tensor<1x9xf32>) -> tensor<1x9xf32>
    return %y : tensor<1x9xf32>
  }

  // CHECK: @relu result 0: {{\[\[}}0, 0, 0, 0, 0, 0.0500000007, 0.75, 2, 9]]
  func.func @relu() -> tensor<1x9xf32> {
    %x = arith.constant dense<[[-80.0, -3.5, -1.0, -0.300000012, 0.0, 0.0500000007, 0.75, 2.0, 9.0]]> : tensor<1x9xf32>
    %e = arith.constant dense<0.5> : tensor<1x9xf32>
    %y = xf.activation relu ins(%x : tensor<1x9xf32>) outs(%e : tensor<1x9xf32>) -> tensor<1x9xf32>
    return %y : tensor<1x9xf32>
  }

  // CHECK: @relu_squared result 0: {{\[\[}}0, 0, 0, 0, 0, 0.00250000018, 0.5625, 4, 81]]
  func.func @relu_squared() -> tensor<1x9xf32> {
    %x = arith.constant dense<[[-80.0, -3.5, -1.0, -0.300000012, 0.0, 0.0500000007, 0.75, 2.0, 9.0]]> : tensor<1x9xf32>
    %e = arith.constant dense<0.5> : tensor<1x9xf32>
    %y = xf.activation relu_squared ins(%x : tensor<1x9xf32>) outs(%e : tensor<1x9xf32>) -> tensor<1x9xf32>
    return %y : tensor<1x9xf32>
  }

  // CHECK: @scale result 0: {{\[\[}}-17.6000004, -0.769999981, -0.219999999, -0.0659999996, 0, 0.0109999999, 0.164999992, 0.439999998, 1.98000002]]
  func.func @scale() -> tensor<1x9xf32> {
    %x = arith.constant dense<[[-80.0, -3.5, -1.0, -0.300000012, 0.0, 0.0500000007, 0.75, 2.0, 9.0]]> : tensor<1x9xf32>
    %e = arith.constant dense<0.5> : tensor<1x9xf32>
    %y = xf.scale ins(%x : tensor<1x9xf32>) outs(%e : tensor<1x9xf32>) {factor = 0.22 : f32} -> tensor<1x9xf32>
    return %y : tensor<1x9xf32>
  }

  // CHECK: @scale_accumulate result 0: {{\[\[}}-17.1000004, -0.269999981, 0.280000001, 0.434000015, 0.5, 0.510999978, 0.664999962, 0.939999998, 2.48000002]]
  func.func @scale_accumulate() -> tensor<1x9xf32> {
    %x = arith.constant dense<[[-80.0, -3.5, -1.0, -0.300000012, 0.0, 0.0500000007, 0.75, 2.0, 9.0]]> : tensor<1x9xf32>
    %e = arith.constant dense<0.5> : tensor<1x9xf32>
    %y = xf.scale ins(%x : tensor<1x9xf32>) outs(%e : tensor<1x9xf32>) {accumulate, factor = 0.22 : f32} -> tensor<1x9xf32>
    return %y : tensor<1x9xf32>
  }

  // CHECK: @soft_cap result 0: {{\[\[}}-6, -3.1505034, -0.990842521, -0.299750239, 0, 0.0499988459, 0.746118009, 1.92907655, 5.43088961]]
  func.func @soft_cap() -> tensor<1x9xf32> {
    %x = arith.constant dense<[[-80.0, -3.5, -1.0, -0.300000012, 0.0, 0.0500000007, 0.75, 2.0, 9.0]]> : tensor<1x9xf32>
    %e = arith.constant dense<0.5> : tensor<1x9xf32>
    %y = xf.soft_cap ins(%x : tensor<1x9xf32>) outs(%e : tensor<1x9xf32>) {cap = 6.0 : f32} -> tensor<1x9xf32>
    return %y : tensor<1x9xf32>
  }
}
