// RUN: espalier-opt %s --split-input-file --verify-diagnostics

// At least one test for each error of the verifiers of the ops that compute;
// row-ops-errors.mlir, structure-errors.mlir and layers-errors.mlir have the rest. A name is that of the
// op and the number of its constraint.

func.func @embedding_c1(%r: !xf.rows, %t: tensor<64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{the table must be a matrix of f32, f16, bf16 or weight panels, but is}}
  %0 = xf.embedding ins(%r, %t : tensor<64xf32>) outs(%i : tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @embedding_c2(%r: !xf.rows, %t: tensor<420x64xf32>, %i: tensor<?x32xf32>) {
  // expected-error @below {{init must be [R, 64] of f32, but is}}
  %0 = xf.embedding ins(%r, %t : tensor<420x64xf32>) outs(%i : tensor<?x32xf32>) -> tensor<?x32xf32>
  return
}

// -----

func.func @linear_c1(%x: tensor<?x64xf32>, %w: tensor<176x64xi8>, %i: tensor<?x176xf32>) {
  // expected-error @below {{the weight must be a matrix of f32, f16, bf16 or weight panels, but is}}
  %0 = xf.linear ins(%x, %w : tensor<?x64xf32>, tensor<176x64xi8>) outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
  return
}

// -----

func.func @linear_c1_panels(%x: tensor<?x64xf32>, %w: tensor<10x2x!xf.panel<16 x 32, q4_1>>, %i: tensor<?x176xf32>) {
  // expected-error @below {{the weight has 160 columns in panels of 16, which is not what init's 176 need}}
  %0 = xf.linear ins(%x, %w : tensor<?x64xf32>, tensor<10x2x!xf.panel<16 x 32, q4_1>>) outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<?x2x!xf.panel<1 x 32, q8_0>>, %w: tensor<11x2x!xf.panel<16 x 32, q4_1>>, %i: tensor<?x176xf32>) {
  // expected-error @below {{x must be [R, K] of f32 or bf16, or [R, K/32] of a8 panels, but is}}
  %0 = xf.linear ins(%x, %w : tensor<?x2x!xf.panel<1 x 32, q8_0>>, tensor<11x2x!xf.panel<16 x 32, q4_1>>) outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
  return
}

// -----

func.func @linear_c2_k(%x: tensor<?x64xf32>, %w: tensor<11x3x!xf.panel<16 x 32, q4_1>>, %i: tensor<?x176xf32>) {
  // expected-error @below {{x has K = 64, but the weight has K = 96}}
  %0 = xf.linear ins(%x, %w : tensor<?x64xf32>, tensor<11x3x!xf.panel<16 x 32, q4_1>>) outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<?x2x!xf.panel<1 x 32, a8>>, %w: tensor<176x64xbf16>, %i: tensor<?x176xf32>) {
  // expected-error @below {{quantised rows need a weight in q8_0, q4_0 or q4_1, but it is bf16}}
  %0 = xf.linear ins(%x, %w : tensor<?x2x!xf.panel<1 x 32, a8>>, tensor<176x64xbf16>) outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
  return
}

// -----

func.func @logits_c1(%x: tensor<?x64xf32>, %w: tensor<176x64xi8>, %i: tensor<?x176xf32>) {
  // expected-error @below {{the weight must be a matrix of f32, f16, bf16 or weight panels, but is}}
  %0 = xf.logits ins(%x, %w : tensor<?x64xf32>, tensor<176x64xi8>) outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
  return
}

// -----

func.func @logits_c1_panels(%x: tensor<?x64xf32>, %w: tensor<10x2x!xf.panel<16 x 32, q4_1>>, %i: tensor<?x176xf32>) {
  // expected-error @below {{the weight has 160 columns in panels of 16, which is not what init's 176 need}}
  %0 = xf.logits ins(%x, %w : tensor<?x64xf32>, tensor<10x2x!xf.panel<16 x 32, q4_1>>) outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
  return
}

// -----

func.func @logits_c2(%x: tensor<?x2x!xf.panel<1 x 32, q8_0>>, %w: tensor<11x2x!xf.panel<16 x 32, q4_1>>, %i: tensor<?x176xf32>) {
  // expected-error @below {{x must be [R, K] of f32 or bf16, or [R, K/32] of a8 panels, but is}}
  %0 = xf.logits ins(%x, %w : tensor<?x2x!xf.panel<1 x 32, q8_0>>, tensor<11x2x!xf.panel<16 x 32, q4_1>>) outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
  return
}

// -----

func.func @logits_c2_k(%x: tensor<?x64xf32>, %w: tensor<11x3x!xf.panel<16 x 32, q4_1>>, %i: tensor<?x176xf32>) {
  // expected-error @below {{x has K = 64, but the weight has K = 96}}
  %0 = xf.logits ins(%x, %w : tensor<?x64xf32>, tensor<11x3x!xf.panel<16 x 32, q4_1>>) outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
  return
}

// -----

func.func @logits_c3(%x: tensor<?x2x!xf.panel<1 x 32, a8>>, %w: tensor<176x64xbf16>, %i: tensor<?x176xf32>) {
  // expected-error @below {{quantised rows need a weight in q8_0, q4_0 or q4_1, but it is bf16}}
  %0 = xf.logits ins(%x, %w : tensor<?x2x!xf.panel<1 x 32, a8>>, tensor<176x64xbf16>) outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
  return
}

// -----

func.func @linear_c4(%x: tensor<?x64xf32>, %w: tensor<176x64xf32>, %i: tensor<?x176xf32>, %b: tensor<64xf32>) {
  // expected-error @below {{the bias must be f32 [N] with the N of init, but is}}
  %0 = xf.linear ins(%x, %w : tensor<?x64xf32>, tensor<176x64xf32>) bias(%b : tensor<64xf32>) outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
  return
}

// -----

func.func @linear_c5(%x: tensor<4x64xf32>, %w: tensor<176x64xf32>, %i: tensor<5x176xf32>) {
  // expected-error @below {{init must be [R, N] of f32 with the R of x, but is}}
  %0 = xf.linear ins(%x, %w : tensor<4x64xf32>, tensor<176x64xf32>) outs(%i : tensor<5x176xf32>) -> tensor<5x176xf32>
  return
}

// -----

func.func @logits_c4(%x: tensor<4x64xf32>, %w: tensor<176x64xf32>, %i: tensor<5x176xf32>) {
  // expected-error @below {{init must be [R, N] of f32 with the R of x, but is}}
  %0 = xf.logits ins(%x, %w : tensor<4x64xf32>, tensor<176x64xf32>) outs(%i : tensor<5x176xf32>) -> tensor<5x176xf32>
  return
}

// -----

func.func @quantize_activations_c1(%x: tensor<?x48xf32>, %i: tensor<?x2x!xf.panel<1 x 32, a8>>) {
  // expected-error @below {{x must be [R, K] of f32, K a multiple of 32, but is}}
  %0 = xf.quantize_activations ins(%x : tensor<?x48xf32>) outs(%i : tensor<?x2x!xf.panel<1 x 32, a8>>) -> tensor<?x2x!xf.panel<1 x 32, a8>>
  return
}

// -----

func.func @quantize_activations_c2(%x: tensor<?x64xf32>, %i: tensor<?x3x!xf.panel<1 x 32, a8>>) {
  // expected-error @below {{init must be [R, 2] of !xf.panel<1 x 32, a8> with the R of x, but is}}
  %0 = xf.quantize_activations ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x3x!xf.panel<1 x 32, a8>>) -> tensor<?x3x!xf.panel<1 x 32, a8>>
  return
}

