// RUN: espalier-opt %s --xf-partition="few-rows=8 many-rows=64 row-block=16 panels-per-tile=1" --canonicalize | FileCheck %s

// Attention and feed-forward side by side: the codes of what enters the last
// projection stand in the phase of that projection, not in that of attention,
// whose tiles are claimed. A norm that two phases read is made twice in the first:
// for its own readers, by every worker, and for the later ones, tile by tile. A norm
// that adds to the stream has a phase of its own.
!kv = !xf.kv_cache<1 x 2 x 16, f16, tiles16>
!x64 = tensor<?x64xf32>
!x32 = tensor<?x32xf32>
!w64 = tensor<4x2x!xf.panel<16 x 32, q8_0>>
!w32 = tensor<2x2x!xf.panel<16 x 32, q8_0>>
!a64 = tensor<?x2x!xf.panel<1 x 32, a8>>
module attributes {xf.order = #xf.order<cpu, 2>} {
  xf.weight @n from ["n"] : tensor<64xf32>
  xf.weight @w from ["w"] : !w64
  xf.weight @s from ["s"] : !w32

  // CHECK-LABEL: func.func @step_few
  // CHECK: spmd.phase
  // CHECK: scf.forall
  // CHECK: xf.layer_norm ins({{.*}} : tensor<1x64xf32>
  // CHECK: mapping = [#spmd.tiles<static, 1>]
  // CHECK: xf.layer_norm ins({{.*}} : tensor<?x64xf32>
  // CHECK: xf.quantize_activations
  // CHECK: xf.kv_append values
  // CHECK: xf.activation gelu
  // CHECK: spmd.phase
  // CHECK: xf.attention
  // CHECK-NOT: xf.quantize_activations
  // CHECK: spmd.phase
  // CHECK: xf.linear {{.*}} {accumulate}
  // CHECK: spmd.phase
  // CHECK: xf.quantize_activations
  // CHECK: scf.forall
  // CHECK: xf.linear {{.*}} {accumulate}
  // CHECK: spmd.phase
  // CHECK-NOT: xf.linear
  // CHECK: xf.rms_norm {{.*}} {accumulate
  // CHECK-NOT: spmd.phase
  // CHECK-LABEL: func.func @step_many
  // CHECK: xf.attention
  // CHECK: #spmd.tiles<claim
  func.func @step(%rows: !xf.rows, %cache: !kv, %x: !x64) -> (!x64, !kv) {
    %r = xf.rows_count %rows
    %zero = arith.constant 0 : index
    %e64 = tensor.empty(%r) : !x64
    %e32 = tensor.empty(%r) : !x32
    %e8 = tensor.empty(%r) : !a64
    %nw = xf.weight_ref @n : tensor<64xf32>
    %w = xf.weight_ref @w : !w64
    %s = xf.weight_ref @s : !w32
    %n = xf.layer_norm ins(%x, %nw : !x64, tensor<64xf32>) outs(%e64 : !x64) {eps = 1.0e-5 : f32} -> !x64
    %n8 = xf.quantize_activations ins(%n : !x64) outs(%e8 : !a64) -> !a64
    %q = xf.linear ins(%n8, %w : !a64, !w64) outs(%e64 : !x64) -> !x64
    %k = xf.linear ins(%n8, %s : !a64, !w32) outs(%e32 : !x32) -> !x32
    %c1 = xf.kv_append keys %cache[%zero] heads from %zero ins(%rows, %k : !x32) : !kv -> !kv
    %c2 = xf.kv_append values %c1[%zero] heads from %zero ins(%rows, %k : !x32) : !kv -> !kv
    %u = xf.linear ins(%n8, %w : !a64, !w64) outs(%e64 : !x64) -> !x64
    %g = xf.activation gelu ins(%u : !x64) outs(%e64 : !x64) -> !x64
    %a = xf.attention %c2[%zero] heads from %zero ins(%rows, %q : !x64) outs(%e64 : !x64) {group = 2 : i64, scale = 0.25 : f32} : !kv -> !x64
    %a8 = xf.quantize_activations ins(%a : !x64) outs(%e8 : !a64) -> !a64
    %x1 = xf.linear ins(%a8, %w : !a64, !w64) outs(%x : !x64) {accumulate} -> !x64
    %g8 = xf.quantize_activations ins(%g : !x64) outs(%e8 : !a64) -> !a64
    %x2 = xf.linear ins(%g8, %w : !a64, !w64) outs(%x1 : !x64) {accumulate} -> !x64
    %x3 = xf.rms_norm ins(%n, %nw : !x64, tensor<64xf32>) outs(%x2 : !x64) {accumulate, eps = 1.0e-5 : f32} -> !x64
    return %x3, %c2 : !x64, !kv
  }
}
