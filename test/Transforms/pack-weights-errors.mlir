// RUN: espalier-opt %s --xf-pack-weights --verify-diagnostics

// expected-error @below {{expected a matrix of f32, f16, bf16, q8_0, q4_0 or q4_1, but got 'tensor<4x2x!xf.panel<1 x 32, a8>>'}}
xf.weight @a8 from ["a"] : tensor<4x2x!xf.panel<1 x 32, a8>>
