// RUN: espalier-opt %s --split-input-file --verify-diagnostics

// At least one test for each error of the verifiers of norms, pointwise ops and
// what attention, logits and position_embedding take besides.

func.func @rms_norm_c1(%x: tensor<?x64xf32>, %w: tensor<64xf32>, %i: tensor<?x32xf32>) {
  // expected-error @below {{x and init must be [R, K] of the same shape, but are}}
  %0 = xf.rms_norm ins(%x, %w : tensor<?x64xf32>, tensor<64xf32>) outs(%i : tensor<?x32xf32>) {eps = 1.0 : f32} -> tensor<?x32xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<?x64xf32>, %w: tensor<32xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{the weight must be f32 [K] with the K of x, but is}}
  %0 = xf.rms_norm ins(%x, %w : tensor<?x64xf32>, tensor<32xf32>) outs(%i : tensor<?x64xf32>) {eps = 1.0 : f32} -> tensor<?x64xf32>
  return
}

// -----

func.func @rms_norm_c2_segment(%x: tensor<?x64xf32>, %w: tensor<32xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{the weight must be f32 [K] with the K of x, or [segment], but is}}
  %0 = xf.rms_norm ins(%x, %w : tensor<?x64xf32>, tensor<32xf32>) outs(%i : tensor<?x64xf32>) {eps = 1.0 : f32, segment = 16 : i64} -> tensor<?x64xf32>
  return
}

// -----

func.func @rms_norm_c3(%x: tensor<?x64xf32>, %w: tensor<64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{eps must be finite and positive, but is 0.0}}
  %0 = xf.rms_norm ins(%x, %w : tensor<?x64xf32>, tensor<64xf32>) outs(%i : tensor<?x64xf32>) {eps = 0.0 : f32} -> tensor<?x64xf32>
  return
}

// -----

func.func @rms_norm_c4(%x: tensor<?x64xf32>, %w: tensor<64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{segment must be positive and divide K = 64, but is 24}}
  %0 = xf.rms_norm ins(%x, %w : tensor<?x64xf32>, tensor<64xf32>) outs(%i : tensor<?x64xf32>) {eps = 1.0 : f32, segment = 24 : i64} -> tensor<?x64xf32>
  return
}

// -----

func.func @layer_norm_c1(%x: tensor<?x64xf32>, %w: tensor<64xf32>, %i: tensor<?x32xf32>) {
  // expected-error @below {{x and init must be [R, K] of the same shape, but are}}
  %0 = xf.layer_norm ins(%x, %w : tensor<?x64xf32>, tensor<64xf32>) outs(%i : tensor<?x32xf32>) {eps = 1.0 : f32} -> tensor<?x32xf32>
  return
}

// -----

func.func @layer_norm_c2(%x: tensor<?x64xf32>, %w: tensor<64xbf16>, %i: tensor<?x64xf32>) {
  // expected-error @below {{the weight must be f32 [K] with the K of x, but is}}
  %0 = xf.layer_norm ins(%x, %w : tensor<?x64xf32>, tensor<64xbf16>) outs(%i : tensor<?x64xf32>) {eps = 1.0 : f32} -> tensor<?x64xf32>
  return
}

// -----

func.func @layer_norm_c3(%x: tensor<?x64xf32>, %w: tensor<64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{eps must be finite and positive, but is -1.0}}
  %0 = xf.layer_norm ins(%x, %w : tensor<?x64xf32>, tensor<64xf32>) outs(%i : tensor<?x64xf32>) {eps = -1.0 : f32} -> tensor<?x64xf32>
  return
}

// -----

func.func @layer_norm_c4(%x: tensor<?x64xf32>, %w: tensor<64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{segment must be positive and divide K = 64, but is 0}}
  %0 = xf.layer_norm ins(%x, %w : tensor<?x64xf32>, tensor<64xf32>) outs(%i : tensor<?x64xf32>) {eps = 1.0 : f32, segment = 0 : i64} -> tensor<?x64xf32>
  return
}

// -----

func.func @layer_norm_c5(%x: tensor<?x64xf32>, %w: tensor<16xf32>, %b: tensor<64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{the bias must be f32 of the weight's size, but is}}
  %0 = xf.layer_norm ins(%x, %w : tensor<?x64xf32>, tensor<16xf32>) bias(%b : tensor<64xf32>) outs(%i : tensor<?x64xf32>) {eps = 1.0 : f32, segment = 16 : i64} -> tensor<?x64xf32>
  return
}

// -----

func.func @glu_c1(%g: tensor<?x64xf32>, %i: tensor<?x32xf32>) {
  // expected-error @below {{gate, up and init must be [R, N] of the same shape, but are}}
  %0 = xf.glu silu ins(%g, %g : tensor<?x64xf32>, tensor<?x64xf32>) outs(%i : tensor<?x32xf32>) -> tensor<?x32xf32>
  return
}

// -----

func.func @activation_c1(%x: tensor<?x64xf32>, %i: tensor<?x32xf32>) {
  // expected-error @below {{x and init must be [R, N] of the same shape, but are}}
  %0 = xf.activation relu ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x32xf32>) -> tensor<?x32xf32>
  return
}

