// RUN: espalier-opt %s --xf-pack-weights | FileCheck %s
// RUN: espalier-opt %s --xf-pack-weights --xf-pack-weights | FileCheck %s

// Blocks keep their group; N is rounded up.
// CHECK: xf.weight @q4 {{.*}} layers [0, 1] {{.*}} : tensor<5x2x!xf.panel<16 x 32, q4_0>>
xf.weight @q4 from ["blk.{i}.q"] layers [0, 1] {recipe = [#xf.recipe<unpermute_heads, 2>]} : tensor<72x2x!xf.panel<1 x 32, q4_0>>
// CHECK: xf.weight @q8 {{.*}} : tensor<4x3x!xf.panel<16 x 32, q8_0>>
xf.weight @q8 from ["q8"] : tensor<64x3x!xf.panel<1 x 32, q8_0>>
// Floats get the largest group that divides K.
// CHECK: xf.weight @k64 {{.*}} : tensor<27x2x!xf.panel<16 x 32, f32>>
xf.weight @k64 from ["k64"] : tensor<420x64xf32>
// CHECK: xf.weight @k80 {{.*}} : tensor<1x5x!xf.panel<16 x 16, bf16>>
xf.weight @k80 from ["k80"] : tensor<1x80xbf16>
// CHECK: xf.weight @k6 {{.*}} : tensor<1x3x!xf.panel<16 x 2, f16>>
xf.weight @k6 from ["k6"] : tensor<16x6xf16>
// CHECK: xf.weight @k7 {{.*}} : tensor<2x7x!xf.panel<16 x 1, f16>>
xf.weight @k7 from ["k7"] : tensor<17x7xf16>
// Vectors stay.
// CHECK: xf.weight @norm {{.*}} : tensor<64xf32>
xf.weight @norm from ["norm"] {recipe = [#xf.recipe<to_f32>]} : tensor<64xf32>

// References follow, and with them what reads them.
// CHECK-LABEL: func @step
// CHECK:         %[[W:.*]] = xf.weight_ref @k64 : tensor<27x2x!xf.panel<16 x 32, f32>>
// CHECK:         xf.logits ins(%{{.*}}, %[[W]] : tensor<?x64xf32>, tensor<27x2x!xf.panel<16 x 32, f32>>)
// CHECK:         xf.weight_ref @norm : tensor<64xf32>
func.func @step(%x: tensor<?x64xf32>, %l: tensor<?x420xf32>) -> (tensor<?x420xf32>, tensor<64xf32>) {
  %w = xf.weight_ref @k64 : tensor<420x64xf32>
  %r = xf.logits ins(%x, %w : tensor<?x64xf32>, tensor<420x64xf32>) outs(%l : tensor<?x420xf32>) -> tensor<?x420xf32>
  %n = xf.weight_ref @norm : tensor<64xf32>
  return %r, %n : tensor<?x420xf32>, tensor<64xf32>
}
