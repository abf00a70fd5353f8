// Passes keep the bits of a model of the ops that some families have: norms of heads
// and norms that add to the stream, layer norms, learned positions, windows, caps,
// slopes, activations, scales, a bias of the logits and what follows them.
//
// RUN: espalier-opt %s --xf-quantize-activations --xf-interpret="rows=83" -o /dev/null > %t.expected
// RUN: FileCheck %s < %t.expected
// RUN: espalier-opt %s --xf-quantize-activations --xf-interpret="rows=83 chunk=1" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %s --xf-quantize-activations --xf-interpret="rows=83 chunk=7 tree" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %s --xf-quantize-activations --xf-select-kv-layout --xf-pack-weights --xf-partition="few-rows=96 many-rows=192 row-block=8 panels-per-tile=1" -o %t.mlir
// RUN: espalier-opt %t.mlir --xf-interpret="rows=83 step=step_few order=1" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %s --xf-quantize-activations --xf-select-kv-layout --xf-pack-weights --xf-partition="split-rows=90 always-split few-rows=96 many-rows=192 row-block=8 panels-per-tile=1" -o %t.split.mlir
// RUN: espalier-opt %t.split.mlir --xf-interpret="rows=83 step=step_split order=1" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.split.mlir --xf-interpret="rows=83 step=step_split order=4 chunk=5" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-interpret="rows=83 step=step_few order=2 chunk=1" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-interpret="rows=83 step=step_many order=3" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-interpret="rows=83 step=step_many order=4 chunk=9" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-interpret="rows=83 order=5 tree" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-lower-repeat --canonicalize --xf-interpret="rows=83 order=6" -o /dev/null | diff %t.expected -

// CHECK: logits {{[0-9a-f]+}} hidden {{[0-9a-f]+}} cache {{[0-9a-f]+}} token

// Hidden 64, 4 query heads and 2 key/value heads of 16, feed-forward 96,
// vocabulary 40; layers 0 and 2 of one kind, layer 1 of another.
!kv = !xf.kv_cache<3 x 2 x 16, f16, unassigned>
!q4_1 = !xf.panel<1 x 32, q4_1>
!q8_0 = !xf.panel<1 x 32, q8_0>
!x64 = tensor<?x64xf32>
!x32 = tensor<?x32xf32>
!x96 = tensor<?x96xf32>
module attributes {xf.order = #xf.order<cpu, 2>} {
  xf.weight @embed from ["embed"] : tensor<40x64xbf16>
  xf.weight @positions from ["positions"] : tensor<100x64xf16>
  xf.weight @embed_norm from ["embed_norm"] : tensor<64xf32>
  xf.weight @norm from ["norm"] : tensor<64xf32>
  xf.weight @norm_bias from ["norm_bias"] : tensor<64xf32>
  xf.weight @head_bias from ["head_bias"] : tensor<40xf32>
  xf.weight @norm1_a from ["l.{i}.norm1"] layers [0, 2] : tensor<64xf32>
  xf.weight @bias1_a from ["l.{i}.bias1"] layers [0, 2] : tensor<64xf32>
  xf.weight @norm2_a from ["l.{i}.norm2"] layers [0, 2] : tensor<64xf32>
  xf.weight @post1_a from ["l.{i}.post1"] layers [0, 2] : tensor<64xf32>
  xf.weight @post2_a from ["l.{i}.post2"] layers [0, 2] : tensor<64xf32>
  xf.weight @qn_a from ["l.{i}.qn"] layers [0, 2] : tensor<16xf32>
  xf.weight @kn_a from ["l.{i}.kn"] layers [0, 2] : tensor<16xf32>
  xf.weight @q_a from ["l.{i}.q"] layers [0, 2] : tensor<64x2x!q4_1>
  xf.weight @k_a from ["l.{i}.k"] layers [0, 2] : tensor<32x64xbf16>
  xf.weight @v_a from ["l.{i}.v"] layers [0, 2] : tensor<32x2x!q8_0>
  xf.weight @o_a from ["l.{i}.o"] layers [0, 2] : tensor<64x2x!q4_1>
  xf.weight @gate_a from ["l.{i}.gate"] layers [0, 2] : tensor<96x2x!q8_0>
  xf.weight @up_a from ["l.{i}.up"] layers [0, 2] : tensor<96x2x!q4_1>
  xf.weight @down_a from ["l.{i}.down"] layers [0, 2] : tensor<64x3x!q4_1>
  xf.weight @side_a from ["l.{i}.side"] layers [0, 2] : tensor<64x2x!q8_0>
  xf.weight @norm1_b from ["l.{i}.norm1"] layers [1] : tensor<64xf32>
  xf.weight @bias1_b from ["l.{i}.bias1"] layers [1] : tensor<64xf32>
  xf.weight @norm2_b from ["l.{i}.norm2"] layers [1] : tensor<64xf32>
  xf.weight @post1_b from ["l.{i}.post1"] layers [1] : tensor<64xf32>
  xf.weight @post2_b from ["l.{i}.post2"] layers [1] : tensor<64xf32>
  xf.weight @qn_b from ["l.{i}.qn"] layers [1] : tensor<64xf32>
  xf.weight @kn_b from ["l.{i}.kn"] layers [1] : tensor<32xf32>
  xf.weight @q_b from ["l.{i}.q"] layers [1] : tensor<64x2x!q4_1>
  xf.weight @k_b from ["l.{i}.k"] layers [1] : tensor<32x64xbf16>
  xf.weight @v_b from ["l.{i}.v"] layers [1] : tensor<32x2x!q8_0>
  xf.weight @o_b from ["l.{i}.o"] layers [1] : tensor<64x2x!q4_1>
  xf.weight @gate_b from ["l.{i}.gate"] layers [1] : tensor<96x2x!q8_0>
  xf.weight @up_b from ["l.{i}.up"] layers [1] : tensor<96x2x!q4_1>
  xf.weight @down_b from ["l.{i}.down"] layers [1] : tensor<64x3x!q4_1>
  xf.weight @side_b from ["l.{i}.side"] layers [1] : tensor<64x2x!q8_0>
  xf.rope_table @rope [1.0, 0.5, 0.25, 0.125, 0.1, 0.05, 0.02, 0.01] factor 1.0

