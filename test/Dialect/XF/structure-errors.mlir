// RUN: espalier-opt %s --split-input-file --verify-diagnostics

// At least one test for each error of the verifiers of attributes, types, weights
// and xf.repeat; basic-errors.mlir has the ops that compute. A name is that of the
// op and the number of its constraint.

// order
// expected-error @below {{'xf.order' must be an #xf.order, but is 1}}
module attributes {xf.order = 1} {}

// -----

// expected-error @below {{'xf.order' belongs on a module}}
func.func private @order_place() attributes {xf.order = #xf.order<cpu, 2>}

// -----

// expected-error @below {{order 'cpu' has version 2 only, but got 3}}
module attributes {xf.order = #xf.order<cpu, 3>} {}

// -----

// expected-error @below {{order 'cpu' has version 2 only, but got 1: import the model again}}
module attributes {xf.order = #xf.order<cpu, 1>} {}

// -----

// expected-error @below {{order 'systolic' has version 1 only, but got 2}}
module attributes {xf.order = #xf.order<systolic, 2>} {}

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

// expected-error @below {{recipe step 'unpermute_heads' takes 1 or 2 arguments, but got 3}}
xf.weight @recipe_heads_arguments from ["w"] {recipe = [#xf.recipe<unpermute_heads, 2, 4, 6>]} : tensor<64xf32>

// -----

// expected-error @below {{'unpermute_heads' needs a positive, even number of rotated rows, but got 3}}
xf.weight @recipe_rotary from ["w"] {recipe = [#xf.recipe<unpermute_heads, 2, 3>]} : tensor<64xf32>

// -----

// expected-error @below {{'slice_groups' needs groups >= 1, begin >= 0 and count >= 1, but got 2, 0 and 0}}
xf.weight @recipe_groups from ["w"] {recipe = [#xf.recipe<slice_groups, 2, 0, 0>]} : tensor<64xf32>

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

// expected-error @below {{type must be a static tensor of rank 1 of floats, or of rank 2 or 3 of floats or panels, but is}}
xf.weight @weight_c4 from ["a"] : tensor<?x64xf32>

// -----

// expected-error @below {{type must be a static tensor of rank 1 of floats, or of rank 2 or 3 of floats or panels, but is}}
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

// expected-error @below {{'beyond' must be positive, but is 0}}
xf.rope_table @rope_table_c3 [1.0] factor 1.0 beyond 0 [1.0]

// -----

// expected-error @below {{'beyond' needs either frequencies or 'dynamic_theta' and 'dynamic_factor'}}
xf.rope_table @rope_table_c3_nothing [1.0] factor 1.0 beyond 8

// -----

// expected-error @below {{expected 2 frequencies for large contexts, but got 1}}
xf.rope_table @rope_table_c3_count [1.0, 0.5] factor 1.0 beyond 8 [1.0]

// -----

// expected-error @below {{frequencies must be finite and not negative, but got -1}}
xf.rope_table @rope_table_c3_negative [1.0] factor 1.0 beyond 8 [-1.0]

// -----

// expected-error @below {{'dynamic_theta' must be above 1 and 'dynamic_factor' above 0, both finite}}
xf.rope_table @rope_table_c3_theta [1.0, 0.5] factor 1.0 beyond 8 {dynamic_theta = 1.0 : f64, dynamic_factor = 2.0 : f64}

// -----

// expected-error @below {{dynamic frequencies must be at least two}}
xf.rope_table @rope_table_c3_pairs [1.0] factor 1.0 beyond 8 {dynamic_theta = 4.0 : f64, dynamic_factor = 2.0 : f64}

// -----

// expected-error @below {{what counts for large contexts needs 'beyond'}}
xf.rope_table @rope_table_c3_without [1.0] factor 1.0 {dynamic_factor = 2.0 : f64}

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
