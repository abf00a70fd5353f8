// RUN: espalier-opt %s | espalier-opt | FileCheck %s

// CHECK: module attributes {xf.order = #xf.order<systolic, 1, rows 128>}
module attributes {xf.order = #xf.order<systolic, 1, rows 128>} {

// CHECK-LABEL: func @round
// CHECK: xf.round ins(%{{.*}} : tensor<?x64xf32>) outs(%{{.*}} : tensor<?x64xbf16>) -> tensor<?x64xbf16>
func.func @round(%x: tensor<?x64xf32>, %i: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  %0 = xf.round ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %0 : tensor<?x64xbf16>
}

// CHECK-LABEL: func @decode
// CHECK: xf.decode_weight %{{.*}} : tensor<9x64xf32> -> tensor<9x64xbf16>
// CHECK: xf.decode_weight %{{.*}} : tensor<9x2x!xf.panel<1 x 32, q8_0>> -> tensor<1x2x!xf.panel<16 x 32, bf16>>
// CHECK: xf.linear ins(%{{.*}}, %{{.*}} : tensor<?x64xbf16>, tensor<9x64xbf16>)
func.func @decode(%x: tensor<?x64xbf16>, %w: tensor<9x64xf32>, %q: tensor<9x2x!xf.panel<1 x 32, q8_0>>, %i: tensor<?x9xf32>)
    -> (tensor<?x9xf32>, tensor<1x2x!xf.panel<16 x 32, bf16>>) {
  %0 = xf.decode_weight %w : tensor<9x64xf32> -> tensor<9x64xbf16>
  %1 = xf.decode_weight %q : tensor<9x2x!xf.panel<1 x 32, q8_0>> -> tensor<1x2x!xf.panel<16 x 32, bf16>>
  %2 = xf.linear ins(%x, %0 : tensor<?x64xbf16>, tensor<9x64xbf16>) outs(%i : tensor<?x9xf32>) -> tensor<?x9xf32>
  return %2, %1 : tensor<?x9xf32>, tensor<1x2x!xf.panel<16 x 32, bf16>>
}
}