// -----

func.func @scale_c1(%x: tensor<?x64xf32>, %i: tensor<?x32xf32>) {
  // expected-error @below {{x and init must be [R, N] of the same shape, but are}}
  %0 = xf.scale ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x32xf32>) {factor = 1.0 : f32} -> tensor<?x32xf32>
  return
}

// -----

func.func @scale_c2(%x: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{factor must be finite, but is}}
  %0 = xf.scale ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) {factor = 0x7f800000 : f32} -> tensor<?x64xf32>
  return
}

// -----

func.func @soft_cap_c1(%x: tensor<?x64xf32>, %i: tensor<?x32xf32>) {
  // expected-error @below {{x and init must be [R, N] of the same shape, but are}}
  %0 = xf.soft_cap ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x32xf32>) {cap = 1.0 : f32} -> tensor<?x32xf32>
  return
}

// -----

func.func @soft_cap_c2(%x: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{cap must be finite and positive, but is 0.0}}
  %0 = xf.soft_cap ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) {cap = 0.0 : f32} -> tensor<?x64xf32>
  return
}

// -----

func.func @position_embedding_c1(%r: !xf.rows, %t: tensor<64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{the table must be a matrix of f32, f16, bf16 or weight panels, but is}}
  %0 = xf.position_embedding ins(%r, %t : tensor<64xf32>) outs(%i : tensor<?x64xf32>) {offset = 0 : i64} -> tensor<?x64xf32>
  return
}

// -----

func.func @position_embedding_c2(%r: !xf.rows, %t: tensor<40x64xf32>, %i: tensor<?x32xf32>) {
  // expected-error @below {{init must be [R, 64] of f32, but is}}
  %0 = xf.position_embedding ins(%r, %t : tensor<40x64xf32>) outs(%i : tensor<?x32xf32>) {offset = 0 : i64} -> tensor<?x32xf32>
  return
}

// -----

func.func @position_embedding_c3(%r: !xf.rows, %t: tensor<40x64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{offset must be an entry of the table, 0 to 39, but is 40}}
  %0 = xf.position_embedding ins(%r, %t : tensor<40x64xf32>) outs(%i : tensor<?x64xf32>) {offset = 40 : i64} -> tensor<?x64xf32>
  return
}

// -----

func.func @attention_c5(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %l: index, %q: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  %h = arith.constant 0 : index
  // expected-error @below {{window must be positive, but is 0}}
  %0 = xf.attention %c[%l] heads from %h ins(%r, %q : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>)
    {group = 1 : i64, scale = 0.25 : f32, window = 0 : i64} : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> tensor<?x64xf32>
  return
}

// -----

func.func @attention_c6(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %l: index, %q: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  %h = arith.constant 0 : index
  // expected-error @below {{soft_cap must be finite and positive, but is -2.0}}
  %0 = xf.attention %c[%l] heads from %h ins(%r, %q : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>)
    {group = 1 : i64, scale = 0.25 : f32, soft_cap = -2.0 : f32} : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> tensor<?x64xf32>
  return
}

// -----

func.func @attention_c7(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %l: index, %q: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  %h = arith.constant 0 : index
  // expected-error @below {{alibi must have a slope for each of 4 query heads, but has 2}}
  %0 = xf.attention %c[%l] heads from %h ins(%r, %q : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) alibi [0.5, 0.25]
    {group = 1 : i64, scale = 0.25 : f32} : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> tensor<?x64xf32>
  return
}

// -----

func.func @attention_c7_finite(%r: !xf.rows, %c: !xf.kv_cache<3 x 1 x 16, f16, tiles16>, %l: index, %q: tensor<?x16xf32>, %i: tensor<?x16xf32>) {
  %h = arith.constant 0 : index
  // expected-error @below {{alibi must have finite slopes, but has}}
  %0 = xf.attention %c[%l] heads from %h ins(%r, %q : tensor<?x16xf32>) outs(%i : tensor<?x16xf32>) alibi [1.0e39]
    {group = 1 : i64, scale = 0.25 : f32} : !xf.kv_cache<3 x 1 x 16, f16, tiles16> -> tensor<?x16xf32>
  return
}

// -----

func.func @logits_c5(%x: tensor<?x64xf32>, %w: tensor<176x64xf32>, %i: tensor<?x176xf32>, %b: tensor<64xf32>) {
  // expected-error @below {{the bias must be f32 [N] with the N of init, but is}}
  %0 = xf.logits ins(%x, %w : tensor<?x64xf32>, tensor<176x64xf32>) bias(%b : tensor<64xf32>) outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
  return
}
