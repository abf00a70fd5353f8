// RUN: espalier-opt %s --xf-quantize-activations | FileCheck %s
// RUN: espalier-opt %s --xf-quantize-activations --xf-quantize-activations | FileCheck %s
// RUN: espalier-opt %s --xf-quantize-activations=activations=f32 | FileCheck %s --check-prefix=FLOAT

xf.weight @q from ["q"] : tensor<64x2x!xf.panel<1 x 32, q4_0>>
xf.weight @k from ["k"] : tensor<2x2x!xf.panel<16 x 32, q8_0>>
xf.weight @v from ["v"] : tensor<32x64xbf16>
xf.weight @out from ["out"] : tensor<80x2x!xf.panel<1 x 32, q4_1>>

// FLOAT-NOT: quantize_activations

// One set of codes for all quantised readers; the float reader keeps the rows.
// CHECK-LABEL: func @shared
// CHECK-SAME:    %[[ROWS:.*]]: !xf.rows, %[[X0:.*]]: tensor<?x64xf32>
// CHECK:         %[[N:.*]] = xf.rows_count %[[ROWS]]
// CHECK:         %[[X:.*]] = xf.rms_norm
// CHECK:         %[[E:.*]] = tensor.empty(%[[N]]) : tensor<?x2x!xf.panel<1 x 32, a8>>
// CHECK:         %[[A:.*]] = xf.quantize_activations ins(%[[X]] : tensor<?x64xf32>) outs(%[[E]]
// CHECK-NOT:     xf.quantize_activations
// CHECK:         xf.linear ins(%[[A]], %{{.*}} : tensor<?x2x!xf.panel<1 x 32, a8>>, tensor<64x2x!xf.panel<1 x 32, q4_0>>)
// CHECK:         xf.linear ins(%[[A]], %{{.*}} : tensor<?x2x!xf.panel<1 x 32, a8>>, tensor<2x2x!xf.panel<16 x 32, q8_0>>)
// CHECK:         xf.linear ins(%[[X]], %{{.*}} : tensor<?x64xf32>, tensor<32x64xbf16>)
func.func @shared(%rows: !xf.rows, %x0: tensor<?x64xf32>, %w: tensor<64xf32>, %q0: tensor<?x64xf32>, %k0: tensor<?x32xf32>)
    -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>) {
  %n = xf.rows_count %rows
  %e = tensor.empty(%n) : tensor<?x64xf32>
  %x = xf.rms_norm ins(%x0, %w : tensor<?x64xf32>, tensor<64xf32>) outs(%e : tensor<?x64xf32>) {eps = 1.0e-5 : f32} -> tensor<?x64xf32>
  %wq = xf.weight_ref @q : tensor<64x2x!xf.panel<1 x 32, q4_0>>
  %wk = xf.weight_ref @k : tensor<2x2x!xf.panel<16 x 32, q8_0>>
  %wv = xf.weight_ref @v : tensor<32x64xbf16>
  %q = xf.linear ins(%x, %wq : tensor<?x64xf32>, tensor<64x2x!xf.panel<1 x 32, q4_0>>) outs(%q0 : tensor<?x64xf32>) -> tensor<?x64xf32>
  %k = xf.linear ins(%x, %wk : tensor<?x64xf32>, tensor<2x2x!xf.panel<16 x 32, q8_0>>) outs(%k0 : tensor<?x32xf32>) -> tensor<?x32xf32>
  %v = xf.linear ins(%x, %wv : tensor<?x64xf32>, tensor<32x64xbf16>) outs(%k0 : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %q, %k, %v : tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}

// The rows of a residual are counted where the destination came from outside.
// CHECK-LABEL: func @logits
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[L:.*]]: tensor<?x80xf32>
// CHECK:         %[[N:.*]] = tensor.dim %[[X]]
// CHECK:         %[[E:.*]] = tensor.empty(%[[N]])
// CHECK:         %[[A:.*]] = xf.quantize_activations ins(%[[X]] : tensor<?x64xf32>) outs(%[[E]]
// CHECK:         xf.logits ins(%[[A]], %{{.*}}) outs(%[[L]]
func.func @logits(%x: tensor<?x64xf32>, %l: tensor<?x80xf32>) -> tensor<?x80xf32> {
  %w = xf.weight_ref @out : tensor<80x2x!xf.panel<1 x 32, q4_1>>
  %r = xf.logits ins(%x, %w : tensor<?x64xf32>, tensor<80x2x!xf.panel<1 x 32, q4_1>>) outs(%l : tensor<?x80xf32>) -> tensor<?x80xf32>
  return %r : tensor<?x80xf32>
}

// Codes made in one layer do not serve another block.
// CHECK-LABEL: func @blocks
// CHECK:         xf.repeat
// CHECK:           xf.quantize_activations
// CHECK:           xf.linear
// CHECK:         }, {
// CHECK:           xf.quantize_activations
// CHECK:           xf.linear
func.func @blocks(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %r = xf.repeat kinds [0, 1] iter(%x : tensor<?x64xf32>) {
  ^bb0(%l: index, %i: index, %h: tensor<?x64xf32>):
    %w = xf.weight_ref @q : tensor<64x2x!xf.panel<1 x 32, q4_0>>
    %y = xf.linear ins(%x, %w : tensor<?x64xf32>, tensor<64x2x!xf.panel<1 x 32, q4_0>>) outs(%h : tensor<?x64xf32>) {accumulate} -> tensor<?x64xf32>
    xf.yield %y : tensor<?x64xf32>
  }, {
  ^bb0(%l: index, %i: index, %h: tensor<?x64xf32>):
    %w = xf.weight_ref @q : tensor<64x2x!xf.panel<1 x 32, q4_0>>
    %y = xf.linear ins(%x, %w : tensor<?x64xf32>, tensor<64x2x!xf.panel<1 x 32, q4_0>>) outs(%h : tensor<?x64xf32>) -> tensor<?x64xf32>
    xf.yield %y : tensor<?x64xf32>
  } -> tensor<?x64xf32>
  return %r : tensor<?x64xf32>
}
