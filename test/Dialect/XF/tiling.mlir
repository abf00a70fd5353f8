// RUN: espalier-opt --transform-interpreter --canonicalize --cse --verify-each %s | FileCheck %s

// The attribute of an op says how the script at the end cuts it.

// CHECK-DAG: #[[$BY2:.*]] = affine_map<(d0) -> (d0 * 2)>
// CHECK-DAG: #[[$BY4:.*]] = affine_map<(d0) -> (d0 * 4)>
// CHECK-DAG: #[[$BY16:.*]] = affine_map<(d0) -> (d0 * 16)>
// CHECK-DAG: #[[$BY32:.*]] = affine_map<(d0) -> (d0 * 32)>
// CHECK-DAG: #[[$BY64:.*]] = affine_map<(d0) -> (d0 * 64)>
// CHECK-DAG: #[[$PANELS:.*]] = affine_map<(d0) -> (d0 ceildiv 16)>

xf.rope_table @rope [1.0, 0.1] factor 1.0

// CHECK-LABEL: func.func @linear_columns
func.func @linear_columns(%x: tensor<?x64xf32>, %w: tensor<11x2x!xf.panel<16 x 32, q4_1>>, %b: tensor<176xf32>,
    %i: tensor<?x176xf32>) -> tensor<?x176xf32> {
  // CHECK: scf.forall (%[[T:.*]]) in (11) shared_outs(%[[O:.*]] = %{{.*}})
  // CHECK: %[[C:.*]] = affine.apply #[[$BY16]](%[[T]])
  // CHECK: %[[W:.*]] = tensor.extract_slice %{{.*}}[%[[T]], 0] [1, 2] [1, 1] : tensor<11x2x!xf.panel<16 x 32, q4_1>> to tensor<1x2x!xf.panel<16 x 32, q4_1>>
  // CHECK: %[[B:.*]] = tensor.extract_slice %{{.*}}[%[[C]]] [16] [1]
  // CHECK: %[[I:.*]] = tensor.extract_slice %[[O]][0, %[[C]]] [%{{.*}}, 16] [1, 1]
  // CHECK: %[[R:.*]] = xf.linear ins(%{{.*}}, %[[W]] : tensor<?x64xf32>, tensor<1x2x!xf.panel<16 x 32, q4_1>>) bias(%[[B]] : tensor<16xf32>) outs(%[[I]] : tensor<?x16xf32>) {accumulate, columns}
  // CHECK: tensor.parallel_insert_slice %[[R]] into %[[O]][0, %[[C]]] [%{{.*}}, 16] [1, 1]
  %0 = xf.linear ins(%x, %w : tensor<?x64xf32>, tensor<11x2x!xf.panel<16 x 32, q4_1>>) bias(%b : tensor<176xf32>)
                 outs(%i : tensor<?x176xf32>) {accumulate, columns} -> tensor<?x176xf32>
  return %0 : tensor<?x176xf32>
}

// CHECK-LABEL: func.func @linear_blocks
func.func @linear_blocks(%x: tensor<?x2x!xf.panel<1 x 32, a8>>, %w: tensor<11x2x!xf.panel<16 x 32, q4_1>>,
    %i: tensor<?x176xf32>) -> tensor<?x176xf32> {
  // CHECK: scf.forall (%[[R:.*]], %[[T:.*]]) in (%{{.*}}, 3)
  // CHECK-DAG: %[[R0:.*]] = affine.apply #[[$BY32]](%[[R]])
  // CHECK-DAG: %[[C0:.*]] = affine.apply #[[$BY64]](%[[T]])
  // CHECK-DAG: %[[RN:.*]] = affine.min #{{.*}}(%[[R]])[%{{.*}}]
  // CHECK-DAG: %[[CN:.*]] = affine.min #{{.*}}(%[[T]])
  // CHECK: %[[X:.*]] = tensor.extract_slice %{{.*}}[%[[R0]], 0] [%[[RN]], 2] [1, 1]
  // CHECK-DAG: %[[P0:.*]] = affine.apply #[[$BY4]](%[[T]])
  // CHECK-DAG: %[[PN:.*]] = affine.apply #[[$PANELS]](%[[CN]])
  // CHECK: %[[W:.*]] = tensor.extract_slice %{{.*}}[%[[P0]], 0] [%[[PN]], 2] [1, 1]
  // CHECK: %[[I:.*]] = tensor.extract_slice %{{.*}}[%[[R0]], %[[C0]]] [%[[RN]], %[[CN]]] [1, 1]
  // CHECK: xf.linear ins(%[[X]], %[[W]] : tensor<?x2x!xf.panel<1 x 32, a8>>, tensor<?x2x!xf.panel<16 x 32, q4_1>>) outs(%[[I]] : tensor<?x?xf32>)
  %0 = xf.linear ins(%x, %w : tensor<?x2x!xf.panel<1 x 32, a8>>, tensor<11x2x!xf.panel<16 x 32, q4_1>>)
                 outs(%i : tensor<?x176xf32>) {blocks} -> tensor<?x176xf32>
  return %0 : tensor<?x176xf32>
}