  func.func @commit(%cache: !kv, %past: index, %path: tensor<?xi32>) -> !kv {
    %c = xf.kv_commit %cache from %past path(%path : tensor<?xi32>) : !kv -> !kv
    return %c : !kv
  }

  func.func @step(%rows: !xf.rows, %cache: !kv, %logits: tensor<?x40xf32>) -> (tensor<?x40xf32>, !kv) {
    %r = xf.rows_count %rows
    %wc = xf.wanted_count %rows
    %zero = arith.constant 0 : index
    %last = arith.constant 3 : index
    %te = xf.weight_ref @embed : tensor<40x64xbf16>
    %tp = xf.weight_ref @positions : tensor<100x64xf16>
    %en = xf.weight_ref @embed_norm : tensor<64xf32>
    %e0 = tensor.empty(%r) : !x64
    %x00 = xf.embedding ins(%rows, %te : tensor<40x64xbf16>) outs(%e0 : !x64) -> !x64
    %x01 = xf.scale ins(%x00 : !x64) outs(%e0 : !x64) {factor = 8.0 : f32} -> !x64
    %x02 = xf.position_embedding ins(%rows, %tp : tensor<100x64xf16>) outs(%x01 : !x64) {offset = 2 : i64} -> !x64
    %x0 = xf.layer_norm ins(%x02, %en : !x64, tensor<64xf32>) outs(%e0 : !x64) {eps = 1.0e-5 : f32} -> !x64
    %xl, %cl = xf.repeat kinds [0, 1, 0] iter(%x0, %cache : !x64, !kv) {
    ^bb0(%layer: index, %i: index, %x: !x64, %c: !kv):
      xf.tap[%layer] ins(%rows, %x : !x64)
      %e64 = tensor.empty(%r) : !x64
      %e32 = tensor.empty(%r) : !x32
      %e96 = tensor.empty(%r) : !x96
      %norm1 = xf.weight_ref @norm1_a[%i] : tensor<64xf32>
      %bias1 = xf.weight_ref @bias1_a[%i] : tensor<64xf32>
      %norm2 = xf.weight_ref @norm2_a[%i] : tensor<64xf32>
      %post1 = xf.weight_ref @post1_a[%i] : tensor<64xf32>
      %post2 = xf.weight_ref @post2_a[%i] : tensor<64xf32>
      %qn = xf.weight_ref @qn_a[%i] : tensor<16xf32>
      %kn = xf.weight_ref @kn_a[%i] : tensor<16xf32>
      %q = xf.weight_ref @q_a[%i] : tensor<64x2x!q4_1>
      %k = xf.weight_ref @k_a[%i] : tensor<32x64xbf16>
      %v = xf.weight_ref @v_a[%i] : tensor<32x2x!q8_0>
      %o = xf.weight_ref @o_a[%i] : tensor<64x2x!q4_1>
      %gate = xf.weight_ref @gate_a[%i] : tensor<96x2x!q8_0>
      %up = xf.weight_ref @up_a[%i] : tensor<96x2x!q4_1>
      %down = xf.weight_ref @down_a[%i] : tensor<64x3x!q4_1>
      %side = xf.weight_ref @side_a[%i] : tensor<64x2x!q8_0>
      %n = xf.rms_norm ins(%x, %norm1 : !x64, tensor<64xf32>) outs(%e64 : !x64) {eps = 1.0e-5 : f32} -> !x64
      %lq = xf.linear ins(%n, %q : !x64, tensor<64x2x!q4_1>) outs(%e64 : !x64) -> !x64
      %lk = xf.linear ins(%n, %k : !x64, tensor<32x64xbf16>) outs(%e32 : !x32) -> !x32
      %lv = xf.linear ins(%n, %v : !x64, tensor<32x2x!q8_0>) outs(%e32 : !x32) -> !x32
      %nq = xf.rms_norm ins(%lq, %qn : !x64, tensor<16xf32>) outs(%e64 : !x64) {eps = 1.0e-6 : f32, segment = 16 : i64} -> !x64
      %nk = xf.rms_norm ins(%lk, %kn : !x32, tensor<16xf32>) outs(%e32 : !x32) {eps = 1.0e-6 : f32, segment = 16 : i64} -> !x32
      %qr = xf.rope @rope ins(%rows, %nq : !x64) outs(%e64 : !x64) {head_dim = 16 : i64} -> !x64
      %kr = xf.rope @rope ins(%rows, %nk : !x32) outs(%e32 : !x32) {head_dim = 16 : i64} -> !x32
      %c1 = xf.kv_append keys %c[%layer] heads from %zero ins(%rows, %kr : !x32) : !kv -> !kv
      %c2 = xf.kv_append values %c1[%layer] heads from %zero ins(%rows, %lv : !x32) : !kv -> !kv
      %a = xf.attention %c2[%layer] heads from %zero ins(%rows, %qr : !x64) outs(%e64 : !x64) {group = 2 : i64, scale = 0.25 : f32, window = 12 : i64, soft_cap = 5.0 : f32} : !kv -> !x64
      %lo = xf.linear ins(%a, %o : !x64, tensor<64x2x!q4_1>) outs(%e64 : !x64) -> !x64
      %x1 = xf.rms_norm ins(%lo, %post1 : !x64, tensor<64xf32>) outs(%x : !x64) {accumulate, eps = 1.0e-5 : f32} -> !x64
      %n2 = xf.rms_norm ins(%x1, %norm2 : !x64, tensor<64xf32>) outs(%e64 : !x64) {eps = 1.0e-5 : f32} -> !x64
      %g = xf.linear ins(%n2, %gate : !x64, tensor<96x2x!q8_0>) outs(%e96 : !x96) -> !x96
      %u = xf.linear ins(%n2, %up : !x64, tensor<96x2x!q4_1>) outs(%e96 : !x96) -> !x96
      %gu = xf.glu gelu_tanh ins(%g, %u : !x96, !x96) outs(%e96 : !x96) -> !x96
      %ld = xf.linear ins(%gu, %down : !x96, tensor<64x3x!q4_1>) outs(%e64 : !x64) -> !x64
      %x2 = xf.rms_norm ins(%ld, %post2 : !x64, tensor<64xf32>) outs(%x1 : !x64) {accumulate, eps = 1.0e-5 : f32} -> !x64
      xf.yield %x2, %c2 : !x64, !kv
    }, {
    ^bb0(%layer: index, %i: index, %x: !x64, %c: !kv):
      xf.tap[%layer] ins(%rows, %x : !x64)
      %e64 = tensor.empty(%r) : !x64
      %e32 = tensor.empty(%r) : !x32
      %e96 = tensor.empty(%r) : !x96
      %norm1 = xf.weight_ref @norm1_b[%i] : tensor<64xf32>
      %bias1 = xf.weight_ref @bias1_b[%i] : tensor<64xf32>
      %norm2 = xf.weight_ref @norm2_b[%i] : tensor<64xf32>
      %post1 = xf.weight_ref @post1_b[%i] : tensor<64xf32>
      %post2 = xf.weight_ref @post2_b[%i] : tensor<64xf32>
      %qn = xf.weight_ref @qn_b[%i] : tensor<64xf32>
      %kn = xf.weight_ref @kn_b[%i] : tensor<32xf32>
      %q = xf.weight_ref @q_b[%i] : tensor<64x2x!q4_1>
      %k = xf.weight_ref @k_b[%i] : tensor<32x64xbf16>
      %v = xf.weight_ref @v_b[%i] : tensor<32x2x!q8_0>
      %o = xf.weight_ref @o_b[%i] : tensor<64x2x!q4_1>
      %gate = xf.weight_ref @gate_b[%i] : tensor<96x2x!q8_0>
      %up = xf.weight_ref @up_b[%i] : tensor<96x2x!q4_1>
      %down = xf.weight_ref @down_b[%i] : tensor<64x3x!q4_1>
      %side = xf.weight_ref @side_b[%i] : tensor<64x2x!q8_0>
      // The norm is read by the first phase and by a later one.
      %n = xf.layer_norm ins(%x, %norm1 : !x64, tensor<64xf32>) bias(%bias1 : tensor<64xf32>) outs(%e64 : !x64) {eps = 1.0e-5 : f32} -> !x64
      %lq = xf.linear ins(%n, %q : !x64, tensor<64x2x!q4_1>) outs(%e64 : !x64) -> !x64
      %lk = xf.linear ins(%n, %k : !x64, tensor<32x64xbf16>) outs(%e32 : !x32) -> !x32
      %lv = xf.linear ins(%n, %v : !x64, tensor<32x2x!q8_0>) outs(%e32 : !x32) -> !x32
      %nq = xf.layer_norm ins(%lq, %qn : !x64, tensor<64xf32>) outs(%e64 : !x64) {eps = 1.0e-6 : f32, segment = 16 : i64} -> !x64
      %nk = xf.layer_norm ins(%lk, %kn : !x32, tensor<32xf32>) outs(%e32 : !x32) {eps = 1.0e-6 : f32, segment = 16 : i64} -> !x32
      %c1 = xf.kv_append keys %c[%layer] heads from %zero ins(%rows, %nk : !x32) : !kv -> !kv
      %c2 = xf.kv_append values %c1[%layer] heads from %zero ins(%rows, %lv : !x32) : !kv -> !kv
      %a = xf.attention %c2[%layer] heads from %zero ins(%rows, %nq : !x64) outs(%e64 : !x64) alibi [0.5, 0.25, 0.125, 0.0625] {group = 2 : i64, scale = 0.25 : f32} : !kv -> !x64
      %lo = xf.linear ins(%a, %o : !x64, tensor<64x2x!q4_1>) outs(%e64 : !x64) -> !x64
      %x1 = xf.scale ins(%lo : !x64) outs(%x : !x64) {accumulate, factor = 0.5 : f32} -> !x64
      %u = xf.linear ins(%n, %up : !x64, tensor<96x2x!q4_1>) outs(%e96 : !x96) -> !x96
      %gu = xf.activation gelu ins(%u : !x96) outs(%e96 : !x96) -> !x96
      %x2 = xf.linear ins(%gu, %down : !x96, tensor<64x3x!q4_1>) outs(%x1 : !x64) {accumulate} -> !x64
      %s1 = xf.linear ins(%n, %side : !x64, tensor<64x2x!q8_0>) outs(%x2 : !x64) {accumulate} -> !x64
      %x3 = xf.scale ins(%n : !x64) outs(%s1 : !x64) {accumulate, factor = 0.125 : f32} -> !x64
      xf.yield %x3, %c2 : !x64, !kv
    } -> !x64, !kv
    xf.tap[%last] ins(%rows, %xl : !x64)
    %ew = tensor.empty(%wc) : !x64
    %el = tensor.empty(%wc) : tensor<?x40xf32>
    %wn = xf.weight_ref @norm : tensor<64xf32>
    %wb = xf.weight_ref @norm_bias : tensor<64xf32>
    %hb = xf.weight_ref @head_bias : tensor<40xf32>
    %xs = xf.select_rows ins(%rows, %xl : !x64) outs(%ew : !x64) -> !x64
    %nf = xf.layer_norm ins(%xs, %wn : !x64, tensor<64xf32>) bias(%wb : tensor<64xf32>) outs(%ew : !x64) {eps = 1.0e-5 : f32} -> !x64
    %lg = xf.logits ins(%nf, %te : !x64, tensor<40x64xbf16>) bias(%hb : tensor<40xf32>) outs(%el : tensor<?x40xf32>) -> tensor<?x40xf32>
    %ls = xf.scale ins(%lg : tensor<?x40xf32>) outs(%el : tensor<?x40xf32>) {factor = 0.0625 : f32} -> tensor<?x40xf32>
    %lc = xf.soft_cap ins(%ls : tensor<?x40xf32>) outs(%logits : tensor<?x40xf32>) {cap = 30.0 : f32} -> tensor<?x40xf32>
    return %lc, %cl : tensor<?x40xf32>, !kv
  }
}