// -----

xf.rope_table @rope [1.0, 0.1, 0.01] factor 1.0
func.func @rope_c1(%r: !xf.rows, %x: tensor<?x64xf32>, %i: tensor<?x32xf32>) {
  // expected-error @below {{x and init must be [R, N] of the same shape, but are}}
  %0 = xf.rope @rope ins(%r, %x : tensor<?x64xf32>) outs(%i : tensor<?x32xf32>) {head_dim = 16 : i64} -> tensor<?x32xf32>
  return
}

// -----

xf.rope_table @rope [1.0, 0.1, 0.01] factor 1.0
func.func @rope_c1_heads(%r: !xf.rows, %x: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{N must be a multiple of head_dim = 48, but is 64}}
  %0 = xf.rope @rope ins(%r, %x : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) {head_dim = 48 : i64} -> tensor<?x64xf32>
  return
}

// -----

xf.rope_table @rope [1.0, 0.1, 0.01] factor 1.0
func.func @rope_c1_dim(%r: !xf.rows, %x: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{head_dim must be positive, but is 0}}
  %0 = xf.rope @rope ins(%r, %x : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) {head_dim = 0 : i64} -> tensor<?x64xf32>
  return
}

// -----

xf.rope_table @rope [1.0, 0.1, 0.01] factor 1.0
func.func @rope_c2(%r: !xf.rows, %x: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{'nothing' is no xf.rope_table}}
  %0 = xf.rope @nothing ins(%r, %x : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) {head_dim = 16 : i64} -> tensor<?x64xf32>
  return
}

