// RUN: espalier-opt %s | espalier-opt | FileCheck %s
// RUN: espalier-opt %s --xf-partition="split-rows=4 always-split few-rows=8 many-rows=16" --canonicalize --cse | FileCheck %s --check-prefix=SPLIT

// CHECK-LABEL: func.func @parts
func.func @parts(%rows: !xf.rows, %c: !xf.kv_cache<3 x 2 x 20, f16, tiles16>, %l: index, %q: tensor<?x80xf32>, %i: tensor<?x80xf32>) -> tensor<?x80xf32> {
  %h = arith.constant 0 : index
  %b = arith.constant 0 : index
  // CHECK: %[[B:.*]] = xf.block_count %{{.*}}
  %n = xf.block_count %rows
  %r = xf.rows_count %rows
  %e = tensor.empty(%n, %r) : tensor<?x?x192xf32>
  // CHECK: %[[P:.*]] = xf.attention_partials %{{.*}}[%{{.*}}] heads from %{{.*}} blocks from %{{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x80xf32>) outs(%{{.*}} : tensor<?x?x192xf32>) alibi [5.000000e-01, 2.500000e-01, 1.250000e-01, 6.250000e-02]
  // CHECK-SAME: {group = 2 : i64, scale = 2.500000e-01 : f32, window = 7 : i64}
  %p = xf.attention_partials %c[%l] heads from %h blocks from %b ins(%rows, %q : tensor<?x80xf32>) outs(%e : tensor<?x?x192xf32>) alibi [0.5, 0.25, 0.125, 0.0625]
    {group = 2 : i64, scale = 0.25 : f32, window = 7 : i64} : !xf.kv_cache<3 x 2 x 20, f16, tiles16> -> tensor<?x?x192xf32>
  // CHECK: xf.attention_merge ins(%{{.*}}, %[[P]] : tensor<?x?x192xf32>) outs(%{{.*}} : tensor<?x80xf32>) {head_dim = 20 : i64, window = 7 : i64} -> tensor<?x80xf32>
  %y = xf.attention_merge ins(%rows, %p : tensor<?x?x192xf32>) outs(%i : tensor<?x80xf32>) {head_dim = 20 : i64, window = 7 : i64} -> tensor<?x80xf32>
  return %y : tensor<?x80xf32>
}

// A tile is one block and the query heads of one key/value head; the merge is
// where the next phase needs it.
// SPLIT-LABEL: func.func @step_split
// SPLIT-SAME: xf.max_rows = 4
// SPLIT: %[[N:.*]] = xf.block_count
// SPLIT: tensor.empty(%[[N]], %{{.*}}) : tensor<?x?x128xf32>
// SPLIT: spmd.phase
// SPLIT: scf.forall (%[[T:.*]]) in (%{{.*}}) shared_outs
// SPLIT: xf.attention_partials
// SPLIT-SAME: tensor<?x32xf32>
// SPLIT-SAME: tensor<1x?x64xf32>
// SPLIT: tensor.parallel_insert_slice
// SPLIT: spmd.tiles<static, 1>
// SPLIT: spmd.phase
// SPLIT: xf.attention_merge
// SPLIT: xf.logits
// SPLIT-LABEL: func.func @step_few
// SPLIT-NOT: xf.attention_partials
func.func @step(%rows: !xf.rows, %cache: !xf.kv_cache<1 x 2 x 16, f16, tiles16>, %logits: tensor<?x32xf32>) -> (tensor<?x32xf32>, !xf.kv_cache<1 x 2 x 16, f16, tiles16>) {
  %zero = arith.constant 0 : index
  %r = xf.rows_count %rows
  %wc = xf.wanted_count %rows
  %t = xf.weight_ref @embed : tensor<32x64xf32>
  %e = tensor.empty(%r) : tensor<?x64xf32>
  %x = xf.embedding ins(%rows, %t : tensor<32x64xf32>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %e1 = tensor.empty(%r) : tensor<?x64xf32>
  %a = xf.attention %cache[%zero] heads from %zero ins(%rows, %x : tensor<?x64xf32>) outs(%e1 : tensor<?x64xf32>) {group = 2 : i64, scale = 0.25 : f32} : !xf.kv_cache<1 x 2 x 16, f16, tiles16> -> tensor<?x64xf32>
  %e2 = tensor.empty(%wc) : tensor<?x64xf32>
  %s = xf.select_rows ins(%rows, %a : tensor<?x64xf32>) outs(%e2 : tensor<?x64xf32>) -> tensor<?x64xf32>
  %y = xf.logits ins(%s, %t : tensor<?x64xf32>, tensor<32x64xf32>) outs(%logits : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %y, %cache : tensor<?x32xf32>, !xf.kv_cache<1 x 2 x 16, f16, tiles16>
}
xf.weight @embed from ["embed"] : tensor<32x64xf32>
