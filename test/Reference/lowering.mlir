// Passes keep the bits of a model: weights of every encoding, two kinds of layers.
//
// RUN: espalier-opt %s --xf-quantize-activations --xf-interpret="rows=23" -o /dev/null > %t.expected
// RUN: FileCheck %s < %t.expected
// RUN: espalier-opt %s --xf-quantize-activations --xf-interpret="rows=23 chunk=1" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %s --xf-quantize-activations --xf-interpret="rows=23 chunk=7" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %s --xf-quantize-activations --xf-interpret="rows=23 threads=2" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %s --xf-quantize-activations --xf-interpret="rows=23 tree" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %s --xf-quantize-activations --xf-interpret="rows=23 chunk=7 tree" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %s --xf-quantize-activations --xf-select-kv-layout --xf-pack-weights --xf-interpret="rows=23" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %s --xf-quantize-activations --xf-select-kv-layout --xf-pack-weights --xf-partition="few-rows=32 many-rows=64 row-block=8 panels-per-tile=1" -o %t.mlir
// RUN: espalier-opt %t.mlir --xf-interpret="rows=23 step=step_few order=1" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-interpret="rows=23 step=step_few order=2 chunk=1" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %s --xf-quantize-activations --xf-select-kv-layout --xf-pack-weights --xf-partition="split-rows=50 always-split few-rows=64 many-rows=64 row-block=8 panels-per-tile=1" -o %t.split.mlir
// RUN: espalier-opt %t.split.mlir --xf-interpret="rows=23 step=step_split order=1" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.split.mlir --xf-interpret="rows=23 step=step_split order=2 chunk=3" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.split.mlir --xf-interpret="rows=23 step=step_split order=3 tree" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-interpret="rows=23 step=step_many order=3" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-interpret="rows=23 step=step_many order=4 chunk=9" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-interpret="rows=23 order=5 tree" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-lower-repeat --canonicalize --xf-interpret="rows=23 order=6" -o /dev/null | diff %t.expected -
//
// Without quantised activations the results are others, and as stable.
// RUN: espalier-opt %s --xf-interpret="rows=23" -o /dev/null > %t.float
// RUN: not diff %t.expected %t.float
// RUN: espalier-opt %s --xf-select-kv-layout --xf-pack-weights --xf-partition="few-rows=32 many-rows=64 row-block=8 panels-per-tile=1" --xf-interpret="rows=23 step=step_many" -o /dev/null | diff %t.float -

// CHECK: logits {{[0-9a-f]+}} hidden {{[0-9a-f]+}} cache {{[0-9a-f]+}} token

