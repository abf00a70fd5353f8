// Passes keep the bits of a model with experts: quantised ones in layers 0 and 2,
// floats in layer 1, where a row goes to three of five and weights are not
// renormalised.
//
// RUN: espalier-opt %s --xf-quantize-activations --xf-interpret="rows=23" -o /dev/null > %t.expected
// RUN: FileCheck %s < %t.expected
// RUN: espalier-opt %s --xf-quantize-activations --xf-interpret="rows=23 chunk=1" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %s --xf-quantize-activations --xf-interpret="rows=23 chunk=7 tree" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %s --xf-quantize-activations --xf-select-kv-layout --xf-pack-weights --xf-partition="few-rows=32 many-rows=64 row-block=8 panels-per-tile=1" -o %t.mlir
// RUN: FileCheck %s --check-prefix=PHASES < %t.mlir
// RUN: espalier-opt %t.mlir --xf-interpret="rows=23 step=step_few order=1" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-interpret="rows=23 step=step_few order=2 chunk=1" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-interpret="rows=23 step=step_many order=3" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-interpret="rows=23 step=step_many order=4 chunk=9" -o /dev/null | diff %t.expected -
// RUN: espalier-opt %t.mlir --xf-lower-repeat --canonicalize --xf-interpret="rows=23 order=6" -o /dev/null | diff %t.expected -
//
// To memory and calls: nothing is copied or allocated in the layers.
// RUN: espalier-opt %s --xf-quantize-activations --xf-select-kv-layout --xf-pack-weights --espalier-spmd -o %t.buffers
// RUN: FileCheck %s --check-prefix=BUFFERS < %t.buffers
// RUN: espalier-opt %t.buffers --xf-layout-weights --espalier-cpu-lowering | FileCheck %s --check-prefix=CALLS

// CHECK: logits {{[0-9a-f]+}} hidden {{[0-9a-f]+}} cache {{[0-9a-f]+}} token

// Norm and the router's product; the router; experts up; experts down. Grouped
// linears have all rows in a tile, in both variants.
// PHASES-LABEL: func.func @step_few
// PHASES: xf.attention
// PHASES: spmd.phase
// PHASES: spmd.phase
// PHASES: scf.forall {{.*}} to (5) step (16)
// PHASES: spmd.phase
// PHASES: xf.router
// PHASES: spmd.phase
// PHASES: xf.quantize_activations
// PHASES: scf.forall {{.*}} = (0) to (96) step (16)
// PHASES: xf.grouped_linear
// PHASES: xf.grouped_linear
// PHASES: xf.glu
// PHASES: spmd.phase
// PHASES: xf.quantize_activations
// PHASES: scf.forall {{.*}} = (0) to (64) step (16)
// PHASES: xf.grouped_linear {{.*}} combine
// PHASES-NOT: spmd.phase
// PHASES: xf.yield
// PHASES-LABEL: func.func @step_many
// PHASES: xf.router
// PHASES: spmd.phase
// PHASES: scf.forall {{.*}} = (0) to (96) step (16)
// PHASES: xf.grouped_linear

// BUFFERS-LABEL: func.func @step_few
// BUFFERS-NOT: memref.alloc
// BUFFERS-NOT: memref.copy
// BUFFERS-LABEL: func.func @step_many
// BUFFERS-NOT: memref.alloc
// BUFFERS-NOT: memref.copy

// CALLS-DAG: @xf_router
// CALLS-DAG: @xf_grouped_linear_q4_0g32_a8
// CALLS-DAG: @xf_grouped_linear_bf16g32_f32
// CALLS-DAG: @xf_grouped_linear_f16g32_f32

