// RUN: espalier-opt %s --split-input-file --verify-diagnostics

!cache = !xf.kv_cache<3 x 2 x 20, f16, tiles16>
func.func @attention_partials_c1(%rows: !xf.rows, %c: !cache, %i: index, %q: tensor<?x50xf32>, %p: tensor<?x?x96xf32>) {
  // expected-error @below {{N must be a multiple of the cache's dim = 20, but is 50}}
  %0 = xf.attention_partials %c[%i] heads from %i blocks from %i ins(%rows, %q : tensor<?x50xf32>) outs(%p : tensor<?x?x96xf32>) {group = 2 : i64, scale = 0.25 : f32} : !cache -> tensor<?x?x96xf32>
  return
}

// -----

!cache = !xf.kv_cache<3 x 2 x 20, f16, tiles16>
func.func @attention_partials_c2(%rows: !xf.rows, %c: !cache, %i: index, %q: tensor<?x40xf32>, %p: tensor<?x?x96xf32>) {
  // expected-error @below {{group must be positive, but is 0}}
  %0 = xf.attention_partials %c[%i] heads from %i blocks from %i ins(%rows, %q : tensor<?x40xf32>) outs(%p : tensor<?x?x96xf32>) {group = 0 : i64, scale = 0.25 : f32} : !cache -> tensor<?x?x96xf32>
  return
}

// -----

!cache = !xf.kv_cache<3 x 2 x 20, f16, tiles16>
func.func @attention_partials_c3(%rows: !xf.rows, %c: !cache, %i: index, %q: tensor<?x40xf32>, %p: tensor<?x?x96xf32>) {
  // expected-error @below {{scale must be finite and positive}}
  %0 = xf.attention_partials %c[%i] heads from %i blocks from %i ins(%rows, %q : tensor<?x40xf32>) outs(%p : tensor<?x?x96xf32>) {group = 2 : i64, scale = -0.25 : f32} : !cache -> tensor<?x?x96xf32>
  return
}

// -----

!cache = !xf.kv_cache<3 x 2 x 20, f16, tiles16>
func.func @attention_partials_c4(%rows: !xf.rows, %c: !cache, %i: index, %q: tensor<?x40xf32>, %p: tensor<?x?x96xf32>) {
  %l = arith.constant 3 : index
  // expected-error @below {{the layer goes from 3 to 3, but the cache has 3 layers}}
  %0 = xf.attention_partials %c[%l] heads from %i blocks from %i ins(%rows, %q : tensor<?x40xf32>) outs(%p : tensor<?x?x96xf32>) {group = 2 : i64, scale = 0.25 : f32} : !cache -> tensor<?x?x96xf32>
  return
}

// -----

!cache = !xf.kv_cache<3 x 2 x 20, f16, tiles16>
func.func @attention_partials_c5(%rows: !xf.rows, %c: !cache, %i: index, %q: tensor<?x40xf32>, %p: tensor<?x?x96xf32>) {
  // expected-error @below {{window must be positive, but is 0}}
  %0 = xf.attention_partials %c[%i] heads from %i blocks from %i ins(%rows, %q : tensor<?x40xf32>) outs(%p : tensor<?x?x96xf32>) {group = 2 : i64, scale = 0.25 : f32, window = 0 : i64} : !cache -> tensor<?x?x96xf32>
  return
}

// -----

!cache = !xf.kv_cache<3 x 2 x 20, f16, tiles16>
func.func @attention_partials_c6(%rows: !xf.rows, %c: !cache, %i: index, %q: tensor<?x40xf32>, %p: tensor<?x?x96xf32>) {
  // expected-error @below {{soft_cap must be finite and positive}}
  %0 = xf.attention_partials %c[%i] heads from %i blocks from %i ins(%rows, %q : tensor<?x40xf32>) outs(%p : tensor<?x?x96xf32>) {group = 2 : i64, scale = 0.25 : f32, soft_cap = 0.0 : f32} : !cache -> tensor<?x?x96xf32>
  return
}

// -----

!cache = !xf.kv_cache<3 x 2 x 20, f16, tiles16>
func.func @attention_partials_c7(%rows: !xf.rows, %c: !cache, %i: index, %q: tensor<?x40xf32>, %p: tensor<?x?x96xf32>) {
  // expected-error @below {{alibi must have a slope for each of 4 query heads, but has 1}}
  %0 = xf.attention_partials %c[%i] heads from %i blocks from %i ins(%rows, %q : tensor<?x40xf32>) outs(%p : tensor<?x?x96xf32>) alibi [0.5] {group = 2 : i64, scale = 0.25 : f32} : !cache -> tensor<?x?x96xf32>
  return
}

// -----

!cache = !xf.kv_cache<3 x 2 x 20, f16, tiles16>
func.func @attention_partials_c8(%rows: !xf.rows, %c: !cache, %i: index, %q: tensor<?x40xf32>, %p: tensor<?x?x80xf32>) {
  // expected-error @below {{init must be [B, R, 96] of f32 with the R of q, but is}}
  %0 = xf.attention_partials %c[%i] heads from %i blocks from %i ins(%rows, %q : tensor<?x40xf32>) outs(%p : tensor<?x?x80xf32>) {group = 2 : i64, scale = 0.25 : f32} : !cache -> tensor<?x?x80xf32>
  return
}

// -----

func.func @attention_merge_c1(%rows: !xf.rows, %p: tensor<?x?x96xf32>, %i: tensor<?x50xf32>) {
  // expected-error @below {{init must be [R, N] of f32, N a multiple of 20, but is}}
  %0 = xf.attention_merge ins(%rows, %p : tensor<?x?x96xf32>) outs(%i : tensor<?x50xf32>) {head_dim = 20 : i64} -> tensor<?x50xf32>
  return
}

// -----

func.func @attention_merge_c2(%rows: !xf.rows, %p: tensor<?x?x80xf32>, %i: tensor<?x40xf32>) {
  // expected-error @below {{the partials must be [B, R, 96] of f32 with the R of init, but are}}
  %0 = xf.attention_merge ins(%rows, %p : tensor<?x?x80xf32>) outs(%i : tensor<?x40xf32>) {head_dim = 20 : i64} -> tensor<?x40xf32>
  return
}

// -----

func.func @attention_merge_c3(%rows: !xf.rows, %p: tensor<?x?x96xf32>, %i: tensor<?x40xf32>) {
  // expected-error @below {{head_dim must be positive, but is 0}}
  %0 = xf.attention_merge ins(%rows, %p : tensor<?x?x96xf32>) outs(%i : tensor<?x40xf32>) {head_dim = 0 : i64} -> tensor<?x40xf32>
  return
}

// -----

func.func @attention_merge_c3_window(%rows: !xf.rows, %p: tensor<?x?x96xf32>, %i: tensor<?x40xf32>) {
  // expected-error @below {{window must be positive, but is 0}}
  %0 = xf.attention_merge ins(%rows, %p : tensor<?x?x96xf32>) outs(%i : tensor<?x40xf32>) {head_dim = 20 : i64, window = 0 : i64} -> tensor<?x40xf32>
  return
}
