// RUN: espalier-opt %s --espalier-cpu-lowering | FileCheck %s

// One layer of a small model, bufferised, as points 3 to 6 of the pipeline leave
// it: K = 64, 4 heads of 16, 2 key/value heads, vocabulary 100.

// CHECK-LABEL: llvm.func @step_few(
// CHECK-SAME:    %[[ARGS:[a-z0-9]+]]: !llvm.ptr, %[[SCRATCH:[a-z0-9]+]]: !llvm.ptr, %[[W:[a-z0-9]+]]: i32, %[[WS:[a-z0-9]+]]: i32)
// CHECK-SAME:    spmd.private_bytes = {{1[0-9]+}} : i64
// CHECK:       llvm.call @xf_embedding_f32g32(%[[ARGS]],
// The worker's share of wq, or, where it has none, of wk: the first 24 lines.
// CHECK:       llvm.select %{{.*}} : i1, i64
// CHECK:       llvm.select %{{.*}} : i1, i64
// CHECK-COUNT-24: "llvm.intr.prefetch"(%{{.*}}) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}>
// CHECK-NOT:   llvm.intr.prefetch
// CHECK:       %[[WINDOW:.*]] = llvm.getelementptr %[[SCRATCH]][4096]
// CHECK:       llvm.store %{{.*}}, %[[WINDOW]]
// CHECK:       llvm.call %{{.*}}(%{{.*}}, %[[W]]) : !llvm.ptr, (!llvm.ptr, i32) -> ()
// CHECK:       llvm.call @xf_rms_norm
// CHECK:       llvm.call @xf_quantize({{.*}}, %[[WINDOW]])
// CHECK:       llvm.call @xf_linear_q4_1g32_a8
// CHECK:       llvm.call @xf_rope
// CHECK:       llvm.call @xf_append_keys_f16
// CHECK:       llvm.call @xf_append_values_f16
// CHECK:       llvm.atomicrmw add %{{.*}}, %{{.*}} monotonic : !llvm.ptr, i32
// CHECK:       llvm.call @xf_attention_f16
// CHECK:       llvm.call @xf_select_rows
// CHECK:       llvm.call @xf_linear_f32g32_f32
// CHECK:       llvm.return
// CHECK-DAG:   llvm.func @xf_embedding_f32g32({{.*}}) attributes {espalier.kernel = array<i32: 1,
// CHECK-DAG:   llvm.func @xf_linear_q4_1g32_a8
// CHECK-DAG:   llvm.func @xf_linear_f32g32_f32
// CHECK-DAG:   llvm.func @xf_attention_f16
// CHECK-NOT:   unrealized_conversion_cast
// CHECK-NOT:   memref.

!rows = !xf.rows
!cache = !xf.kv_cache<2 x 2 x 16, f16, tiles16>
!table = memref<7x2x!xf.panel<16 x 32, f32>>
!proj = memref<4x2x!xf.panel<16 x 32, q4_1>>
!half = memref<2x2x!xf.panel<16 x 32, q4_1>>

