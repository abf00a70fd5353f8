// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s

// Entry 7 of docs/numerics.md.
module attributes {xf.order = #xf.order<cpu, 2>} {
  // An ordinary group, one that counts as zero, one of ties, one with a large
  // element, whose run has codes of 15 bits.
  // CHECK: @quantize_activations result 0: {{\[\[}}(d 0.0374012589 sum 53 q 7 72 -77 -17 -21 14 87 -55 88 -26 1 -61 2 127 41 78 -45 -49 -54 23 36 76 -123 60 103 12 -120 -53 -132 -83 113 29)
  // CHECK-SAME: (d 2.42636842e-35 sum 0 q 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0)
  // CHECK-SAME: (d 1 sum 556 q 127 0 2 2 0 -2 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 127)
  // CHECK-SAME: (d 0.196850389 sum 2954 q 1290 {{.*}} 122 127)]]
  func.func @quantize_activations() -> tensor<4x1x!xf.panel<1 x 32, a8>> {
    %x = arith.constant dense<[[0.255376011, 2.70573997, -2.89275002, -0.648105025, -0.776113987, 0.540275991, 3.26725006, -2.07117009, 3.27733994, -0.96270299, 0.0374917984, -2.28302002, 0.0642398, 4.74995995, 1.54559004, 2.91950989, -1.69104004, -1.82905996, -2.0078001, 0.864512026, 1.34820998, 2.84215999, -4.59949017, 2.22676992, 3.85600996, 0.454010993, -4.50299978, -1.99593997, -4.93789005, -3.10058999, 4.21431017, 1.08685994], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.94430453e-31], [127.0, 0.5, 1.5, 2.5, -0.5, -1.5, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0, 20.0, 21.0, 22.0, 23.0, 24.0, 127.0], [254.0, 0.5, 1.5, 2.5, -0.5, -1.5, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0, 20.0, 21.0, 22.0, 23.0, 24.0, 25.0]]> : tensor<4x32xf32>
    %e = tensor.empty() : tensor<4x1x!xf.panel<1 x 32, a8>>
    %y = xf.quantize_activations ins(%x : tensor<4x32xf32>) outs(%e : tensor<4x1x!xf.panel<1 x 32, a8>>) -> tensor<4x1x!xf.panel<1 x 32, a8>>
    return %y : tensor<4x1x!xf.panel<1 x 32, a8>>
  }

  // CHECK: @not_finite result 0: {{\[\[\(d -?nan}} sum 0 q 0 0 0 0
  func.func @not_finite() -> tensor<1x1x!xf.panel<1 x 32, a8>> {
    %x = arith.constant dense<0x7F800000> : tensor<1x32xf32>
    %e = tensor.empty() : tensor<1x1x!xf.panel<1 x 32, a8>>
    %y = xf.quantize_activations ins(%x : tensor<1x32xf32>) outs(%e : tensor<1x1x!xf.panel<1 x 32, a8>>) -> tensor<1x1x!xf.panel<1 x 32, a8>>
    return %y : tensor<1x1x!xf.panel<1 x 32, a8>>
  }
}
