// RUN: espalier-opt %s --split-input-file --verify-diagnostics

// At least one test for each error of the verifiers of router and grouped_linear,
// and of weights of experts.

// expected-error @below {{a source names an expert, but the type is}}
xf.weight @weight_c5 from ["e.{e}"] : tensor<96x64xbf16>

// -----

// expected-error @below {{{e} must stand in all sources or in none}}
xf.weight @weight_c5_mixed from ["e.{e}", "e"] : tensor<4x96x64xbf16>

// -----

// expected-error @below {{type must be a static tensor of rank 1 of floats, or of rank 2 or 3 of floats or panels, but is}}
xf.weight @weight_c4 from ["e"] : tensor<1x4x96x64xbf16>

// -----

func.func @router_c1(%s: tensor<4x?xf32>, %i: tensor<4x2xi32>, %w: tensor<4x2xf32>) {
  // expected-error @below {{scores must be [R, E] of f32 with E of 1 to 1024, but are}}
  %0, %1 = xf.router ins(%s : tensor<4x?xf32>) outs(%i, %w : tensor<4x2xi32>, tensor<4x2xf32>) -> tensor<4x2xi32>, tensor<4x2xf32>
  return
}

// -----

func.func @router_c2(%s: tensor<?x4xf32>, %i: tensor<?x5xi32>, %w: tensor<?x5xf32>) {
  // expected-error @below {{the destinations must be [R, k] with the R of scores and k of 1 to 4, but are}}
  %0, %1 = xf.router ins(%s : tensor<?x4xf32>) outs(%i, %w : tensor<?x5xi32>, tensor<?x5xf32>) -> tensor<?x5xi32>, tensor<?x5xf32>
  return
}

// -----

func.func @router_c2_differ(%s: tensor<?x4xf32>, %i: tensor<?x2xi32>, %w: tensor<?x1xf32>) {
  // expected-error @below {{the destinations must be [R, k]}}
  %0, %1 = xf.router ins(%s : tensor<?x4xf32>) outs(%i, %w : tensor<?x2xi32>, tensor<?x1xf32>) -> tensor<?x2xi32>, tensor<?x1xf32>
  return
}

// -----

func.func @grouped_linear_c1(%x: tensor<?x64xf32>, %w: tensor<96x64xf32>, %i: tensor<?x2xi32>, %o: tensor<?x96xf32>) {
  // expected-error @below {{the weight must be [E, N, K] of f32, f16, bf16 or weight panels, but is}}
  %0 = xf.grouped_linear ins(%x, %w : tensor<?x64xf32>, tensor<96x64xf32>) experts(%i : tensor<?x2xi32>) outs(%o : tensor<?x96xf32>) -> tensor<?x96xf32>
  return
}

// -----

func.func @grouped_linear_c1_columns(%x: tensor<?x64xf32>, %w: tensor<4x5x2x!xf.panel<16 x 32, q8_0>>, %i: tensor<?x2xi32>, %o: tensor<?x96xf32>) {
  // expected-error @below {{the weight has 80 columns in panels of 16, which is not what init's 96 need}}
  %0 = xf.grouped_linear ins(%x, %w : tensor<?x64xf32>, tensor<4x5x2x!xf.panel<16 x 32, q8_0>>) experts(%i : tensor<?x2xi32>) outs(%o : tensor<?x96xf32>) -> tensor<?x96xf32>
  return
}

// -----

func.func @grouped_linear_c2(%x: tensor<?x64xf32>, %w: tensor<4x96x64xf32>, %i: tensor<?x5xi32>, %o: tensor<?x96xf32>) {
  // expected-error @below {{ids must be [R, k] of i32 with k of 1 to 4, but are}}
  %0 = xf.grouped_linear ins(%x, %w : tensor<?x64xf32>, tensor<4x96x64xf32>) experts(%i : tensor<?x5xi32>) outs(%o : tensor<?x96xf32>) -> tensor<?x96xf32>
  return
}

// -----

func.func @grouped_linear_c3(%x: tensor<?x64xf32>, %w: tensor<4x96x64xf32>, %i: tensor<?x2xi32>, %p: tensor<?x3xf32>, %o: tensor<?x96xf32>) {
  // expected-error @below {{combine must be [R, k] like ids, but is}}
  %0 = xf.grouped_linear ins(%x, %w : tensor<?x64xf32>, tensor<4x96x64xf32>) experts(%i : tensor<?x2xi32>) combine(%p : tensor<?x3xf32>) outs(%o : tensor<?x96xf32>) -> tensor<?x96xf32>
  return
}

// -----

func.func @grouped_linear_c4(%x: tensor<3x64xf32>, %w: tensor<4x96x64xf32>, %i: tensor<3x2xi32>, %p: tensor<3x2xf32>, %o: tensor<3x96xf32>) {
  // expected-error @below {{with combine of R * k rows, but is}}
  %0 = xf.grouped_linear ins(%x, %w : tensor<3x64xf32>, tensor<4x96x64xf32>) experts(%i : tensor<3x2xi32>) combine(%p : tensor<3x2xf32>) outs(%o : tensor<3x96xf32>) -> tensor<3x96xf32>
  return
}

// -----

func.func @grouped_linear_c4_k(%x: tensor<?x32xf32>, %w: tensor<4x96x64xf32>, %i: tensor<?x2xi32>, %o: tensor<?x96xf32>) {
  // expected-error @below {{x has K = 32, but the weight has K = 64}}
  %0 = xf.grouped_linear ins(%x, %w : tensor<?x32xf32>, tensor<4x96x64xf32>) experts(%i : tensor<?x2xi32>) outs(%o : tensor<?x96xf32>) -> tensor<?x96xf32>
  return
}

// -----

func.func @grouped_linear_c5(%x: tensor<?x2x!xf.panel<1 x 32, a8>>, %w: tensor<4x96x64xf32>, %i: tensor<?x2xi32>, %o: tensor<?x96xf32>) {
  // expected-error @below {{quantised rows need a weight in q8_0, q4_0 or q4_1, but it is f32}}
  %0 = xf.grouped_linear ins(%x, %w : tensor<?x2x!xf.panel<1 x 32, a8>>, tensor<4x96x64xf32>) experts(%i : tensor<?x2xi32>) outs(%o : tensor<?x96xf32>) -> tensor<?x96xf32>
  return
}

// -----

func.func @grouped_linear_c6(%x: tensor<3x64xf32>, %w: tensor<4x96x64xf32>, %i: tensor<3x2xi32>, %o: tensor<3x96xf32>) {
  // expected-error @below {{init must be [R * k, N] of f32, with combine [R, N], but is}}
  %0 = xf.grouped_linear ins(%x, %w : tensor<3x64xf32>, tensor<4x96x64xf32>) experts(%i : tensor<3x2xi32>) outs(%o : tensor<3x96xf32>) -> tensor<3x96xf32>
  return
}

// -----

func.func @grouped_linear_c7(%x: tensor<?x64xf32>, %w: tensor<4x96x64xf32>, %i: tensor<?x2xi32>, %o: tensor<?x96xf32>) {
  // expected-error @below {{'accumulate' needs combine}}
  %0 = xf.grouped_linear ins(%x, %w : tensor<?x64xf32>, tensor<4x96x64xf32>) experts(%i : tensor<?x2xi32>) outs(%o : tensor<?x96xf32>) {accumulate} -> tensor<?x96xf32>
  return
}
