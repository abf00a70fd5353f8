// RUN: espalier-opt %s --split-input-file --verify-diagnostics

// At least one test for each error of the verifiers. A name is that of the op and
// the number of its constraint.

// order
// expected-error @below {{'xf.order' must be an #xf.order, but is 1}}
module attributes {xf.order = 1} {}

// -----

// expected-error @below {{'xf.order' belongs on a module}}
func.func private @order_place() attributes {xf.order = #xf.order<cpu, 1>}

// -----

// expected-error @below {{order 'cpu' has version 1 only, but got 2}}
module attributes {xf.order = #xf.order<cpu, 2>} {}

// -----

// expected-error @below {{'xf.model' must be a dictionary}}
module attributes {xf.model = 1} {}

// -----

// expected-error @below {{'xf.model' belongs on a module}}
func.func private @model_place() attributes {xf.model = {}}

// -----

// expected-error @below {{'xf.max_rows' must be a positive i64}}
func.func private @max_rows() attributes {xf.max_rows = 0}

// -----

// expected-error @below {{'xf.max_rows' must be a positive i64}}
func.func private @max_rows_type() attributes {xf.max_rows = 8 : i32}

// -----

// expected-error @below {{'xf.max_rows' belongs on a function}}
module attributes {xf.max_rows = 8} {}

// -----

// expected-error @below {{recipe step 'transpose' takes 0 arguments, but got 1}}
xf.weight @recipe_arguments from ["w"] {recipe = [#xf.recipe<transpose, 1>]} : tensor<64xf32>

// -----

// expected-error @below {{'unpermute_heads' needs a positive number of heads, but got 0}}
xf.weight @recipe_heads from ["w"] {recipe = [#xf.recipe<unpermute_heads, 0>]} : tensor<64xf32>

// -----

// expected-error @below {{'slice_rows' needs 0 <= begin < end, but got 4 and 4}}
xf.weight @recipe_slice from ["w"] {recipe = [#xf.recipe<slice_rows, 4, 4>]} : tensor<64xf32>

// -----

// expected-error @below {{layers, heads and dim of a cache must be positive, but got 0 x 3 x 64}}
func.func private @kv_cache_c1(!xf.kv_cache<0 x 3 x 64, f16, tiles16>)

// -----

// expected-error @below {{the dim of a cache must be even, but got 63}}
func.func private @kv_cache_c2(!xf.kv_cache<1 x 3 x 63, f16, tiles16>)

// -----

// expected-error @below {{the elements of a cache must be f32, f16 or bf16, but got 'i8'}}
func.func private @kv_cache_c3(!xf.kv_cache<1 x 3 x 64, i8, tiles16>)

// -----

// expected-error @below {{encoding 'q4_1' has no panel of 8 x 32}}
func.func private @panel_c1(tensor<4x2x!xf.panel<8 x 32, q4_1>>)

// -----

// expected-error @below {{encoding 'a8' has no panel of 16 x 32}}
func.func private @panel_c1_a8(tensor<4x2x!xf.panel<16 x 32, a8>>)

// -----

// expected-error @below {{unknown encoding 'q9'}}
func.func private @panel_encoding(tensor<4x2x!xf.panel<16 x 32, q9>>)

// -----

// expected-error @below {{needs at least one source}}
xf.weight @weight_c1 from [] : tensor<64xf32>

// -----

// expected-error @below {{has an empty source}}
xf.weight @weight_c1_empty from [""] : tensor<64xf32>

// -----

// expected-error @below {{source "a" does not contain {i}, but the weight has layers}}
xf.weight @weight_c2 from ["a"] layers [0] : tensor<64xf32>

// -----

// expected-error @below {{source "a.{i}" names a layer, but the weight has none}}
xf.weight @weight_c2_none from ["a.{i}"] : tensor<64xf32>

// -----

// expected-error @below {{layers must ascend strictly from 0, but got 1 after 1}}
xf.weight @weight_c3 from ["a.{i}"] layers [1, 1] : tensor<64xf32>

// -----

// expected-error @below {{layers must ascend strictly from 0, but got -1 after -1}}
xf.weight @weight_c3_negative from ["a.{i}"] layers [-1] : tensor<64xf32>

// -----

// expected-error @below {{has an empty list of layers}}
xf.weight @weight_c3_empty from ["a.{i}"] layers [] : tensor<64xf32>

// -----

// expected-error @below {{type must be a static tensor of rank 1 of floats, or of rank 2 of floats or panels, but is}}
xf.weight @weight_c4 from ["a"] : tensor<?x64xf32>

// -----

// expected-error @below {{type must be a static tensor of rank 1 of floats, or of rank 2 of floats or panels, but is}}
xf.weight @weight_c4_panels from ["a"] : tensor<64x!xf.panel<1 x 32, q8_0>>

// -----

// expected-error @below {{needs at least one frequency}}
xf.rope_table @rope_table_c1 [] factor 1.0

// -----

// expected-error @below {{frequencies must be finite and not negative, but got -1.0}}
xf.rope_table @rope_table_c1_negative [1.0, -1.0] factor 1.0

// -----

// expected-error @below {{the factor must be finite and positive, but is 0.0}}
xf.rope_table @rope_table_c2 [1.0] factor 0.0

// -----

func.func @weight_ref_c1() {
  // expected-error @below {{'nothing' is no xf.weight}}
  %0 = xf.weight_ref @nothing : tensor<64xf32>
  return
}

// -----

xf.weight @w from ["w"] : tensor<64xf32>
func.func @weight_ref_c1_type() {
  // expected-error @below {{result type 'tensor<32xf32>' does not match the weight's 'tensor<64xf32>'}}
  %0 = xf.weight_ref @w : tensor<32xf32>
  return
}

// -----

xf.weight @w from ["w"] : tensor<64xf32>
func.func @weight_ref_c2(%i: index) {
  // expected-error @below {{'w' has no layers: an index was given}}
  %0 = xf.weight_ref @w[%i] : tensor<64xf32>
  return
}

// -----

xf.weight @w from ["w.{i}"] layers [0] : tensor<64xf32>
func.func @weight_ref_c2_missing() {
  // expected-error @below {{'w' has layers: an index is needed}}
  %0 = xf.weight_ref @w : tensor<64xf32>
  return
}

// -----

func.func @repeat_c1(%x: index) {
  // expected-error @below {{needs at least one layer and one region}}
  %r = xf.repeat kinds [] iter(%x : index) {
  ^bb0(%l: index, %i: index, %y: index):
    xf.yield %y : index
  } -> index
  return
}

// -----

func.func @repeat_c2(%x: index) {
  // expected-error @below {{kind 1 names none of the 1 regions}}
  %r = xf.repeat kinds [0, 1] iter(%x : index) {
  ^bb0(%l: index, %i: index, %y: index):
    xf.yield %y : index
  } -> index
  return
}

// -----

func.func @repeat_c2_unused(%x: index) {
  // expected-error @below {{no layer is of kind 1}}
  %r = xf.repeat kinds [0, 0] iter(%x : index) {
  ^bb0(%l: index, %i: index, %y: index):
    xf.yield %y : index
  }, {
  ^bb0(%l: index, %i: index, %y: index):
    xf.yield %y : index
  } -> index
  return
}

// -----

func.func @repeat_c3(%x: index) {
  // expected-error @below {{region 0 needs 3 arguments, but has 2}}
  %r = xf.repeat kinds [0] iter(%x : index) {
  ^bb0(%l: index, %i: index):
    xf.yield %i : index
  } -> index
  return
}

// -----

func.func @repeat_c3_arguments(%x: index) {
  // expected-error @below {{arguments of region 0 must be index, index and the types of the initial values}}
  %r = xf.repeat kinds [0] iter(%x : index) {
  ^bb0(%l: index, %i: i32, %y: index):
    xf.yield %y : index
  } -> index
  return
}

// -----

func.func @repeat_c3_end(%x: index) {
  // expected-error @below {{region 0 must end in xf.yield}}
  %r = xf.repeat kinds [0] iter(%x : index) {
  ^bb0(%l: index, %i: index, %y: index):
    llvm.unreachable
  } -> index
  return
}

// -----

func.func @repeat_c3_results(%x: index) {
  // expected-error @below {{result types must be those of the initial values}}
  %r = xf.repeat kinds [0] iter(%x : index) {
  ^bb0(%l: index, %i: index, %y: index):
    xf.yield %y : index
  } -> i32
  return
}

// -----

func.func @repeat_c3_yield(%x: index) {
  %r = xf.repeat kinds [0] iter(%x : index) {
  ^bb0(%l: index, %i: index, %y: index):
    // expected-error @below {{types must be the results of xf.repeat}}
    xf.yield %y, %y : index, index
  } -> index
  return
}

// -----

func.func @repeat_c4(%x: index) {
  // expected-error @below {{kind 1 appears before kind 0: kinds must be numbered as they first appear}}
  %r = xf.repeat kinds [1, 0] iter(%x : index) {
  ^bb0(%l: index, %i: index, %y: index):
    xf.yield %y : index
  }, {
  ^bb0(%l: index, %i: index, %y: index):
    xf.yield %y : index
  } -> index
  return
}

// -----

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
  // expected-error @below {{x must be [R, K] of f32 or [R, K/32] of a8 panels, but is}}
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
  // expected-error @below {{x must be [R, K] of f32 or [R, K/32] of a8 panels, but is}}
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

func.func @rms_norm_c3(%x: tensor<?x64xf32>, %w: tensor<64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{eps must be finite and positive, but is 0.0}}
  %0 = xf.rms_norm ins(%x, %w : tensor<?x64xf32>, tensor<64xf32>) outs(%i : tensor<?x64xf32>) {eps = 0.0 : f32} -> tensor<?x64xf32>
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

func.func @glu_c1(%g: tensor<?x64xf32>, %i: tensor<?x32xf32>) {
  // expected-error @below {{gate, up and init must be [R, N] of the same shape, but are}}
  %0 = xf.glu silu ins(%g, %g : tensor<?x64xf32>, tensor<?x64xf32>) outs(%i : tensor<?x32xf32>) -> tensor<?x32xf32>
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
