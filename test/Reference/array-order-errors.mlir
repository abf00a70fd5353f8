// RUN: espalier-opt %s --xf-evaluate --split-input-file --verify-diagnostics -o /dev/null

module attributes {xf.order = #xf.order<systolic, 1, rows 4>} {
  // expected-error @+1 {{'xf.linear': the order #xf.order<systolic, 1, rows R> multiplies bf16 with bf16 only: run xf-round-for-array}}
  func.func @floats() -> tensor<1x1xf32> {
    %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
    %e = tensor.empty() : tensor<1x1xf32>
    %y = xf.linear ins(%x, %x : tensor<1x2xf32>, tensor<1x2xf32>) outs(%e : tensor<1x1xf32>) -> tensor<1x1xf32>
    return %y : tensor<1x1xf32>
  }
}

// -----

module attributes {xf.order = #xf.order<cpu, 2>} {
  // expected-error @+1 {{'xf.linear': the order #xf.order<cpu, 2> does not multiply rows of bf16}}
  func.func @rounded() -> tensor<1x1xf32> {
    %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xbf16>
    %e = tensor.empty() : tensor<1x1xf32>
    %y = xf.linear ins(%x, %x : tensor<1x2xbf16>, tensor<1x2xbf16>) outs(%e : tensor<1x1xf32>) -> tensor<1x1xf32>
    return %y : tensor<1x1xf32>
  }
}

// -----

!kv = !xf.kv_cache<1 x 1 x 2, f16, unassigned>
module attributes {xf.order = #xf.order<systolic, 1, rows 4>} {
  // expected-error @+1 {{'xf.attention': the order #xf.order<systolic, 1, rows R> multiplies bf16 with bf16 only: run xf-round-for-array}}
  func.func @cache(%rows: !xf.rows {xf.tokens = array<i32: 0>}, %cache: !kv) -> tensor<1x2xf32> {
    %zero = arith.constant 0 : index
    %q = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xbf16>
    %e = tensor.empty() : tensor<1x2xf32>
    %y = xf.attention %cache[%zero] heads from %zero ins(%rows, %q : tensor<1x2xbf16>) outs(%e : tensor<1x2xf32>) {group = 1 : i64, scale = 0.5 : f32} : !kv -> tensor<1x2xf32>
    return %y : tensor<1x2xf32>
  }
}

// -----

module attributes {xf.order = #xf.order<systolic, 1, rows 4>} {
  // expected-error @+1 {{'xf.quantize_activations': the order #xf.order<systolic, 1, rows R> does not define this op}}
  func.func @quantized() -> tensor<1x1x!xf.panel<1 x 32, a8>> {
    %x = arith.constant dense<1.0> : tensor<1x32xf32>
    %e = tensor.empty() : tensor<1x1x!xf.panel<1 x 32, a8>>
    %y = xf.quantize_activations ins(%x : tensor<1x32xf32>) outs(%e : tensor<1x1x!xf.panel<1 x 32, a8>>) -> tensor<1x1x!xf.panel<1 x 32, a8>>
    return %y : tensor<1x1x!xf.panel<1 x 32, a8>>
  }
}