// Hidden 64, 4 query heads and 2 key/value heads of 16, feed-forward 96,
// vocabulary 40; layers 0 and 2 of one kind, layer 1 of another.
!kv = !xf.kv_cache<3 x 2 x 16, f16, unassigned>
!q4_1 = !xf.panel<1 x 32, q4_1>
!q4_0 = !xf.panel<1 x 32, q4_0>
!q8_0 = !xf.panel<1 x 32, q8_0>
!x64 = tensor<?x64xf32>
!x32 = tensor<?x32xf32>
!x96 = tensor<?x96xf32>
module attributes {xf.order = #xf.order<cpu, 2>} {
  xf.weight @embed from ["embed"] : tensor<40x2x!q8_0>
  xf.weight @norm from ["norm"] : tensor<64xf32>
  xf.weight @norm1_a from ["l.{i}.norm1"] layers [0, 2] : tensor<64xf32>
  xf.weight @norm2_a from ["l.{i}.norm2"] layers [0, 2] : tensor<64xf32>
  xf.weight @q_bias_a from ["l.{i}.q_bias"] layers [0, 2] : tensor<64xf32>
  xf.weight @q_a from ["l.{i}.q"] layers [0, 2] : tensor<64x2x!q4_1>
  xf.weight @k_a from ["l.{i}.k"] layers [0, 2] : tensor<32x2x!q8_0>
  xf.weight @v_a from ["l.{i}.v"] layers [0, 2] : tensor<32x64xbf16>
  xf.weight @o_a from ["l.{i}.o"] layers [0, 2] : tensor<64x2x!q4_0>
  xf.weight @gate_a from ["l.{i}.gate"] layers [0, 2] : tensor<96x2x!q4_1>
  xf.weight @up_a from ["l.{i}.up"] layers [0, 2] : tensor<96x2x!q4_0>
  xf.weight @down_a from ["l.{i}.down"] layers [0, 2] : tensor<64x3x!q4_1>
  xf.weight @norm1_b from ["l.{i}.norm1"] layers [1] : tensor<64xf32>
  xf.weight @norm2_b from ["l.{i}.norm2"] layers [1] : tensor<64xf32>
  xf.weight @q_bias_b from ["l.{i}.q_bias"] layers [1] : tensor<64xf32>
  xf.weight @q_b from ["l.{i}.q"] layers [1] : tensor<64x64xf16>
  xf.weight @k_b from ["l.{i}.k"] layers [1] : tensor<32x64xf32>
  xf.weight @v_b from ["l.{i}.v"] layers [1] : tensor<32x2x!q4_1>
  xf.weight @o_b from ["l.{i}.o"] layers [1] : tensor<64x2x!q8_0>
  xf.weight @gate_b from ["l.{i}.gate"] layers [1] : tensor<96x64xbf16>
  xf.weight @up_b from ["l.{i}.up"] layers [1] : tensor<96x2x!q8_0>
  xf.weight @down_b from ["l.{i}.down"] layers [1] : tensor<64x96xf16>
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
    %te = xf.weight_ref @embed : tensor<40x2x!q8_0>
    %e0 = tensor.empty(%r) : !x64
    %x0 = xf.embedding ins(%rows, %te : tensor<40x2x!q8_0>) outs(%e0 : !x64) -> !x64
    %xl, %cl = xf.repeat kinds [0, 1, 0] iter(%x0, %cache : !x64, !kv) {
    ^bb0(%layer: index, %i: index, %x: !x64, %c: !kv):
      xf.tap[%layer] ins(%rows, %x : !x64)
      %e64 = tensor.empty(%r) : !x64
      %e32 = tensor.empty(%r) : !x32
      %e96 = tensor.empty(%r) : !x96
      %norm1 = xf.weight_ref @norm1_a[%i] : tensor<64xf32>
      %norm2 = xf.weight_ref @norm2_a[%i] : tensor<64xf32>
      %q_bias = xf.weight_ref @q_bias_a[%i] : tensor<64xf32>
      %q = xf.weight_ref @q_a[%i] : tensor<64x2x!q4_1>
      %k = xf.weight_ref @k_a[%i] : tensor<32x2x!q8_0>
      %v = xf.weight_ref @v_a[%i] : tensor<32x64xbf16>
      %o = xf.weight_ref @o_a[%i] : tensor<64x2x!q4_0>
      %gate = xf.weight_ref @gate_a[%i] : tensor<96x2x!q4_1>
      %up = xf.weight_ref @up_a[%i] : tensor<96x2x!q4_0>
      %down = xf.weight_ref @down_a[%i] : tensor<64x3x!q4_1>
      %n = xf.rms_norm ins(%x, %norm1 : !x64, tensor<64xf32>) outs(%e64 : !x64) {eps = 1.0e-5 : f32} -> !x64
      %lq = xf.linear ins(%n, %q : !x64, tensor<64x2x!q4_1>) bias(%q_bias : tensor<64xf32>) outs(%e64 : !x64) -> !x64
      %lk = xf.linear ins(%n, %k : !x64, tensor<32x2x!q8_0>) outs(%e32 : !x32) -> !x32
      %lv = xf.linear ins(%n, %v : !x64, tensor<32x64xbf16>) outs(%e32 : !x32) -> !x32
      %qr = xf.rope @rope ins(%rows, %lq : !x64) outs(%e64 : !x64) {head_dim = 16 : i64} -> !x64
      %kr = xf.rope @rope ins(%rows, %lk : !x32) outs(%e32 : !x32) {head_dim = 16 : i64} -> !x32
      %c1 = xf.kv_append keys %c[%layer] heads from %zero ins(%rows, %kr : !x32) : !kv -> !kv
      %c2 = xf.kv_append values %c1[%layer] heads from %zero ins(%rows, %lv : !x32) : !kv -> !kv
      %a = xf.attention %c2[%layer] heads from %zero ins(%rows, %qr : !x64) outs(%e64 : !x64) {group = 2 : i64, scale = 0.25 : f32} : !kv -> !x64
      %x1 = xf.linear ins(%a, %o : !x64, tensor<64x2x!q4_0>) outs(%x : !x64) {accumulate} -> !x64
      %n2 = xf.rms_norm ins(%x1, %norm2 : !x64, tensor<64xf32>) outs(%e64 : !x64) {eps = 1.0e-5 : f32} -> !x64
      %g = xf.linear ins(%n2, %gate : !x64, tensor<96x2x!q4_1>) outs(%e96 : !x96) -> !x96
      %u = xf.linear ins(%n2, %up : !x64, tensor<96x2x!q4_0>) outs(%e96 : !x96) -> !x96
      %gu = xf.glu silu ins(%g, %u : !x96, !x96) outs(%e96 : !x96) -> !x96
      %x2 = xf.linear ins(%gu, %down : !x96, tensor<64x3x!q4_1>) outs(%x1 : !x64) {accumulate} -> !x64
      xf.yield %x2, %c2 : !x64, !kv
    }, {
    ^bb0(%layer: index, %i: index, %x: !x64, %c: !kv):
      xf.tap[%layer] ins(%rows, %x : !x64)
      %e64 = tensor.empty(%r) : !x64
      %e32 = tensor.empty(%r) : !x32
      %e96 = tensor.empty(%r) : !x96
      %norm1 = xf.weight_ref @norm1_b[%i] : tensor<64xf32>
      %norm2 = xf.weight_ref @norm2_b[%i] : tensor<64xf32>
      %q_bias = xf.weight_ref @q_bias_b[%i] : tensor<64xf32>
      %q = xf.weight_ref @q_b[%i] : tensor<64x64xf16>
      %k = xf.weight_ref @k_b[%i] : tensor<32x64xf32>
      %v = xf.weight_ref @v_b[%i] : tensor<32x2x!q4_1>
      %o = xf.weight_ref @o_b[%i] : tensor<64x2x!q8_0>
      %gate = xf.weight_ref @gate_b[%i] : tensor<96x64xbf16>
      %up = xf.weight_ref @up_b[%i] : tensor<96x2x!q8_0>
      %down = xf.weight_ref @down_b[%i] : tensor<64x96xf16>
      %n = xf.rms_norm ins(%x, %norm1 : !x64, tensor<64xf32>) outs(%e64 : !x64) {eps = 1.0e-5 : f32} -> !x64
      %lq = xf.linear ins(%n, %q : !x64, tensor<64x64xf16>) bias(%q_bias : tensor<64xf32>) outs(%e64 : !x64) -> !x64
      %lk = xf.linear ins(%n, %k : !x64, tensor<32x64xf32>) outs(%e32 : !x32) -> !x32
      %lv = xf.linear ins(%n, %v : !x64, tensor<32x2x!q4_1>) outs(%e32 : !x32) -> !x32
      %qr = xf.rope @rope ins(%rows, %lq : !x64) outs(%e64 : !x64) {head_dim = 16 : i64} -> !x64
      %kr = xf.rope @rope ins(%rows, %lk : !x32) outs(%e32 : !x32) {head_dim = 16 : i64} -> !x32
      %c1 = xf.kv_append keys %c[%layer] heads from %zero ins(%rows, %kr : !x32) : !kv -> !kv
      %c2 = xf.kv_append values %c1[%layer] heads from %zero ins(%rows, %lv : !x32) : !kv -> !kv
      %a = xf.attention %c2[%layer] heads from %zero ins(%rows, %qr : !x64) outs(%e64 : !x64) {group = 2 : i64, scale = 0.25 : f32} : !kv -> !x64
      %x1 = xf.linear ins(%a, %o : !x64, tensor<64x2x!q8_0>) outs(%x : !x64) {accumulate} -> !x64
      %n2 = xf.rms_norm ins(%x1, %norm2 : !x64, tensor<64xf32>) outs(%e64 : !x64) {eps = 1.0e-5 : f32} -> !x64
      %g = xf.linear ins(%n2, %gate : !x64, tensor<96x64xbf16>) outs(%e96 : !x96) -> !x96
      %u = xf.linear ins(%n2, %up : !x64, tensor<96x2x!q8_0>) outs(%e96 : !x96) -> !x96
      %gu = xf.glu silu ins(%g, %u : !x96, !x96) outs(%e96 : !x96) -> !x96
      %x2 = xf.linear ins(%gu, %down : !x96, tensor<64x96xf16>) outs(%x1 : !x64) {accumulate} -> !x64
      xf.yield %x2, %c2 : !x64, !kv
    } -> !x64, !kv
    xf.tap[%last] ins(%rows, %xl : !x64)
    %ew = tensor.empty(%wc) : !x64
    %wn = xf.weight_ref @norm : tensor<64xf32>
    %xs = xf.select_rows ins(%rows, %xl : !x64) outs(%ew : !x64) -> !x64
    %nf = xf.rms_norm ins(%xs, %wn : !x64, tensor<64xf32>) outs(%ew : !x64) {eps = 1.0e-5 : f32} -> !x64
    %lg = xf.logits ins(%nf, %te : !x64, tensor<40x2x!q8_0>) outs(%logits : tensor<?x40xf32>) -> tensor<?x40xf32>
    return %lg, %cl : tensor<?x40xf32>, !kv
  }
}