// -----

xf.rope_table @rope [1.0, 0.1, 0.01] factor 1.0
func.func @rope_c2_frequencies(%r: !xf.rows, %x: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{heads of 4 elements have 2 pairs, but 'rope' has 3 frequencies}}
  %0 = xf.rope @rope ins(%r, %x : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) {head_dim = 4 : i64} -> tensor<?x64xf32>
  return
}

// -----

func.func @attention_c1(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %l: index, %q: tensor<?x64xf32>, %i: tensor<?x32xf32>) {
  %h = arith.constant 0 : index
  // expected-error @below {{q and init must be [R, N] of the same shape, but are}}
  %0 = xf.attention %c[%l] heads from %h ins(%r, %q : tensor<?x64xf32>) outs(%i : tensor<?x32xf32>)
    {group = 1 : i64, scale = 0.25 : f32} : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> tensor<?x32xf32>
  return
}

// -----

func.func @attention_c1_dim(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %l: index, %q: tensor<?x40xf32>, %i: tensor<?x40xf32>) {
  %h = arith.constant 0 : index
  // expected-error @below {{N must be a multiple of the cache's dim = 16, but is 40}}
  %0 = xf.attention %c[%l] heads from %h ins(%r, %q : tensor<?x40xf32>) outs(%i : tensor<?x40xf32>)
    {group = 1 : i64, scale = 0.25 : f32} : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> tensor<?x40xf32>
  return
}

// -----

func.func @attention_c2(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %l: index, %q: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  %h = arith.constant 0 : index
  // expected-error @below {{group must be positive, but is 0}}
  %0 = xf.attention %c[%l] heads from %h ins(%r, %q : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>)
    {group = 0 : i64, scale = 0.25 : f32} : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> tensor<?x64xf32>
  return
}

// -----

func.func @attention_c2_heads(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %l: index, %q: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  %h = arith.constant 1 : index
  // expected-error @below {{query heads 1 to 4 go beyond group * heads of the cache = 4}}
  %0 = xf.attention %c[%l] heads from %h ins(%r, %q : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>)
    {group = 1 : i64, scale = 0.25 : f32} : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> tensor<?x64xf32>
  return
}

// -----

func.func @attention_c3(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %l: index, %q: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  %h = arith.constant 0 : index
  // expected-error @below {{scale must be finite and positive, but is -1.0}}
  %0 = xf.attention %c[%l] heads from %h ins(%r, %q : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>)
    {group = 1 : i64, scale = -1.0 : f32} : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> tensor<?x64xf32>
  return
}

