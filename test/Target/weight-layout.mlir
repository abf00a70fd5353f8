// RUN: espalier-opt %s --xf-layout-weights --split-input-file --verify-diagnostics | FileCheck %s

// Each layer is rounded up to 64 bytes; weights follow in the module's order.

// CHECK: xf.weight_layout = {a = array<i64: 0, 640>, b = array<i64: 1920, 64>, c = array<i64: 1984, 256>}
xf.weight @a from ["l.{i}.a"] layers [0, 2, 5] : tensor<2x1x!xf.panel<16 x 32, q4_1>>
xf.weight @b from ["b"] : tensor<9xf32>
xf.weight @c from ["c"] : tensor<1x1x!xf.panel<16 x 8, bf16>>

// -----

// expected-error @+1 {{makes the packed weights larger than 2^63 bytes}}
xf.weight @huge from ["huge"] : tensor<4611686018427387904x4xf32>
