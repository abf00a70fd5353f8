// RUN: espalier-opt %s | espalier-opt | FileCheck %s
// RUN: espalier-opt --mlir-print-op-generic %s | espalier-opt | FileCheck %s

// Every op, attribute and type, printed as it was read.

// CHECK: module attributes {xf.model = {family = "llama"}, xf.order = #xf.order<cpu, 2>}
module attributes {xf.order = #xf.order<cpu, 2>, xf.model = {family = "llama"}} {

// CHECK: xf.weight @embed from ["model.embed_tokens.weight"] : tensor<420x64xbf16>
xf.weight @embed from ["model.embed_tokens.weight"] : tensor<420x64xbf16>
// CHECK: xf.weight @q_proj from ["model.layers.{i}.self_attn.q_proj.weight"] layers [0, 1, 2]
// CHECK-SAME: {recipe = [#xf.recipe<unpermute_heads, 4>]} : tensor<64x2x!xf.panel<1 x 32, q4_1>>
xf.weight @q_proj from ["model.layers.{i}.self_attn.q_proj.weight"] layers [0, 1, 2]
  {recipe = [#xf.recipe<unpermute_heads, 4>]} : tensor<64x2x!xf.panel<1 x 32, q4_1>>
// CHECK: xf.weight @kv_proj from ["h.{i}.k", "h.{i}.v"] layers [0, 2]
// CHECK-SAME: {recipe = [#xf.recipe<transpose>, #xf.recipe<slice_rows, 0, 32>]}
// CHECK-SAME: : tensor<4x2x!xf.panel<16 x 32, q8_0>>
xf.weight @kv_proj from ["h.{i}.k", "h.{i}.v"] layers [0, 2]
  {recipe = [#xf.recipe<transpose>, #xf.recipe<slice_rows, 0, 32>]}
  : tensor<4x2x!xf.panel<16 x 32, q8_0>>
// CHECK: xf.weight @norm from ["norm"] {recipe = [#xf.recipe<to_f32>, #xf.recipe<add_one>]} : tensor<64xf32>
xf.weight @norm from ["norm"] {recipe = [#xf.recipe<to_f32>, #xf.recipe<add_one>]} : tensor<64xf32>
// CHECK: xf.weight @part from ["h.{i}.qkv"] layers [1]
// CHECK-SAME: {recipe = [#xf.recipe<slice_groups, 4, 8, 8>, #xf.recipe<unpermute_heads, 4, 6>]} : tensor<32x64xf32>
xf.weight @part from ["h.{i}.qkv"] layers [1]
  {recipe = [#xf.recipe<slice_groups, 4, 8, 8>, #xf.recipe<unpermute_heads, 4, 6>]} : tensor<32x64xf32>
// CHECK: xf.rope_table @rope [1.000000e+00, 1.000000e-01] factor 1.000000e+00
xf.rope_table @rope [1.0, 0.1] factor 1.0
// CHECK: xf.rope_table @long [1.000000e+00, 1.000000e-01] factor 1.250000e+00 beyond 4096 [5.000000e-01, 0.00999999977]
xf.rope_table @long [1.0, 0.1] factor 1.25 beyond 4096 [0.5, 0.01]
// CHECK: xf.rope_table @dynamic [1.000000e+00, 1.000000e-01] factor 1.000000e+00 beyond 2048 {dynamic_factor = 2.000000e+00 : f64, dynamic_theta = 1.000000e+04 : f64}
xf.rope_table @dynamic [1.0, 0.1] factor 1.0 beyond 2048 {dynamic_factor = 2.0 : f64, dynamic_theta = 10000.0 : f64}

// CHECK-LABEL: func.func private @types
// CHECK-SAME: !xf.rows
// CHECK-SAME: !xf.kv_cache<3 x 2 x 16, f16, unassigned>
// CHECK-SAME: !xf.kv_cache<3 x 2 x 16, bf16, tiles16>
// CHECK-SAME: tensor<?x2x!xf.panel<1 x 32, a8>>
// CHECK-SAME: memref<4x2x!xf.panel<16 x 32, q4_0>>
func.func private @types(!xf.rows, !xf.kv_cache<3 x 2 x 16, f16, unassigned>,
    !xf.kv_cache<3 x 2 x 16, bf16, tiles16>, tensor<?x2x!xf.panel<1 x 32, a8>>,
    memref<4x2x!xf.panel<16 x 32, q4_0>>)

// CHECK-LABEL: func.func @rows
// CHECK-SAME: attributes {xf.max_rows = 8 : i64}
func.func @rows(%rows: !xf.rows, %i: index) -> (index, index) attributes {xf.max_rows = 8} {
  // CHECK: %[[S:.*]] = xf.rows_slice %{{.*}}[%{{.*}}] [%{{.*}}]
  %s = xf.rows_slice %rows[%i] [%i]
  // CHECK: xf.rows_count %[[S]]
  %n = xf.rows_count %s
  // CHECK: xf.wanted_count %{{.*}}
  %w = xf.wanted_count %rows
  return %n, %w : index, index
}

// CHECK-LABEL: func.func @weights
func.func @weights(%i: index) {
  // CHECK: xf.weight_ref @embed : tensor<420x64xbf16>
  %0 = xf.weight_ref @embed : tensor<420x64xbf16>
  // CHECK: xf.weight_ref @q_proj[%{{.*}}] : tensor<64x2x!xf.panel<1 x 32, q4_1>>
  %1 = xf.weight_ref @q_proj[%i] : tensor<64x2x!xf.panel<1 x 32, q4_1>>
  // CHECK: xf.weight_ref @kv_proj[%{{.*}}] : memref<4x2x!xf.panel<16 x 32, q8_0>>
  %2 = xf.weight_ref @kv_proj[%i] : memref<4x2x!xf.panel<16 x 32, q8_0>>
  return
}

// CHECK-LABEL: func.func @repeat
func.func @repeat(%x: tensor<?x64xf32>, %c: !xf.kv_cache<3 x 2 x 16, f16, tiles16>)
    -> (tensor<?x64xf32>, !xf.kv_cache<3 x 2 x 16, f16, tiles16>) {
  // CHECK: xf.repeat kinds [0, 1, 0] iter(%{{.*}}, %{{.*}} : tensor<?x64xf32>, !xf.kv_cache<3 x 2 x 16, f16, tiles16>) {
  // CHECK-NEXT: ^bb0(%{{.*}}: index, %{{.*}}: index, %{{.*}}: tensor<?x64xf32>, %{{.*}}: !xf.kv_cache<3 x 2 x 16, f16, tiles16>):
  // CHECK: xf.yield %{{.*}}, %{{.*}} : tensor<?x64xf32>, !xf.kv_cache<3 x 2 x 16, f16, tiles16>
  // CHECK: }, {
  // CHECK: } -> tensor<?x64xf32>, !xf.kv_cache<3 x 2 x 16, f16, tiles16>
  %r:2 = xf.repeat kinds [0, 1, 0] iter(%x, %c : tensor<?x64xf32>, !xf.kv_cache<3 x 2 x 16, f16, tiles16>) {
  ^bb0(%layer: index, %i: index, %h: tensor<?x64xf32>, %kv: !xf.kv_cache<3 x 2 x 16, f16, tiles16>):
    xf.yield %h, %kv : tensor<?x64xf32>, !xf.kv_cache<3 x 2 x 16, f16, tiles16>
  }, {
  ^bb0(%layer: index, %i: index, %h: tensor<?x64xf32>, %kv: !xf.kv_cache<3 x 2 x 16, f16, tiles16>):
    xf.yield %h, %kv : tensor<?x64xf32>, !xf.kv_cache<3 x 2 x 16, f16, tiles16>
  } -> tensor<?x64xf32>, !xf.kv_cache<3 x 2 x 16, f16, tiles16>
  return %r#0, %r#1 : tensor<?x64xf32>, !xf.kv_cache<3 x 2 x 16, f16, tiles16>
}

// CHECK-LABEL: func.func @on_tensors
func.func @on_tensors(%rows: !xf.rows, %layer: index, %t: tensor<420x64xbf16>, %w: tensor<64xf32>,
    %wq: tensor<4x2x!xf.panel<16 x 32, q8_0>>, %b: tensor<64xf32>, %x: tensor<?x64xf32>,
    %q8: tensor<?x2x!xf.panel<1 x 32, a8>>, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %l: tensor<?x420xf32>,
    %path: tensor<?xi32>) {
  // CHECK: xf.embedding ins(%{{.*}}, %{{.*}} : tensor<420x64xbf16>) outs(%{{.*}} : tensor<?x64xf32>) -> tensor<?x64xf32>
  %0 = xf.embedding ins(%rows, %t : tensor<420x64xbf16>) outs(%x : tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: xf.rms_norm ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<64xf32>) outs(%{{.*}} : tensor<?x64xf32>) {eps = {{.*}} : f32} -> tensor<?x64xf32>
  %1 = xf.rms_norm ins(%0, %w : tensor<?x64xf32>, tensor<64xf32>) outs(%x : tensor<?x64xf32>) {eps = 1.0e-5 : f32} -> tensor<?x64xf32>
  // CHECK: xf.quantize_activations ins(%{{.*}} : tensor<?x64xf32>) outs(%{{.*}} : tensor<?x2x!xf.panel<1 x 32, a8>>) -> tensor<?x2x!xf.panel<1 x 32, a8>>
  %2 = xf.quantize_activations ins(%1 : tensor<?x64xf32>) outs(%q8 : tensor<?x2x!xf.panel<1 x 32, a8>>) -> tensor<?x2x!xf.panel<1 x 32, a8>>
  // CHECK: xf.linear ins(%{{.*}}, %{{.*}} : tensor<?x2x!xf.panel<1 x 32, a8>>, tensor<4x2x!xf.panel<16 x 32, q8_0>>) bias(%{{.*}} : tensor<64xf32>) outs(%{{.*}} : tensor<?x64xf32>) {accumulate} -> tensor<?x64xf32>
  %3 = xf.linear ins(%2, %wq : tensor<?x2x!xf.panel<1 x 32, a8>>, tensor<4x2x!xf.panel<16 x 32, q8_0>>) bias(%b : tensor<64xf32>) outs(%x : tensor<?x64xf32>) {accumulate} -> tensor<?x64xf32>
  // CHECK: xf.linear ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<4x2x!xf.panel<16 x 32, q8_0>>) outs(%{{.*}} : tensor<?x64xf32>) -> tensor<?x64xf32>
  %4 = xf.linear ins(%1, %wq : tensor<?x64xf32>, tensor<4x2x!xf.panel<16 x 32, q8_0>>) outs(%x : tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: xf.rope @rope ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>) outs(%{{.*}} : tensor<?x64xf32>) {head_dim = 16 : i64} -> tensor<?x64xf32>
  %5 = xf.rope @rope ins(%rows, %3 : tensor<?x64xf32>) outs(%x : tensor<?x64xf32>) {head_dim = 16 : i64} -> tensor<?x64xf32>
  %h = arith.constant 0 : index
  // CHECK: xf.kv_append keys %{{.*}}[%{{.*}}] heads from %{{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>) : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  %6 = xf.kv_append keys %c[%layer] heads from %h ins(%rows, %5 : tensor<?x64xf32>) : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  // CHECK: xf.kv_append values %{{.*}}[%{{.*}}] heads from %{{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>) :
  xf.kv_append values %6[%layer] heads from %h ins(%rows, %4 : tensor<?x64xf32>) : !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  // CHECK: xf.attention %{{.*}}[%{{.*}}] heads from %{{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>) outs(%{{.*}} : tensor<?x64xf32>) {group = 1 : i64, scale = 2.500000e-01 : f32} :
  %7 = xf.attention %6[%layer] heads from %h ins(%rows, %5 : tensor<?x64xf32>) outs(%x : tensor<?x64xf32>) {group = 1 : i64, scale = 0.25 : f32} : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> tensor<?x64xf32>
  // CHECK: xf.glu silu ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<?x64xf32>) outs(%{{.*}} : tensor<?x64xf32>) -> tensor<?x64xf32>
  %8 = xf.glu silu ins(%7, %4 : tensor<?x64xf32>, tensor<?x64xf32>) outs(%x : tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: xf.tap[%{{.*}}] ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>)
  xf.tap[%layer] ins(%rows, %8 : tensor<?x64xf32>)
  // CHECK: xf.select_rows ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>) outs(%{{.*}} : tensor<?x64xf32>) -> tensor<?x64xf32>
  %9 = xf.select_rows ins(%rows, %8 : tensor<?x64xf32>) outs(%x : tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: xf.logits ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<420x64xbf16>) outs(%{{.*}} : tensor<?x420xf32>) -> tensor<?x420xf32>
  %10 = xf.logits ins(%9, %t : tensor<?x64xf32>, tensor<420x64xbf16>) outs(%l : tensor<?x420xf32>) -> tensor<?x420xf32>
  // CHECK: xf.kv_commit %{{.*}} from %{{.*}} path(%{{.*}} : tensor<?xi32>) :
  %11 = xf.kv_commit %6 from %layer path(%path : tensor<?xi32>) : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  return
}

// CHECK-LABEL: func.func @norms
func.func @norms(%x: tensor<?x64xf32>, %w: tensor<64xf32>, %h: tensor<16xf32>, %i: tensor<?x64xf32>) {
  // CHECK: xf.rms_norm ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<16xf32>) outs(%{{.*}} : tensor<?x64xf32>) {eps = {{.*}} : f32, segment = 16 : i64} -> tensor<?x64xf32>
  %0 = xf.rms_norm ins(%x, %h : tensor<?x64xf32>, tensor<16xf32>) outs(%i : tensor<?x64xf32>) {eps = 1.0e-5 : f32, segment = 16 : i64} -> tensor<?x64xf32>
  // CHECK: xf.rms_norm ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<64xf32>) outs(%{{.*}} : tensor<?x64xf32>) {accumulate, eps = {{.*}} : f32} -> tensor<?x64xf32>
  %1 = xf.rms_norm ins(%0, %w : tensor<?x64xf32>, tensor<64xf32>) outs(%i : tensor<?x64xf32>) {accumulate, eps = 1.0e-5 : f32} -> tensor<?x64xf32>
  // CHECK: xf.layer_norm ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<64xf32>) outs(%{{.*}} : tensor<?x64xf32>) {eps = {{.*}} : f32, segment = 8 : i64} -> tensor<?x64xf32>
  %2 = xf.layer_norm ins(%1, %w : tensor<?x64xf32>, tensor<64xf32>) outs(%i : tensor<?x64xf32>) {eps = 1.0e-5 : f32, segment = 8 : i64} -> tensor<?x64xf32>
  // CHECK: xf.layer_norm ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<64xf32>) bias(%{{.*}} : tensor<64xf32>) outs(%{{.*}} : tensor<?x64xf32>) {eps = {{.*}} : f32} -> tensor<?x64xf32>
  %3 = xf.layer_norm ins(%2, %w : tensor<?x64xf32>, tensor<64xf32>) bias(%w : tensor<64xf32>) outs(%i : tensor<?x64xf32>) {eps = 1.0e-5 : f32} -> tensor<?x64xf32>
  return
}

// CHECK-LABEL: func.func @pointwise
func.func @pointwise(%x: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  // CHECK: xf.activation gelu ins(%{{.*}} : tensor<?x64xf32>) outs(%{{.*}} : tensor<?x64xf32>) -> tensor<?x64xf32>
  %0 = xf.activation gelu ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: xf.activation gelu_tanh
  %1 = xf.activation gelu_tanh ins(%0 : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: xf.activation relu ins
  %2 = xf.activation relu ins(%1 : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: xf.activation relu_squared ins
  %3 = xf.activation relu_squared ins(%2 : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: xf.glu gelu_tanh ins
  %4 = xf.glu gelu_tanh ins(%3, %x : tensor<?x64xf32>, tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) -> tensor<?x64xf32>
  // CHECK: xf.scale ins(%{{.*}} : tensor<?x64xf32>) outs(%{{.*}} : tensor<?x64xf32>) {factor = 8.000000e+00 : f32} -> tensor<?x64xf32>
  %5 = xf.scale ins(%4 : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) {factor = 8.0 : f32} -> tensor<?x64xf32>
  // CHECK: xf.scale ins(%{{.*}} : tensor<?x64xf32>) outs(%{{.*}} : tensor<?x64xf32>) {accumulate, factor = 2.500000e-01 : f32} -> tensor<?x64xf32>
  %6 = xf.scale ins(%5 : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) {accumulate, factor = 0.25 : f32} -> tensor<?x64xf32>
  // CHECK: xf.soft_cap ins(%{{.*}} : tensor<?x64xf32>) outs(%{{.*}} : tensor<?x64xf32>) {cap = 3.000000e+01 : f32} -> tensor<?x64xf32>
  %7 = xf.soft_cap ins(%6 : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) {cap = 30.0 : f32} -> tensor<?x64xf32>
  return
}

// CHECK-LABEL: func.func @positions_and_terms
func.func @positions_and_terms(%rows: !xf.rows, %layer: index, %t: tensor<66x64xf32>, %x: tensor<?x64xf32>,
    %c: !xf.kv_cache<3 x 2 x 16, f16, tiles16>, %w: tensor<420x64xbf16>, %b: tensor<420xf32>, %l: tensor<?x420xf32>) {
  // CHECK: xf.position_embedding ins(%{{.*}}, %{{.*}} : tensor<66x64xf32>) outs(%{{.*}} : tensor<?x64xf32>) {offset = 2 : i64} -> tensor<?x64xf32>
  %0 = xf.position_embedding ins(%rows, %t : tensor<66x64xf32>) outs(%x : tensor<?x64xf32>) {offset = 2 : i64} -> tensor<?x64xf32>
  %h = arith.constant 0 : index
  // The slopes keep all their bits.
  // CHECK: xf.attention %{{.*}} outs(%{{.*}} : tensor<?x64xf32>) alibi [5.000000e-01, 0.707106769, 2.500000e-01, 1.250000e-01]
  // CHECK-SAME: {group = 2 : i64, scale = 2.500000e-01 : f32, soft_cap = 5.000000e+01 : f32, window = 12 : i64} :
  %1 = xf.attention %c[%layer] heads from %h ins(%rows, %0 : tensor<?x64xf32>) outs(%x : tensor<?x64xf32>)
    alibi [0.5, 0.707106769, 0.25, 0.125] {group = 2 : i64, scale = 0.25 : f32, soft_cap = 50.0 : f32, window = 12 : i64}
    : !xf.kv_cache<3 x 2 x 16, f16, tiles16> -> tensor<?x64xf32>
  // CHECK: xf.logits ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<420x64xbf16>) bias(%{{.*}} : tensor<420xf32>) outs
  %2 = xf.logits ins(%1, %w : tensor<?x64xf32>, tensor<420x64xbf16>) bias(%b : tensor<420xf32>) outs(%l : tensor<?x420xf32>) -> tensor<?x420xf32>
  return
}

// CHECK-LABEL: func.func @on_memrefs
func.func @on_memrefs(%rows: !xf.rows, %x: memref<?x64xf32>, %y: memref<?x64xf32, strided<[64, 1], offset: ?>>,
    %w: memref<4x64x!xf.panel<16 x 1, f32>>) {
  // CHECK: xf.linear ins(%{{.*}}, %{{.*}} : memref<?x64xf32>, memref<4x64x!xf.panel<16 x 1, f32>>) outs(%{{.*}} : memref<?x64xf32, strided<[64, 1], offset: ?>>)
  xf.linear ins(%x, %w : memref<?x64xf32>, memref<4x64x!xf.panel<16 x 1, f32>>) outs(%y : memref<?x64xf32, strided<[64, 1], offset: ?>>)
  // CHECK: xf.glu silu
  xf.glu silu ins(%x, %x : memref<?x64xf32>, memref<?x64xf32>) outs(%y : memref<?x64xf32, strided<[64, 1], offset: ?>>)
  return
}

}