module attributes {
  xf.order = #xf.order<cpu, 2>,
  xf.model = {family = "llama", source = "small", layers = 2 : i64, hidden = 64 : i64, heads = 4 : i64,
              kv_heads = 2 : i64, head_dim = 16 : i64, ffn = 128 : i64, vocab = 100 : i64,
              max_positions = 256 : i64, parameters = 9000 : i64, bos = 1 : i64, eos = array<i32: 2>},
  xf.weight_layout = {embed = array<i64: 0, 28672>, norm = array<i64: 28672, 256>,
                      wq = array<i64: 28928, 2560>, wk = array<i64: 34048, 1280>}
} {
  xf.weight @embed from ["embed"] : tensor<7x2x!xf.panel<16 x 32, f32>>
  xf.weight @norm from ["norm"] : tensor<64xf32>
  xf.weight @wq from ["layers.{i}.q"] layers [0, 1] : tensor<4x2x!xf.panel<16 x 32, q4_1>>
  xf.weight @wk from ["layers.{i}.k"] layers [0, 1] : tensor<2x2x!xf.panel<16 x 32, q4_1>>
  xf.rope_table @rope [1.0, 0.5, 0.25, 0.125, 0.0625, 0.03, 0.01, 0.001] factor 1.0

  func.func @step_few(%rows: !rows, %cache: !cache, %logits: memref<?x100xf32>)
      attributes {xf.max_rows = 8 : i64, spmd.shared_bytes = 8192 : i64, spmd.private_bytes = 4096 : i64, spmd.block_bytes = 0 : i64} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %r = xf.rows_count %rows
    %want = xf.wanted_count %rows
    %table = xf.weight_ref @embed : !table
    %norm = xf.weight_ref @norm : memref<64xf32>
    %x = spmd.buffer shared at 0 (%r) : memref<?x64xf32>
    %q = spmd.buffer shared at 2048 (%r) : memref<?x64xf32>
    %a = spmd.buffer shared at 4096 (%r) : memref<?x64xf32>
    %sel = spmd.buffer shared at 6144 (%want) : memref<?x64xf32>
    spmd.phase ins(%ro = %rows : !rows, %t = %table : !table) outs(%o = %x : memref<?x64xf32>) {
      scf.forall (%i) in (1) {
        xf.embedding ins(%ro, %t : !table) outs(%o : memref<?x64xf32>)
      } {mapping = [#spmd.tiles<static, 1>]}
      spmd.yield
    }
    scf.for %layer = %c0 to %c2 step %c1 {
      %wq = xf.weight_ref @wq[%layer] : !proj
      %wk = xf.weight_ref @wk[%layer] : !half
      spmd.barrier
      spmd.phase ins(%ro = %rows : !rows, %l = %layer : index, %xi = %x : memref<?x64xf32>, %n = %norm : memref<64xf32>, %w = %wq : !proj, %k = %wk : !half)
                 outs(%o = %q : memref<?x64xf32>, %kv = %cache : !cache) {
        %c0_0 = arith.constant 0 : index
        %c1_0 = arith.constant 1 : index
        %rr = memref.dim %xi, %c0_0 : memref<?x64xf32>
        %y = spmd.buffer private at 0 (%rr) : memref<?x64xf32>
        %y8 = spmd.buffer private at 2048 (%rr) : memref<?x2x!xf.panel<1 x 32, a8>>
        xf.rms_norm ins(%xi, %n : memref<?x64xf32>, memref<64xf32>) outs(%y : memref<?x64xf32>) {eps = 1.0e-5 : f32}
        xf.quantize_activations ins(%y : memref<?x64xf32>) outs(%y8 : memref<?x2x!xf.panel<1 x 32, a8>>)
        scf.forall (%p) in (4) {
          %wt = memref.subview %w[%p, 0] [1, 2] [1, 1] : !proj to memref<1x2x!xf.panel<16 x 32, q4_1>, strided<[2, 1], offset: ?>>
          %c16 = arith.constant 16 : index
          %col = arith.muli %p, %c16 : index
          %ot = memref.subview %o[0, %col] [%rr, 16] [1, 1] : memref<?x64xf32> to memref<?x16xf32, strided<[64, 1], offset: ?>>
          xf.linear ins(%y8, %wt : memref<?x2x!xf.panel<1 x 32, a8>>, memref<1x2x!xf.panel<16 x 32, q4_1>, strided<[2, 1], offset: ?>>)
                    outs(%ot : memref<?x16xf32, strided<[64, 1], offset: ?>>)
          xf.rope @rope ins(%ro, %ot : memref<?x16xf32, strided<[64, 1], offset: ?>>)
                  outs(%ot : memref<?x16xf32, strided<[64, 1], offset: ?>>) {head_dim = 16 : i64}
        } {mapping = [#spmd.tiles<static, 1>]}
        scf.forall (%p) in (2) {
          %wt = memref.subview %k[%p, 0] [1, 2] [1, 1] : !half to memref<1x2x!xf.panel<16 x 32, q4_1>, strided<[2, 1], offset: ?>>
          %kt = spmd.buffer private at 3072 (%rr) : memref<?x16xf32>
          xf.linear ins(%y8, %wt : memref<?x2x!xf.panel<1 x 32, a8>>, memref<1x2x!xf.panel<16 x 32, q4_1>, strided<[2, 1], offset: ?>>)
                    outs(%kt : memref<?x16xf32>)
          xf.kv_append keys %kv[%l] heads from %p ins(%ro, %kt : memref<?x16xf32>) : !cache
          xf.kv_append values %kv[%l] heads from %p ins(%ro, %kt : memref<?x16xf32>) : !cache
        } {mapping = [#spmd.tiles<static, 1>]}
        spmd.yield %kv : !cache
      } -> !cache
      spmd.barrier
      spmd.phase ins(%ro = %rows : !rows, %l = %layer : index, %kv = %cache : !cache, %qi = %q : memref<?x64xf32>)
                 outs(%o = %a : memref<?x64xf32>) {
        %c0_0 = arith.constant 0 : index
        %rr = memref.dim %qi, %c0_0 : memref<?x64xf32>
        scf.forall (%h) in (4) {
          %c16 = arith.constant 16 : index
          %col = arith.muli %h, %c16 : index
          %qt = memref.subview %qi[0, %col] [%rr, 16] [1, 1] : memref<?x64xf32> to memref<?x16xf32, strided<[64, 1], offset: ?>>
          %ot = memref.subview %o[0, %col] [%rr, 16] [1, 1] : memref<?x64xf32> to memref<?x16xf32, strided<[64, 1], offset: ?>>
          xf.attention %kv[%l] heads from %h ins(%ro, %qt : memref<?x16xf32, strided<[64, 1], offset: ?>>)
                       outs(%ot : memref<?x16xf32, strided<[64, 1], offset: ?>>) {group = 2 : i64, scale = 0.25 : f32} : !cache
        } {mapping = [#spmd.tiles<claim, 1>]}
        spmd.yield
      }
    }
    spmd.barrier
    spmd.phase ins(%ro = %rows : !rows, %ai = %a : memref<?x64xf32>) outs(%o = %sel : memref<?x64xf32>) {
      scf.forall (%i) in (1) {
        xf.select_rows ins(%ro, %ai : memref<?x64xf32>) outs(%o : memref<?x64xf32>)
      } {mapping = [#spmd.tiles<static, 1>]}
      spmd.yield
    }
    spmd.barrier
    spmd.phase ins(%s = %sel : memref<?x64xf32>, %t = %table : !table) outs(%o = %logits : memref<?x100xf32>) {
      scf.forall (%i) in (1) {
        xf.logits ins(%s, %t : memref<?x64xf32>, !table) outs(%o : memref<?x100xf32>)
      } {mapping = [#spmd.tiles<static, 1>]}
      spmd.yield
    }
    return
  }
}
