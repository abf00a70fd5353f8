// RUN: espalier-opt %s --xf-round-for-array=rows=16 | FileCheck %s
// RUN: espalier-opt %s --xf-round-for-array=rows=16 --xf-round-for-array=rows=16 | FileCheck %s
// RUN: espalier-opt %s --xf-round-for-array | FileCheck %s --check-prefix=DEFAULT

// DEFAULT: xf.order = #xf.order<systolic, 1, rows 128>
// CHECK: xf.order = #xf.order<systolic, 1, rows 16>
!kv = !xf.kv_cache<1 x 2 x 16, bf16, unassigned>
module attributes {xf.order = #xf.order<cpu, 2>} {
xf.weight @embed from ["e"] : tensor<80x64xf16>
xf.weight @q from ["q"] : tensor<64x2x!xf.panel<1 x 32, q4_0>>
xf.weight @k from ["k"] : tensor<2x2x!xf.panel<16 x 32, q8_0>>
xf.weight @v from ["v"] : tensor<32x64xbf16>

// Readers of the same rows share what they are rounded to; bf16 is left alone.
// CHECK-LABEL: func @shared
// CHECK:         %[[T:.*]] = xf.decode_weight %{{.*}} : tensor<80x64xf16> -> tensor<80x64xbf16>
// CHECK:         xf.embedding ins(%{{.*}}, %[[T]]
// CHECK:         %[[X:.*]] = xf.rms_norm
// CHECK:         %[[WV:.*]] = xf.weight_ref @v
// CHECK:         %[[WQ:.*]] = xf.decode_weight %{{.*}} : tensor<64x2x!xf.panel<1 x 32, q4_0>> -> tensor<64x64xbf16>
// CHECK:         %[[E:.*]] = tensor.empty(%{{.*}}) : tensor<?x64xbf16>
// CHECK:         %[[R:.*]] = xf.round ins(%[[X]] : tensor<?x64xf32>) outs(%[[E]] : tensor<?x64xbf16>)
// CHECK-NOT:     xf.round
// CHECK:         %[[Q:.*]] = xf.linear ins(%[[R]], %[[WQ]] : tensor<?x64xbf16>, tensor<64x64xbf16>)
// CHECK:         %[[WK:.*]] = xf.decode_weight %{{.*}} : tensor<2x2x!xf.panel<16 x 32, q8_0>> -> tensor<2x2x!xf.panel<16 x 32, bf16>>
// CHECK:         xf.linear ins(%[[R]], %[[WK]]
// CHECK:         xf.linear ins(%[[R]], %[[WV]]
// CHECK:         %[[QR:.*]] = xf.round ins(%[[Q]]
// CHECK:         xf.attention {{.*}} ins(%{{.*}}, %[[QR]] : tensor<?x64xbf16>) outs(%{{.*}} : tensor<?x64xf32>)
func.func @shared(%rows: !xf.rows, %w: tensor<64xf32>, %q0: tensor<?x64xf32>, %k0: tensor<?x32xf32>, %c: !kv)
    -> (tensor<?x64xf32>, !kv) {
  %zero = arith.constant 0 : index
  %n = xf.rows_count %rows
  %e = tensor.empty(%n) : tensor<?x64xf32>
  %t = xf.weight_ref @embed : tensor<80x64xf16>
  %x0 = xf.embedding ins(%rows, %t : tensor<80x64xf16>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %x = xf.rms_norm ins(%x0, %w : tensor<?x64xf32>, tensor<64xf32>) outs(%e : tensor<?x64xf32>) {eps = 1.0e-5 : f32} -> tensor<?x64xf32>
  %wq = xf.weight_ref @q : tensor<64x2x!xf.panel<1 x 32, q4_0>>
  %wk = xf.weight_ref @k : tensor<2x2x!xf.panel<16 x 32, q8_0>>
  %wv = xf.weight_ref @v : tensor<32x64xbf16>
  %q = xf.linear ins(%x, %wq : tensor<?x64xf32>, tensor<64x2x!xf.panel<1 x 32, q4_0>>) outs(%q0 : tensor<?x64xf32>) -> tensor<?x64xf32>
  %k = xf.linear ins(%x, %wk : tensor<?x64xf32>, tensor<2x2x!xf.panel<16 x 32, q8_0>>) outs(%k0 : tensor<?x32xf32>) -> tensor<?x32xf32>
  %v = xf.linear ins(%x, %wv : tensor<?x64xf32>, tensor<32x64xbf16>) outs(%k0 : tensor<?x32xf32>) -> tensor<?x32xf32>
  %c1 = xf.kv_append keys %c[%zero] heads from %zero ins(%rows, %k : tensor<?x32xf32>) : !kv -> !kv
  %c2 = xf.kv_append values %c1[%zero] heads from %zero ins(%rows, %v : tensor<?x32xf32>) : !kv -> !kv
  %y = xf.attention %c2[%zero] heads from %zero ins(%rows, %q : tensor<?x64xf32>) outs(%e : tensor<?x64xf32>) {group = 2 : i64, scale = 0.25 : f32} : !kv -> tensor<?x64xf32>
  return %y, %c2 : tensor<?x64xf32>, !kv
}
}
