// RUN: espalier-opt %s | espalier-opt | FileCheck %s
// RUN: espalier-opt --mlir-print-op-generic %s | espalier-opt | FileCheck %s

// CHECK-LABEL: func.func @phase
func.func @phase(%x: tensor<?x64xf32>, %o: tensor<?x64xf32>, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>)
    -> (tensor<?x64xf32>, !xf.kv_cache<3 x 4 x 16, f16, tiles16>) {
  // CHECK: spmd.phase "qkv" ins(%[[A:.*]] = %{{.*}} : tensor<?x64xf32>)
  // CHECK-SAME: outs(%[[B:.*]] = %{{.*}} : tensor<?x64xf32>, %[[K:.*]] = %{{.*}} : !xf.kv_cache<3 x 4 x 16, f16, tiles16>) {
  %r:2 = spmd.phase "qkv" ins(%a = %x : tensor<?x64xf32>)
      outs(%b = %o : tensor<?x64xf32>, %k = %c : !xf.kv_cache<3 x 4 x 16, f16, tiles16>) {
    // CHECK: scf.forall
    %0 = scf.forall (%i) in (4) shared_outs(%s = %b) -> tensor<?x64xf32> {
      scf.forall.in_parallel {
      }
    // CHECK: {mapping = [#spmd.tiles<static, 2>]}
    } {mapping = [#spmd.tiles<static, 2>]}
    // CHECK: spmd.yield %{{.*}}, %[[K]] : tensor<?x64xf32>, !xf.kv_cache<3 x 4 x 16, f16, tiles16>
    spmd.yield %0, %k : tensor<?x64xf32>, !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  // CHECK: } -> tensor<?x64xf32>, !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  } -> tensor<?x64xf32>, !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  return %r#0, %r#1 : tensor<?x64xf32>, !xf.kv_cache<3 x 4 x 16, f16, tiles16>
}

// CHECK-LABEL: func.func @on_memrefs
func.func @on_memrefs(%x: memref<?x64xf32>) {
  // CHECK: spmd.phase outs(%{{.*}} = %{{.*}} : memref<?x64xf32>) attributes {note = 1 : i64} {
  spmd.phase outs(%b = %x : memref<?x64xf32>) attributes {note = 1 : i64} {
    // CHECK: {mapping = [#spmd.tiles<claim, 1>]}
    scf.forall (%i) in (4) {
    } {mapping = [#spmd.tiles<claim, 1>]}
    // CHECK-NOT: spmd.yield
  }
  // CHECK: spmd.barrier
  spmd.barrier
  // CHECK: spmd.phase {
  spmd.phase {
  }
  return
}

// CHECK-LABEL: func.func @buffers
func.func @buffers(%n: index) {
  // CHECK: spmd.buffer shared at 0(%{{.*}}) : memref<?x64xf32>
  %0 = spmd.buffer shared at 0(%n) : memref<?x64xf32>
  // CHECK: spmd.buffer private at 128() : memref<8x64xf32>
  %1 = spmd.buffer private at 128() : memref<8x64xf32>
  return
}
