// RUN: espalier-opt %s --verify-each --cse --canonicalize \
// RUN:   --one-shot-bufferize='bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map' \
// RUN:   | espalier-opt --cse --canonicalize | FileCheck %s

// Phases in the loop over the layers, with the layers' own weights: the residual
// stream is written in place, and nothing is allocated or copied in the loop but
// what a worker has for itself.

xf.weight @norm from ["n.{i}"] layers [0, 1, 2] : tensor<64xf32>
xf.weight @up from ["u.{i}"] layers [0, 1, 2] : tensor<4x2x!xf.panel<16 x 32, q8_0>>
xf.weight @down from ["d.{i}"] layers [0, 1, 2] : tensor<4x2x!xf.panel<16 x 32, q8_0>>
// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[ROWS:.*]]: !xf.rows, %[[KV:.*]]: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %[[X:.*]]: memref<?x64xf32>
// CHECK-SAME: -> (memref<?x64xf32>, !xf.kv_cache<3 x 4 x 16, f16, tiles16>)
func.func @step(%rows: !xf.rows, %cache: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %out: tensor<?x64xf32>)
    -> (tensor<?x64xf32>, !xf.kv_cache<3 x 4 x 16, f16, tiles16>) attributes {xf.max_rows = 8} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %n = xf.rows_count %rows
  // CHECK: %[[N:.*]] = xf.rows_count
  // CHECK: %[[TMP:.*]] = memref.alloc(%[[N]]) {{.*}} : memref<?x64xf32>
  %tmp = tensor.empty(%n) : tensor<?x64xf32>
  // CHECK-NOT: memref.alloc
  // CHECK: scf.for %[[L:.*]] = {{.*}} iter_args(%[[KVL:.*]] = %[[KV]]) -> (!xf.kv_cache<3 x 4 x 16, f16, tiles16>)
  %r:2 = scf.for %l = %c0 to %c3 step %c1 iter_args(%x = %out, %kv = %cache) -> (tensor<?x64xf32>, !xf.kv_cache<3 x 4 x 16, f16, tiles16>) {
    // CHECK: xf.weight_ref @norm[%[[L]]] : memref<64xf32>
    // CHECK: %[[UP:.*]] = xf.weight_ref @up[%[[L]]] : memref<4x2x!xf.panel<16 x 32, q8_0>>
    %wn = xf.weight_ref @norm[%l] : tensor<64xf32>
    %wu = xf.weight_ref @up[%l] : tensor<4x2x!xf.panel<16 x 32, q8_0>>
    %wd = xf.weight_ref @down[%l] : tensor<4x2x!xf.panel<16 x 32, q8_0>>
    // CHECK-NOT: memref.alloc
    // CHECK: spmd.phase "tap" ins(%{{.*}} = %[[ROWS]] : !xf.rows, %{{.*}} = %[[L]] : index, %[[A:.*]] = %[[X]] : memref<?x64xf32>) {
    // CHECK: xf.tap[%{{.*}}] ins(%{{.*}}, %[[A]] : memref<?x64xf32>)
    spmd.phase "tap" ins(%rr = %rows : !xf.rows, %ll = %l : index, %a = %x : tensor<?x64xf32>) {
      scf.forall (%t) in (1) {
        xf.tap[%ll] ins(%rr, %a : tensor<?x64xf32>)
      } {mapping = [#spmd.tiles<static, 1>]}
    }
    // The norm stands outside the tiles: every worker has buffers for it.
    // CHECK: %[[KVN:.*]] = spmd.phase "up" ins({{.*}}, %[[M:.*]] = %[[N]] : index, {{.*}}) outs(%[[O:.*]] = %[[TMP]] : memref<?x64xf32>, %[[K:.*]] = %[[KVL]] : !xf.kv_cache<3 x 4 x 16, f16, tiles16>) {
    // CHECK: memref.alloc(%[[M]]) {{.*}} : memref<?x64xf32>
    // CHECK: memref.alloc(%[[M]]) {{.*}} : memref<?x2x!xf.panel<1 x 32, a8>>
    // CHECK-NOT: memref.alloc
    // CHECK: scf.forall (%[[T:.*]]) in (4) {
    // CHECK: %[[S:.*]] = memref.subview %[[O]]
    // CHECK: xf.linear ins({{.*}}) outs(%[[S]] : memref<?x16xf32, strided<[64, 1], offset: ?>>)
    // CHECK: xf.kv_append keys %[[K]][%{{.*}}] heads from %[[T]] ins(%{{.*}}, %[[S]] :
    // CHECK-NOT: memref.copy
    // CHECK: spmd.yield %[[K]] : !xf.kv_cache<3 x 4 x 16, f16, tiles16>
    // CHECK: } -> !xf.kv_cache<3 x 4 x 16, f16, tiles16>
    %p:2 = spmd.phase "up" ins(%rr = %rows : !xf.rows, %ll = %l : index, %m = %n : index, %a = %x : tensor<?x64xf32>, %w0 = %wn : tensor<64xf32>, %w1 = %wu : tensor<4x2x!xf.panel<16 x 32, q8_0>>)
        outs(%o = %tmp : tensor<?x64xf32>, %k = %kv : !xf.kv_cache<3 x 4 x 16, f16, tiles16>) {
      %h0 = arith.constant 0 : index
      %e = tensor.empty(%m) : tensor<?x64xf32>
      %e8 = tensor.empty(%m) : tensor<?x2x!xf.panel<1 x 32, a8>>
      %b = xf.rms_norm ins(%a, %w0 : tensor<?x64xf32>, tensor<64xf32>) outs(%e : tensor<?x64xf32>) {eps = 1.0e-5 : f32} -> tensor<?x64xf32>
      %q = xf.quantize_activations ins(%b : tensor<?x64xf32>) outs(%e8 : tensor<?x2x!xf.panel<1 x 32, a8>>) -> tensor<?x2x!xf.panel<1 x 32, a8>>
      %f = scf.forall (%t) in (4) shared_outs(%s = %o) -> (tensor<?x64xf32>) {
        %c = affine.apply affine_map<(d0) -> (d0 * 16)>(%t)
        %ws = tensor.extract_slice %w1[%t, 0] [1, 2] [1, 1] : tensor<4x2x!xf.panel<16 x 32, q8_0>> to tensor<1x2x!xf.panel<16 x 32, q8_0>>
        %os = tensor.extract_slice %s[0, %c] [%m, 16] [1, 1] : tensor<?x64xf32> to tensor<?x16xf32>
        %y = xf.linear ins(%q, %ws : tensor<?x2x!xf.panel<1 x 32, a8>>, tensor<1x2x!xf.panel<16 x 32, q8_0>>) outs(%os : tensor<?x16xf32>) -> tensor<?x16xf32>
        xf.kv_append keys %k[%ll] heads from %t ins(%rr, %y : tensor<?x16xf32>) : !xf.kv_cache<3 x 4 x 16, f16, tiles16>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %y into %s[0, %c] [%m, 16] [1, 1] : tensor<?x16xf32> into tensor<?x64xf32>
        }
      } {mapping = [#spmd.tiles<static, 1>]}
      spmd.yield %f, %k : tensor<?x64xf32>, !xf.kv_cache<3 x 4 x 16, f16, tiles16>
    } -> tensor<?x64xf32>, !xf.kv_cache<3 x 4 x 16, f16, tiles16>
    // CHECK: spmd.phase "down" ins({{.*}}) outs(%[[O:.*]] = %[[X]] : memref<?x64xf32>) {
    // CHECK-NOT: memref.{{alloc|copy}}
    // CHECK: xf.linear ins({{.*}}) outs({{.*}}) {accumulate}
    // CHECK-NOT: memref.{{alloc|copy}}
    %d = spmd.phase "down" ins(%m = %n : index, %a = %p#0 : tensor<?x64xf32>, %w1 = %wd : tensor<4x2x!xf.panel<16 x 32, q8_0>>)
        outs(%o = %x : tensor<?x64xf32>) {
      %f = scf.forall (%t) in (4) shared_outs(%s = %o) -> (tensor<?x64xf32>) {
        %c = affine.apply affine_map<(d0) -> (d0 * 16)>(%t)
        %ws = tensor.extract_slice %w1[%t, 0] [1, 2] [1, 1] : tensor<4x2x!xf.panel<16 x 32, q8_0>> to tensor<1x2x!xf.panel<16 x 32, q8_0>>
        %os = tensor.extract_slice %s[0, %c] [%m, 16] [1, 1] : tensor<?x64xf32> to tensor<?x16xf32>
        %y = xf.linear ins(%a, %ws : tensor<?x64xf32>, tensor<1x2x!xf.panel<16 x 32, q8_0>>) outs(%os : tensor<?x16xf32>) {accumulate} -> tensor<?x16xf32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %y into %s[0, %c] [%m, 16] [1, 1] : tensor<?x16xf32> into tensor<?x64xf32>
        }
      } {mapping = [#spmd.tiles<static, 1>]}
      spmd.yield %f : tensor<?x64xf32>
    } -> tensor<?x64xf32>
    // CHECK: scf.yield %[[KVN]] : !xf.kv_cache<3 x 4 x 16, f16, tiles16>
    scf.yield %d, %p#1 : tensor<?x64xf32>, !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  }
  return %r#0, %r#1 : tensor<?x64xf32>, !xf.kv_cache<3 x 4 x 16, f16, tiles16>
}

// CHECK-LABEL: func.func @commit
// CHECK: xf.kv_commit %{{.*}} from %{{.*}} path(%{{.*}} : memref<?xi32>)
func.func @commit(%cache: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %past: index, %path: tensor<?xi32>) -> !xf.kv_cache<3 x 4 x 16, f16, tiles16> {
  %0 = xf.kv_commit %cache from %past path(%path : tensor<?xi32>) : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  return %0 : !xf.kv_cache<3 x 4 x 16, f16, tiles16>
}
