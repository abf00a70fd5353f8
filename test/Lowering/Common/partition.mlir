// RUN: espalier-opt %s --xf-partition="few-rows=8 many-rows=64 row-block=16 panels-per-tile=1" --canonicalize | FileCheck %s
// RUN: espalier-opt %s --espalier-spmd | FileCheck %s --check-prefix=BUF

// Two layers of the llama family: hidden 64, 4 query heads and 2 key/value heads
// of 16, feed-forward 96, vocabulary 40.
!kv = !xf.kv_cache<2 x 2 x 16, f16, tiles16>
!w64x64 = tensor<4x2x!xf.panel<16 x 32, q8_0>>
!w32x64 = tensor<2x2x!xf.panel<16 x 32, q8_0>>
!w96x64 = tensor<6x2x!xf.panel<16 x 32, q8_0>>
!w64x96 = tensor<4x3x!xf.panel<16 x 32, q8_0>>
!w40x64 = tensor<3x2x!xf.panel<16 x 32, q8_0>>
!a64 = tensor<?x2x!xf.panel<1 x 32, a8>>
!a96 = tensor<?x3x!xf.panel<1 x 32, a8>>
module attributes {xf.order = #xf.order<cpu, 2>} {
  xf.weight @embed from ["embed"] : !w40x64
  xf.weight @norm from ["norm"] : tensor<64xf32>
  xf.weight @norm1 from ["l.{i}.norm1"] layers [0, 1] : tensor<64xf32>
  xf.weight @norm2 from ["l.{i}.norm2"] layers [0, 1] : tensor<64xf32>
  xf.weight @q from ["l.{i}.q"] layers [0, 1] : !w64x64
  xf.weight @k from ["l.{i}.k"] layers [0, 1] : !w32x64
  xf.weight @v from ["l.{i}.v"] layers [0, 1] : !w32x64
  xf.weight @o from ["l.{i}.o"] layers [0, 1] : !w64x64
  xf.weight @gate from ["l.{i}.gate"] layers [0, 1] : !w96x64
  xf.weight @up from ["l.{i}.up"] layers [0, 1] : !w96x64
  xf.weight @down from ["l.{i}.down"] layers [0, 1] : !w64x96
  xf.rope_table @rope [1.0, 0.5, 0.25, 0.125, 0.1, 0.05, 0.02, 0.01] factor 1.0

  // CHECK-LABEL: func.func @step_few
  // CHECK-SAME: xf.max_rows = 8
  // CHECK: spmd.phase
  // CHECK: scf.forall
  // CHECK: xf.embedding
  // CHECK: mapping = [#spmd.tiles<static, 1>]
  // CHECK: xf.repeat
  // CHECK: spmd.phase
  // CHECK: xf.rms_norm
  // CHECK: xf.quantize_activations
  // CHECK: scf.forall {{.*}} = (0) to (64) step (16)
  // CHECK: xf.linear
  // CHECK: xf.rope
  // CHECK: scf.forall {{.*}} = (0) to (32) step (16)
  // CHECK: xf.kv_append keys
  // CHECK: xf.kv_append values
  // CHECK: spmd.phase
  // CHECK: xf.attention
  // CHECK: spmd.phase
  // CHECK: accumulate
  // CHECK: spmd.phase
  // CHECK: xf.glu silu
  // CHECK: spmd.phase
  // CHECK: accumulate
  // CHECK-NOT: spmd.phase
  // CHECK: xf.yield
  // CHECK: spmd.phase
  // CHECK: xf.logits
  // CHECK-LABEL: func.func @step_many
  // CHECK: #spmd.tiles<claim

