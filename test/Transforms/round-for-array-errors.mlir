// RUN: espalier-opt %s --split-input-file --xf-round-for-array --verify-diagnostics
// RUN: not espalier-opt %s --split-input-file --xf-round-for-array=rows=0 2>&1 | FileCheck %s

// CHECK: option 'rows': expected 1 to 65536, got 0

!kv = !xf.kv_cache<1 x 2 x 16, f16, unassigned>
func.func @cache(%rows: !xf.rows, %q: tensor<?x32xf32>, %c: !kv) -> tensor<?x32xf32> {
  %zero = arith.constant 0 : index
  // expected-error @below {{needs a cache of bf16, but it is '!xf.kv_cache<1 x 2 x 16, f16, unassigned>'; run 'xf-select-kv-layout' with element-type=bf16 first}}
  %y = xf.attention %c[%zero] heads from %zero ins(%rows, %q : tensor<?x32xf32>) outs(%q : tensor<?x32xf32>) {group = 1 : i64, scale = 0.25 : f32} : !kv -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

func.func @quantized(%x: tensor<?x64xf32>, %e: tensor<?x2x!xf.panel<1 x 32, a8>>) -> tensor<?x2x!xf.panel<1 x 32, a8>> {
  // expected-error @below {{has no definition in the accelerator's order}}
  %y = xf.quantize_activations ins(%x : tensor<?x64xf32>) outs(%e : tensor<?x2x!xf.panel<1 x 32, a8>>) -> tensor<?x2x!xf.panel<1 x 32, a8>>
  return %y : tensor<?x2x!xf.panel<1 x 32, a8>>
}

// -----

// expected-error @below {{expected the order cpu or systolic, got #xf.order<fast, 1>}}
module attributes {xf.order = #xf.order<fast, 1>} {}