// -----

func.func @kv_append_c1(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %l: index, %x: tensor<64xf32>) {
  %h = arith.constant 0 : index
  // expected-error @below {{x must be [R, N] of f32, but is}}
  xf.kv_append keys %c[%l] heads from %h ins(%r, %x : tensor<64xf32>) : !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  return
}

// -----

func.func @kv_append_c1_dim(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %l: index, %x: tensor<?x40xf32>) {
  %h = arith.constant 0 : index
  // expected-error @below {{N must be a multiple of the cache's dim = 16, but is 40}}
  xf.kv_append keys %c[%l] heads from %h ins(%r, %x : tensor<?x40xf32>) : !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  return
}

// -----

func.func @kv_append_c2(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %l: index, %x: tensor<?x64xf32>) {
  %h = arith.constant 2 : index
  // expected-error @below {{heads 2 to 5 go beyond the cache's 4 heads}}
  xf.kv_append keys %c[%l] heads from %h ins(%r, %x : tensor<?x64xf32>) : !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  return
}

// -----

func.func @kv_append_c3(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %l: index, %x: tensor<?x64xf32>) {
  %h = arith.constant 0 : index
  // expected-error @below {{the result must be of the cache's type}}
  %0 = xf.kv_append keys %c[%l] heads from %h ins(%r, %x : tensor<?x64xf32>) : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> !xf.kv_cache<3 x 4 x 16, f32, tiles16>
  return
}

// -----

func.func @kv_commit_c1(%c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %p: index, %t: tensor<?xi64>) {
  // expected-error @below {{operand #2 must be}}
  %0 = "xf.kv_commit"(%c, %p, %t) : (!xf.kv_cache<3 x 4 x 16, f16, tiles16>, index, tensor<?xi64>) -> !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  return
}

// -----

func.func @kv_commit_c2(%c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %p: index, %t: tensor<?xi32>) {
  // expected-error @below {{the result must be of the cache's type}}
  %0 = xf.kv_commit %c from %p path(%t : tensor<?xi32>) : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> !xf.kv_cache<3 x 4 x 16, f32, tiles16>
  return
}

// -----

func.func @select_rows_c1(%r: !xf.rows, %x: tensor<?x64xf32>, %i: tensor<?x32xf32>) {
  // expected-error @below {{x must be [R, K] and init [W, K] of f32, but they are}}
  %0 = xf.select_rows ins(%r, %x : tensor<?x64xf32>) outs(%i : tensor<?x32xf32>) -> tensor<?x32xf32>
  return
}

// -----

func.func @tap_c1(%r: !xf.rows, %l: index, %x: tensor<64xf32>) {
  // expected-error @below {{x must be [R, K] of f32, but is}}
  xf.tap[%l] ins(%r, %x : tensor<64xf32>)
  return
}

// -----

func.func @linear_c3_rounded(%x: tensor<?x64xbf16>, %w: tensor<11x2x!xf.panel<16 x 32, q4_1>>, %i: tensor<?x176xf32>) {
  // expected-error @below {{rounded rows need a weight in bf16, but it is q4_1}}
  %0 = xf.linear ins(%x, %w : tensor<?x64xbf16>, tensor<11x2x!xf.panel<16 x 32, q4_1>>) outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
  return
}

// -----

// expected-error @below {{order 'systolic' needs the array's rows, 1 to 65536, but got 0}}
module attributes {xf.order = #xf.order<systolic, 1>} {}

// -----

// expected-error @below {{order 'systolic' needs the array's rows, 1 to 65536, but got 65537}}
module attributes {xf.order = #xf.order<systolic, 1, rows 65537>} {}

// -----

// expected-error @below {{order 'cpu' has no rows, but got 128}}
module attributes {xf.order = #xf.order<cpu, 2, rows 128>} {}