!kv = !xf.kv_cache<3 x 2 x 16, f16, unassigned>
!q4_1 = !xf.panel<1 x 32, q4_1>
!q4_0 = !xf.panel<1 x 32, q4_0>
!q8_0 = !xf.panel<1 x 32, q8_0>
!x64 = tensor<?x64xf32>
!x32 = tensor<?x32xf32>
!x96 = tensor<?x96xf32>
module attributes {xf.order = #xf.order<cpu, 2>} {
  xf.weight @embed from ["embed"] : tensor<40x64xbf16>
  xf.weight @norm from ["norm"] : tensor<64xf32>
  xf.weight @norm1_a from ["l.{i}.norm1"] layers [0, 2] : tensor<64xf32>
  xf.weight @norm2_a from ["l.{i}.norm2"] layers [0, 2] : tensor<64xf32>
  xf.weight @q_a from ["l.{i}.q"] layers [0, 2] : tensor<64x64xbf16>
  xf.weight @k_a from ["l.{i}.k"] layers [0, 2] : tensor<32x64xbf16>
  xf.weight @v_a from ["l.{i}.v"] layers [0, 2] : tensor<32x64xbf16>
  xf.weight @o_a from ["l.{i}.o"] layers [0, 2] : tensor<64x64xbf16>
  xf.weight @router_a from ["l.{i}.router"] layers [0, 2] : tensor<5x64xf32>
  xf.weight @gate_a from ["l.{i}.e.{e}.gate"] layers [0, 2] : tensor<5x96x2x!q4_0>
  xf.weight @up_a from ["l.{i}.e.{e}.up"] layers [0, 2] : tensor<5x96x2x!q4_1>
  xf.weight @down_a from ["l.{i}.e.{e}.down"] layers [0, 2] : tensor<5x64x3x!q8_0>
  xf.weight @norm1_b from ["l.{i}.norm1"] layers [1] : tensor<64xf32>
  xf.weight @norm2_b from ["l.{i}.norm2"] layers [1] : tensor<64xf32>
  xf.weight @q_b from ["l.{i}.q"] layers [1] : tensor<64x64xbf16>
  xf.weight @k_b from ["l.{i}.k"] layers [1] : tensor<32x64xbf16>
  xf.weight @v_b from ["l.{i}.v"] layers [1] : tensor<32x64xbf16>
  xf.weight @o_b from ["l.{i}.o"] layers [1] : tensor<64x64xbf16>
  xf.weight @router_b from ["l.{i}.router"] layers [1] : tensor<5x64xf32>
  xf.weight @gate_b from ["l.{i}.e.{e}.gate"] layers [1] : tensor<5x96x64xbf16>
  xf.weight @up_b from ["l.{i}.e.{e}.up"] layers [1] : tensor<5x96x64xbf16>
  xf.weight @down_b from ["l.{i}.e.{e}.down"] layers [1] : tensor<5x64x96xf16>

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
    %e0 = tensor.empty(%r) : !x64
    %x0 = xf.embedding ins(%rows, %te : tensor<40x64xbf16>) outs(%e0 : !x64) -> !x64
    %xl, %cl = xf.repeat kinds [0, 1, 0] iter(%x0, %cache : !x64, !kv) {
    ^bb0(%layer: index, %i: index, %x: !x64, %c: !kv):
      xf.tap[%layer] ins(%rows, %x : !x64)
      %e64 = tensor.empty(%r) : !x64
      %e32 = tensor.empty(%r) : !x32
      %e5 = tensor.empty(%r) : tensor<?x5xf32>
      %ei = tensor.empty(%r) : tensor<?x2xi32>
      %ew = tensor.empty(%r) : tensor<?x2xf32>
      %ck = arith.constant 2 : index
      %p = arith.muli %r, %ck : index
      %e96 = tensor.empty(%p) : !x96
      %norm1 = xf.weight_ref @norm1_a[%i] : tensor<64xf32>
      %norm2 = xf.weight_ref @norm2_a[%i] : tensor<64xf32>
      %q = xf.weight_ref @q_a[%i] : tensor<64x64xbf16>
      %k = xf.weight_ref @k_a[%i] : tensor<32x64xbf16>
      %v = xf.weight_ref @v_a[%i] : tensor<32x64xbf16>
      %o = xf.weight_ref @o_a[%i] : tensor<64x64xbf16>
      %router = xf.weight_ref @router_a[%i] : tensor<5x64xf32>
      %gate = xf.weight_ref @gate_a[%i] : tensor<5x96x2x!q4_0>
      %up = xf.weight_ref @up_a[%i] : tensor<5x96x2x!q4_1>
      %down = xf.weight_ref @down_a[%i] : tensor<5x64x3x!q8_0>
      %n = xf.rms_norm ins(%x, %norm1 : !x64, tensor<64xf32>) outs(%e64 : !x64) {eps = 1.0e-5 : f32} -> !x64
      %lq = xf.linear ins(%n, %q : !x64, tensor<64x64xbf16>) outs(%e64 : !x64) -> !x64
      %lk = xf.linear ins(%n, %k : !x64, tensor<32x64xbf16>) outs(%e32 : !x32) -> !x32
      %lv = xf.linear ins(%n, %v : !x64, tensor<32x64xbf16>) outs(%e32 : !x32) -> !x32
      %c1 = xf.kv_append keys %c[%layer] heads from %zero ins(%rows, %lk : !x32) : !kv -> !kv
      %c2 = xf.kv_append values %c1[%layer] heads from %zero ins(%rows, %lv : !x32) : !kv -> !kv
      %a = xf.attention %c2[%layer] heads from %zero ins(%rows, %lq : !x64) outs(%e64 : !x64) {group = 2 : i64, scale = 0.25 : f32} : !kv -> !x64
      %x1 = xf.linear ins(%a, %o : !x64, tensor<64x64xbf16>) outs(%x : !x64) {accumulate} -> !x64
      %n2 = xf.rms_norm ins(%x1, %norm2 : !x64, tensor<64xf32>) outs(%e64 : !x64) {eps = 1.0e-5 : f32} -> !x64
      %s = xf.linear ins(%n2, %router : !x64, tensor<5x64xf32>) outs(%e5 : tensor<?x5xf32>) -> tensor<?x5xf32>
      %ids, %w = xf.router ins(%s : tensor<?x5xf32>) outs(%ei, %ew : tensor<?x2xi32>, tensor<?x2xf32>) {renormalize} -> tensor<?x2xi32>, tensor<?x2xf32>
      %g = xf.grouped_linear ins(%n2, %gate : !x64, tensor<5x96x2x!q4_0>) experts(%ids : tensor<?x2xi32>) outs(%e96 : !x96) -> !x96
      %u = xf.grouped_linear ins(%n2, %up : !x64, tensor<5x96x2x!q4_1>) experts(%ids : tensor<?x2xi32>) outs(%e96 : !x96) -> !x96
      %gu = xf.glu silu ins(%g, %u : !x96, !x96) outs(%e96 : !x96) -> !x96
      %x2 = xf.grouped_linear ins(%gu, %down : !x96, tensor<5x64x3x!q8_0>) experts(%ids : tensor<?x2xi32>) combine(%w : tensor<?x2xf32>) outs(%x1 : !x64) {accumulate} -> !x64
      xf.yield %x2, %c2 : !x64, !kv
    }, {
    ^bb0(%layer: index, %i: index, %x: !x64, %c: !kv):
      xf.tap[%layer] ins(%rows, %x : !x64)
      %e64 = tensor.empty(%r) : !x64
      %e32 = tensor.empty(%r) : !x32
      %e5 = tensor.empty(%r) : tensor<?x5xf32>
      %ei = tensor.empty(%r) : tensor<?x3xi32>
      %ew = tensor.empty(%r) : tensor<?x3xf32>
      %ck = arith.constant 3 : index
      %p = arith.muli %r, %ck : index
      %e96 = tensor.empty(%p) : !x96
      %norm1 = xf.weight_ref @norm1_b[%i] : tensor<64xf32>
      %norm2 = xf.weight_ref @norm2_b[%i] : tensor<64xf32>
      %q = xf.weight_ref @q_b[%i] : tensor<64x64xbf16>
      %k = xf.weight_ref @k_b[%i] : tensor<32x64xbf16>
      %v = xf.weight_ref @v_b[%i] : tensor<32x64xbf16>
      %o = xf.weight_ref @o_b[%i] : tensor<64x64xbf16>
      %router = xf.weight_ref @router_b[%i] : tensor<5x64xf32>
      %gate = xf.weight_ref @gate_b[%i] : tensor<5x96x64xbf16>
      %up = xf.weight_ref @up_b[%i] : tensor<5x96x64xbf16>
      %down = xf.weight_ref @down_b[%i] : tensor<5x64x96xf16>
      %n = xf.rms_norm ins(%x, %norm1 : !x64, tensor<64xf32>) outs(%e64 : !x64) {eps = 1.0e-5 : f32} -> !x64
      %lq = xf.linear ins(%n, %q : !x64, tensor<64x64xbf16>) outs(%e64 : !x64) -> !x64
      %lk = xf.linear ins(%n, %k : !x64, tensor<32x64xbf16>) outs(%e32 : !x32) -> !x32
      %lv = xf.linear ins(%n, %v : !x64, tensor<32x64xbf16>) outs(%e32 : !x32) -> !x32
      %c1 = xf.kv_append keys %c[%layer] heads from %zero ins(%rows, %lk : !x32) : !kv -> !kv
      %c2 = xf.kv_append values %c1[%layer] heads from %zero ins(%rows, %lv : !x32) : !kv -> !kv
      %a = xf.attention %c2[%layer] heads from %zero ins(%rows, %lq : !x64) outs(%e64 : !x64) {group = 2 : i64, scale = 0.25 : f32} : !kv -> !x64
      %x1 = xf.linear ins(%a, %o : !x64, tensor<64x64xbf16>) outs(%x : !x64) {accumulate} -> !x64
      %n2 = xf.rms_norm ins(%x1, %norm2 : !x64, tensor<64xf32>) outs(%e64 : !x64) {eps = 1.0e-5 : f32} -> !x64
      %s = xf.linear ins(%n2, %router : !x64, tensor<5x64xf32>) outs(%e5 : tensor<?x5xf32>) -> tensor<?x5xf32>
      %ids, %w = xf.router ins(%s : tensor<?x5xf32>) outs(%ei, %ew : tensor<?x3xi32>, tensor<?x3xf32>) -> tensor<?x3xi32>, tensor<?x3xf32>
      %g = xf.grouped_linear ins(%n2, %gate : !x64, tensor<5x96x64xbf16>) experts(%ids : tensor<?x3xi32>) outs(%e96 : !x96) -> !x96
      %u = xf.grouped_linear ins(%n2, %up : !x64, tensor<5x96x64xbf16>) experts(%ids : tensor<?x3xi32>) outs(%e96 : !x96) -> !x96
      %gu = xf.glu silu ins(%g, %u : !x96, !x96) outs(%e96 : !x96) -> !x96
      %x2 = xf.grouped_linear ins(%gu, %down : !x96, tensor<5x64x96xf16>) experts(%ids : tensor<?x3xi32>) combine(%w : tensor<?x3xf32>) outs(%x1 : !x64) {accumulate} -> !x64
      xf.yield %x2, %c2 : !x64, !kv
    } -> !x64, !kv
    xf.tap[%last] ins(%rows, %xl : !x64)
    %ew = tensor.empty(%wc) : !x64
    %wn = xf.weight_ref @norm : tensor<64xf32>
    %xs = xf.select_rows ins(%rows, %xl : !x64) outs(%ew : !x64) -> !x64
    %nf = xf.rms_norm ins(%xs, %wn : !x64, tensor<64xf32>) outs(%ew : !x64) {eps = 1.0e-5 : f32} -> !x64
    %lg = xf.logits ins(%nf, %te : !x64, tensor<40x64xbf16>) outs(%logits : tensor<?x40xf32>) -> tensor<?x40xf32>
    return %lg, %cl : tensor<?x40xf32>, !kv
  }
}