// CHECK-LABEL: func.func @logits_of_floats
func.func @logits_of_floats(%x: tensor<?x64xf32>, %w: tensor<420x64xbf16>, %i: tensor<?x420xf32>) -> tensor<?x420xf32> {
  // CHECK: scf.forall (%[[T:.*]]) in (27)
  // CHECK: %[[C0:.*]] = affine.apply #[[$BY16]](%[[T]])
  // CHECK: %[[CN:.*]] = affine.min #{{.*}}(%[[T]])
  // CHECK: %[[W:.*]] = tensor.extract_slice %{{.*}}[%[[C0]], 0] [%[[CN]], 64] [1, 1] : tensor<420x64xbf16> to tensor<?x64xbf16>
  // CHECK: xf.logits ins(%{{.*}}, %[[W]] : tensor<?x64xf32>, tensor<?x64xbf16>)
  %0 = xf.logits ins(%x, %w : tensor<?x64xf32>, tensor<420x64xbf16>) outs(%i : tensor<?x420xf32>) {columns} -> tensor<?x420xf32>
  return %0 : tensor<?x420xf32>
}

// CHECK-LABEL: func.func @embedding_rows
func.func @embedding_rows(%rows: !xf.rows, %t: tensor<27x1x!xf.panel<16 x 32, q8_0>>, %i: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK: scf.forall (%[[R:.*]]) in
  // CHECK: %[[R0:.*]] = affine.apply #[[$BY32]](%[[R]])
  // CHECK: %[[RN:.*]] = affine.min
  // CHECK: %[[S:.*]] = xf.rows_slice %{{.*}}[%[[R0]]] [%[[RN]]]
  // CHECK: xf.embedding ins(%[[S]], %{{.*}} : tensor<27x1x!xf.panel<16 x 32, q8_0>>)
  %0 = xf.embedding ins(%rows, %t : tensor<27x1x!xf.panel<16 x 32, q8_0>>) outs(%i : tensor<?x32xf32>) {rows} -> tensor<?x32xf32>
  return %0 : tensor<?x32xf32>
}

