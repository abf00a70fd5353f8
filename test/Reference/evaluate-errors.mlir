// RUN: espalier-opt %s --xf-evaluate --split-input-file --verify-diagnostics -o /dev/null

module attributes {xf.order = #xf.order<cpu, 2>} {
  // expected-error @+1 {{'math.exp': the reference interpreter does not execute this op}}
  func.func @unknown_op() -> f32 {
    %x = arith.constant 1.0 : f32
    %y = math.exp %x : f32
    return %y : f32
  }
}

// -----

module attributes {xf.order = #xf.order<cpu, 2>} {
  // expected-error @+1 {{'xf.embedding': row 0: expected a token of 0 to 1, got 2}}
  func.func @token(%rows: !xf.rows {xf.tokens = array<i32: 2>}) -> tensor<1x1xf32> {
    %t = arith.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
    %e = tensor.empty() : tensor<1x1xf32>
    %y = xf.embedding ins(%rows, %t : tensor<2x1xf32>) outs(%e : tensor<1x1xf32>) -> tensor<1x1xf32>
    return %y : tensor<1x1xf32>
  }
}

// -----

module attributes {xf.order = #xf.order<cpu, 2>} {
  // expected-error @+1 {{'tensor.extract_slice': dimension 0: 2 elements from 1 on do not lie in 2}}
  func.func @slice(%n: index {xf.value = 1}) -> tensor<2xf32> {
    %x = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %y = tensor.extract_slice %x[%n] [2] [1] : tensor<2xf32> to tensor<2xf32>
    return %y : tensor<2xf32>
  }
}

// -----

module {
  // expected-error @+1 {{the reference interpreter sums in the order #xf.order<cpu, 2> or #xf.order<systolic, 1, rows R>; the module states none}}
  func.func @order() {
    return
  }
}