  // BUF-LABEL: func.func @step_few
  // BUF-SAME: spmd.private_bytes
  // BUF: scf.for
  // BUF-NOT: memref.alloc
  // BUF-NOT: memref.copy
  // BUF-COUNT-5: spmd.barrier
  // BUF: spmd.barrier
  // BUF-NOT: spmd.barrier
  // BUF: func.func @step_many
  func.func @step(%rows: !xf.rows, %cache: !kv, %logits: tensor<?x40xf32>) -> (tensor<?x40xf32>, !kv) {
    %r = xf.rows_count %rows
    %wc = xf.wanted_count %rows
    %zero = arith.constant 0 : index
    %two = arith.constant 2 : index
    %te = xf.weight_ref @embed : !w40x64
    %e0 = tensor.empty(%r) : tensor<?x64xf32>
    %x0 = xf.embedding ins(%rows, %te : !w40x64) outs(%e0 : tensor<?x64xf32>) -> tensor<?x64xf32>
    %xl, %cl = xf.repeat kinds [0, 0] iter(%x0, %cache : tensor<?x64xf32>, !kv) {
    ^bb0(%layer: index, %i: index, %x: tensor<?x64xf32>, %c: !kv):
      xf.tap[%layer] ins(%rows, %x : tensor<?x64xf32>)
      %e64 = tensor.empty(%r) : tensor<?x64xf32>
      %e32 = tensor.empty(%r) : tensor<?x32xf32>
      %e96 = tensor.empty(%r) : tensor<?x96xf32>
      %ea64 = tensor.empty(%r) : !a64
      %ea96 = tensor.empty(%r) : !a96
      %wn1 = xf.weight_ref @norm1[%i] : tensor<64xf32>
      %wn2 = xf.weight_ref @norm2[%i] : tensor<64xf32>
      %wq = xf.weight_ref @q[%i] : !w64x64
      %wk = xf.weight_ref @k[%i] : !w32x64
      %wv = xf.weight_ref @v[%i] : !w32x64
      %wo = xf.weight_ref @o[%i] : !w64x64
      %wg = xf.weight_ref @gate[%i] : !w96x64
      %wu = xf.weight_ref @up[%i] : !w96x64
      %wd = xf.weight_ref @down[%i] : !w64x96
      %n = xf.rms_norm ins(%x, %wn1 : tensor<?x64xf32>, tensor<64xf32>) outs(%e64 : tensor<?x64xf32>) {eps = 1.0e-5 : f32} -> tensor<?x64xf32>
      %nq = xf.quantize_activations ins(%n : tensor<?x64xf32>) outs(%ea64 : !a64) -> !a64
      %q = xf.linear ins(%nq, %wq : !a64, !w64x64) outs(%e64 : tensor<?x64xf32>) -> tensor<?x64xf32>
      %k = xf.linear ins(%nq, %wk : !a64, !w32x64) outs(%e32 : tensor<?x32xf32>) -> tensor<?x32xf32>
      %v = xf.linear ins(%nq, %wv : !a64, !w32x64) outs(%e32 : tensor<?x32xf32>) -> tensor<?x32xf32>
      %qr = xf.rope @rope ins(%rows, %q : tensor<?x64xf32>) outs(%e64 : tensor<?x64xf32>) {head_dim = 16 : i64} -> tensor<?x64xf32>
      %kr = xf.rope @rope ins(%rows, %k : tensor<?x32xf32>) outs(%e32 : tensor<?x32xf32>) {head_dim = 16 : i64} -> tensor<?x32xf32>
      %c1 = xf.kv_append keys %c[%layer] heads from %zero ins(%rows, %kr : tensor<?x32xf32>) : !kv -> !kv
      %c2 = xf.kv_append values %c1[%layer] heads from %zero ins(%rows, %v : tensor<?x32xf32>) : !kv -> !kv
      %a = xf.attention %c2[%layer] heads from %zero ins(%rows, %qr : tensor<?x64xf32>) outs(%e64 : tensor<?x64xf32>) {group = 2 : i64, scale = 0.25 : f32} : !kv -> tensor<?x64xf32>
      %aq = xf.quantize_activations ins(%a : tensor<?x64xf32>) outs(%ea64 : !a64) -> !a64
      %x1 = xf.linear ins(%aq, %wo : !a64, !w64x64) outs(%x : tensor<?x64xf32>) {accumulate} -> tensor<?x64xf32>
      %n2 = xf.rms_norm ins(%x1, %wn2 : tensor<?x64xf32>, tensor<64xf32>) outs(%e64 : tensor<?x64xf32>) {eps = 1.0e-5 : f32} -> tensor<?x64xf32>
      %n2q = xf.quantize_activations ins(%n2 : tensor<?x64xf32>) outs(%ea64 : !a64) -> !a64
      %g = xf.linear ins(%n2q, %wg : !a64, !w96x64) outs(%e96 : tensor<?x96xf32>) -> tensor<?x96xf32>
      %u = xf.linear ins(%n2q, %wu : !a64, !w96x64) outs(%e96 : tensor<?x96xf32>) -> tensor<?x96xf32>
      %gu = xf.glu silu ins(%g, %u : tensor<?x96xf32>, tensor<?x96xf32>) outs(%e96 : tensor<?x96xf32>) -> tensor<?x96xf32>
      %guq = xf.quantize_activations ins(%gu : tensor<?x96xf32>) outs(%ea96 : !a96) -> !a96
      %x2 = xf.linear ins(%guq, %wd : !a96, !w64x96) outs(%x1 : tensor<?x64xf32>) {accumulate} -> tensor<?x64xf32>
      xf.yield %x2, %c2 : tensor<?x64xf32>, !kv
    } -> tensor<?x64xf32>, !kv
    xf.tap[%two] ins(%rows, %xl : tensor<?x64xf32>)
    %ew = tensor.empty(%wc) : tensor<?x64xf32>
    %eaw = tensor.empty(%wc) : !a64
    %wn = xf.weight_ref @norm : tensor<64xf32>
    %xs = xf.select_rows ins(%rows, %xl : tensor<?x64xf32>) outs(%ew : tensor<?x64xf32>) -> tensor<?x64xf32>
    %nf = xf.rms_norm ins(%xs, %wn : tensor<?x64xf32>, tensor<64xf32>) outs(%ew : tensor<?x64xf32>) {eps = 1.0e-5 : f32} -> tensor<?x64xf32>
    %nfq = xf.quantize_activations ins(%nf : tensor<?x64xf32>) outs(%eaw : !a64) -> !a64
    %lg = xf.logits ins(%nfq, %te : !a64, !w40x64) outs(%logits : tensor<?x40xf32>) -> tensor<?x40xf32>
    return %lg, %cl : tensor<?x40xf32>, !kv
  }
}