// A tile of wanted rows could read any row: the op is cut along features.
// CHECK-LABEL: func.func @select_rows_features
func.func @select_rows_features(%rows: !xf.rows, %x: tensor<?x64xf32>, %i: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK: scf.forall (%[[T:.*]]) in (4)
  // CHECK: %[[C0:.*]] = affine.apply #[[$BY16]](%[[T]])
  // CHECK: %[[X:.*]] = tensor.extract_slice %{{.*}}[0, %[[C0]]] [%{{.*}}, 16] [1, 1]
  // CHECK: xf.select_rows ins(%{{.*}}, %[[X]] : tensor<?x16xf32>)
  %0 = xf.select_rows ins(%rows, %x : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) {features} -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @attention_heads
func.func @attention_heads(%rows: !xf.rows, %c: !xf.kv_cache<3 x 2 x 16, f16, tiles16>, %l: index, %q: tensor<?x128xf32>,
    %i: tensor<?x128xf32>) -> tensor<?x128xf32> {
  // CHECK: scf.forall (%[[R:.*]], %[[T:.*]]) in (%{{.*}}, 2)
  // CHECK: %[[H:.*]] = affine.apply #[[$BY4]](%[[T]])
  // CHECK: %[[S:.*]] = xf.rows_slice
  // CHECK: xf.attention %{{.*}}[%{{.*}}] heads from %[[H]] ins(%[[S]], %{{.*}} : tensor<?x64xf32>)
  %h = arith.constant 0 : index
  %0 = xf.attention %c[%l] heads from %h ins(%rows, %q : tensor<?x128xf32>) outs(%i : tensor<?x128xf32>)
    {group = 4 : i64, scale = 0.25 : f32, blocks} : !xf.kv_cache<3 x 2 x 16, f16, tiles16> -> tensor<?x128xf32>
  return %0 : tensor<?x128xf32>
}

// A consumer without a result: its producers are fused into its loop one by one
// (upstream's tile-and-fuse of a consumer wants results).
// CHECK-LABEL: func.func @append_fused
func.func @append_fused(%rows: !xf.rows, %c: !xf.kv_cache<3 x 4 x 32, f16, tiles16>, %l: index, %x: tensor<?x64xf32>,
    %w: tensor<8x2x!xf.panel<16 x 32, q4_1>>, %n: index) {
  // CHECK: scf.forall (%[[T:.*]]) in (4) {
  // CHECK: %[[P:.*]] = affine.apply #[[$BY2]](%[[T]])
  // CHECK: %[[W:.*]] = tensor.extract_slice %{{.*}}[%[[P]], 0] [2, 2] [1, 1]
  // CHECK: %[[K:.*]] = xf.linear ins(%{{.*}}, %[[W]] :
  // CHECK: %[[R:.*]] = xf.rope @rope ins(%{{.*}}, %[[K]] : tensor<?x32xf32>)
  // CHECK: xf.kv_append keys %{{.*}}[%{{.*}}] heads from %[[T]] ins(%{{.*}}, %[[R]] : tensor<?x32xf32>)
  %h = arith.constant 0 : index
  %e = tensor.empty(%n) : tensor<?x128xf32>
  %k = xf.linear ins(%x, %w : tensor<?x64xf32>, tensor<8x2x!xf.panel<16 x 32, q4_1>>) outs(%e : tensor<?x128xf32>) {key} -> tensor<?x128xf32>
  %r = xf.rope @rope ins(%rows, %k : tensor<?x128xf32>) outs(%e : tensor<?x128xf32>) {head_dim = 32 : i64} -> tensor<?x128xf32>
  xf.kv_append keys %c[%l] heads from %h ins(%rows, %r : tensor<?x128xf32>) {fuse_columns} : !xf.kv_cache<3 x 4 x 32, f16, tiles16>
  return
}

// CHECK-LABEL: func.func @glu_fused
func.func @glu_fused(%x: tensor<?x64xf32>, %wn: tensor<64xf32>, %wg: tensor<176x2x!xf.panel<1 x 32, q4_0>>, %n: index) -> tensor<?x176xf32> {
  // CHECK: scf.forall (%[[R:.*]]) = (0) to (%{{.*}}) step (32)
  // CHECK: %[[X:.*]] = tensor.extract_slice %{{.*}}[%[[R]], 0] [%{{.*}}, 64] [1, 1]
  // CHECK: %[[N:.*]] = xf.rms_norm ins(%[[X]],
  // CHECK: %[[Q:.*]] = xf.quantize_activations ins(%[[N]] :
  // CHECK: %[[G:.*]] = xf.linear ins(%[[Q]], %{{.*}} : tensor<?x2x!xf.panel<1 x 32, a8>>, tensor<176x2x!xf.panel<1 x 32, q4_0>>)
  // CHECK: %[[A:.*]] = xf.glu silu ins(%[[G]], %[[G]] :
  // CHECK: tensor.parallel_insert_slice %[[A]] into %{{.*}}[%[[R]], 0]
  %e = tensor.empty(%n) : tensor<?x64xf32>
  %e8 = tensor.empty(%n) : tensor<?x2x!xf.panel<1 x 32, a8>>
  %eg = tensor.empty(%n) : tensor<?x176xf32>
  %0 = xf.rms_norm ins(%x, %wn : tensor<?x64xf32>, tensor<64xf32>) outs(%e : tensor<?x64xf32>) {eps = 1.0e-5 : f32} -> tensor<?x64xf32>
  %q = xf.quantize_activations ins(%0 : tensor<?x64xf32>) outs(%e8 : tensor<?x2x!xf.panel<1 x 32, a8>>) -> tensor<?x2x!xf.panel<1 x 32, a8>>
  %g = xf.linear ins(%q, %wg : tensor<?x2x!xf.panel<1 x 32, a8>>, tensor<176x2x!xf.panel<1 x 32, q4_0>>) outs(%eg : tensor<?x176xf32>) -> tensor<?x176xf32>
  %a = xf.glu silu ins(%g, %g : tensor<?x176xf32>, tensor<?x176xf32>) outs(%eg : tensor<?x176xf32>) {fuse_rows} -> tensor<?x176xf32>
  return %a : tensor<?x176xf32>
}

// A norm of segments is cut between them; a weight of one segment serves all tiles,
// one for each column is cut with them.
// CHECK-LABEL: func.func @norm_of_segments
func.func @norm_of_segments(%x: tensor<?x128xf32>, %w: tensor<16xf32>, %wc: tensor<128xf32>, %i: tensor<?x128xf32>) -> (tensor<?x128xf32>, tensor<?x128xf32>) {
  // CHECK: scf.forall (%[[R:.*]], %[[T:.*]]) in (%{{.*}}, 2)
  // CHECK: xf.rms_norm ins(%{{.*}}, %arg1 : tensor<?x64xf32>, tensor<16xf32>)
  %0 = xf.rms_norm ins(%x, %w : tensor<?x128xf32>, tensor<16xf32>) outs(%i : tensor<?x128xf32>) {eps = 1.0e-5 : f32, segment = 16 : i64, blocks} -> tensor<?x128xf32>
  // CHECK: scf.forall (%[[R:.*]], %[[T:.*]]) in (%{{.*}}, 2)
  // CHECK: %[[C0:.*]] = affine.apply #[[$BY64]](%[[T]])
  // CHECK: %[[W:.*]] = tensor.extract_slice %arg2[%[[C0]]] [64] [1]
  // CHECK: xf.layer_norm ins(%{{.*}}, %[[W]] : tensor<?x64xf32>, tensor<64xf32>) bias(%[[W]] : tensor<64xf32>)
  %1 = xf.layer_norm ins(%x, %wc : tensor<?x128xf32>, tensor<128xf32>) bias(%wc : tensor<128xf32>) outs(%i : tensor<?x128xf32>) {eps = 1.0e-5 : f32, segment = 16 : i64, blocks} -> tensor<?x128xf32>
  return %0, %1 : tensor<?x128xf32>, tensor<?x128xf32>
}

// CHECK-LABEL: func.func @norm_of_rows
func.func @norm_of_rows(%x: tensor<?x128xf32>, %w: tensor<128xf32>, %i: tensor<?x128xf32>) -> tensor<?x128xf32> {
  // CHECK: scf.forall (%{{.*}}) in (%{{.*}})
  // CHECK: xf.layer_norm ins(%{{.*}}, %arg1 : tensor<?x128xf32>, tensor<128xf32>)
  %0 = xf.layer_norm ins(%x, %w : tensor<?x128xf32>, tensor<128xf32>) outs(%i : tensor<?x128xf32>) {eps = 1.0e-5 : f32, rows} -> tensor<?x128xf32>
  return %0 : tensor<?x128xf32>
}

// Pointwise: the same tile of every operand.
// CHECK-LABEL: func.func @scale_blocks
func.func @scale_blocks(%x: tensor<?x128xf32>, %i: tensor<?x128xf32>) -> tensor<?x128xf32> {
  // CHECK: scf.forall (%[[R:.*]], %[[T:.*]]) in (%{{.*}}, 2)
  // CHECK: %[[X:.*]] = tensor.extract_slice %arg0[%[[R0:.*]], %[[C0:.*]]] [%[[N:.*]], 64] [1, 1]
  // CHECK: %[[I:.*]] = tensor.extract_slice %{{.*}}[%[[R0]], %[[C0]]] [%[[N]], 64] [1, 1]
  // CHECK: xf.scale ins(%[[X]] : tensor<?x64xf32>) outs(%[[I]] : tensor<?x64xf32>) {accumulate
  %0 = xf.scale ins(%x : tensor<?x128xf32>) outs(%i : tensor<?x128xf32>) {accumulate, factor = 0.5 : f32, blocks} -> tensor<?x128xf32>
  return %0 : tensor<?x128xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op {transform.readonly}) {
    %0 = transform.structured.match attributes {columns} in %m : (!transform.any_op) -> !transform.any_op
    %a0, %b0 = transform.structured.tile_using_forall %0 tile_sizes [0, 16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %1 = transform.structured.match attributes {blocks} in %m : (!transform.any_op) -> !transform.any_op
    %a1, %b1 = transform.structured.tile_using_forall %1 tile_sizes [32, 64] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %2 = transform.structured.match attributes {rows} in %m : (!transform.any_op) -> !transform.any_op
    %a2, %b2 = transform.structured.tile_using_forall %2 tile_sizes [32] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %3 = transform.structured.match attributes {features} in %m : (!transform.any_op) -> !transform.any_op
    %a3, %b3 = transform.structured.tile_using_forall %3 tile_sizes [16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %4 = transform.structured.match attributes {fuse_columns} in %m : (!transform.any_op) -> !transform.any_op
    %a4, %b4 = transform.structured.tile_using_forall %4 tile_sizes [0, 32] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %r = transform.structured.match ops{["xf.rope"]} in %m : (!transform.any_op) -> !transform.any_op
    %rf, %b4r = transform.structured.fuse_into_containing_op %r into %b4 : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %k = transform.structured.match attributes {key} in %m : (!transform.any_op) -> !transform.any_op
    %kf, %b4k = transform.structured.fuse_into_containing_op %k into %b4r : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    %5 = transform.structured.match attributes {fuse_rows} in %m : (!transform.any_op) -> !transform.any_op
    %a5, %b5 = transform.structured.fuse %5 tile_sizes [32] {use_forall} : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
