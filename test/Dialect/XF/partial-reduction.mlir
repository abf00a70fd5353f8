// RUN: espalier-opt --transform-interpreter --canonicalize --cse --verify-each %s | FileCheck %s

// Upstream's tiling of reductions makes of attention what blocks of positions
// give, and their merge.

// CHECK-LABEL: func.func @attention
func.func @attention(%rows: !xf.rows, %c: !xf.kv_cache<3 x 2 x 16, f16, tiles16>, %l: index, %q: tensor<?x64xf32>, %i: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %h = arith.constant 0 : index
  // CHECK: %[[B:.*]] = xf.block_count
  // CHECK: %[[E:.*]] = tensor.empty(%{{.*}}, %{{.*}}) : tensor<?x?x128xf32>
  // CHECK: %[[P:.*]] = scf.for %[[K:.*]] = %{{.*}} iter_args(%[[A:.*]] = %[[E]])
  // CHECK: %[[S:.*]] = tensor.extract_slice %[[A]]
  // CHECK: xf.attention_partials %{{.*}} blocks from %[[K]] ins(%{{.*}} : tensor<?x64xf32>) outs(%[[S]]
  // CHECK: tensor.insert_slice
  // CHECK: xf.attention_merge ins(%{{.*}}, %[[P]] : tensor<?x?x128xf32>)
  %0 = xf.attention %c[%l] heads from %h ins(%rows, %q : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) {group = 2 : i64, scale = 0.25 : f32} : !xf.kv_cache<3 x 2 x 16, f16, tiles16> -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %0 = transform.structured.match ops{["xf.attention"]} in %root : (!transform.any_op) -> !transform.any_op
    %fill, %split, %combine, %loop = transform.structured.tile_reduction_using_for %0 reduction_dims = [2] by tile_sizes = [0, 0, 4]
      : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}
