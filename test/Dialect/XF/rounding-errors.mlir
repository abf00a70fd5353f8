// RUN: espalier-opt %s --split-input-file --verify-diagnostics

func.func @round_c1_type(%x: tensor<?x64xf32>, %i: tensor<?x64xf32>) {
  // expected-error @below {{init must be of bf16, but is 'tensor<?x64xf32>'}}
  %0 = xf.round ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @round_c1_shape(%x: tensor<?x64xf32>, %i: tensor<?x32xbf16>) {
  // expected-error @below {{x and init must be [R, N] of the same shape, but are 'tensor<?x64xf32>' and 'tensor<?x32xbf16>'}}
  %0 = xf.round ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x32xbf16>) -> tensor<?x32xbf16>
  return
}

// -----

func.func @decode_weight_c1(%w: tensor<8x2x!xf.panel<1 x 32, a8>>) {
  // expected-error @below {{the weight must be a matrix of f32, f16, bf16 or weight panels, but is}}
  %0 = xf.decode_weight %w : tensor<8x2x!xf.panel<1 x 32, a8>> -> tensor<8x64xbf16>
  return
}

// -----

func.func @decode_weight_c2_type(%w: tensor<8x64xf32>) {
  // expected-error @below {{the result must be a matrix of bf16, but is 'tensor<8x64xf16>'}}
  %0 = xf.decode_weight %w : tensor<8x64xf32> -> tensor<8x64xf16>
  return
}

// -----

func.func @decode_weight_c2_k(%w: tensor<8x2x!xf.panel<1 x 32, q4_0>>) {
  // expected-error @below {{the weight is 8 x 64, but the result 8 x 32}}
  %0 = xf.decode_weight %w : tensor<8x2x!xf.panel<1 x 32, q4_0>> -> tensor<8x32xbf16>
  return
}

// -----

func.func @decode_weight_c2_n(%w: tensor<8x2x!xf.panel<1 x 32, q4_0>>) {
  // expected-error @below {{the weight is 8 x 64, but the result 9 x 64}}
  %0 = xf.decode_weight %w : tensor<8x2x!xf.panel<1 x 32, q4_0>> -> tensor<9x64xbf16>
  return
}

// -----

func.func @decode_weight_c2_panels(%w: tensor<2x2x!xf.panel<16 x 32, q4_0>>) {
  // expected-error @below {{the weight is 32 x 64, but the result 16 x 64}}
  %0 = xf.decode_weight %w : tensor<2x2x!xf.panel<16 x 32, q4_0>> -> tensor<1x2x!xf.panel<16 x 32, bf16>>
  return
}
