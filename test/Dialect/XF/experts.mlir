// RUN: espalier-opt %s --split-input-file | espalier-opt --split-input-file | FileCheck %s

!w = tensor<8x6x2x!xf.panel<16 x 32, q4_0>>
!a = tensor<?x2x!xf.panel<1 x 32, a8>>

// CHECK: xf.weight @one_by_one from ["l.{i}.e.{e}.w1"] layers [0, 2] : tensor<8x96x64xbf16>
xf.weight @one_by_one from ["l.{i}.e.{e}.w1"] layers [0, 2] : tensor<8x96x64xbf16>
// CHECK: xf.weight @stacked from ["l.{i}.e"]
xf.weight @stacked from ["l.{i}.e"] layers [0] {recipe = [#xf.recipe<slice_rows, 0, 96>]} : !w

// CHECK-LABEL: func.func @mixture
func.func @mixture(%s: tensor<?x8xf32>, %x: !a, %up: !w, %down: tensor<8x64x96xbf16>, %y: tensor<?x64xf32>, %r: index, %p: index) -> tensor<?x64xf32> {
  %ei = tensor.empty(%r) : tensor<?x2xi32>
  %ew = tensor.empty(%r) : tensor<?x2xf32>
  %e = tensor.empty(%p) : tensor<?x96xf32>
  // CHECK: xf.router ins(%{{.*}} : tensor<?x8xf32>) outs(%{{.*}}, %{{.*}} : tensor<?x2xi32>, tensor<?x2xf32>) {renormalize} -> tensor<?x2xi32>, tensor<?x2xf32>
  %i, %w = xf.router ins(%s : tensor<?x8xf32>) outs(%ei, %ew : tensor<?x2xi32>, tensor<?x2xf32>) {renormalize} -> tensor<?x2xi32>, tensor<?x2xf32>
  // CHECK: xf.grouped_linear ins(%{{.*}}, %{{.*}} : tensor<?x2x!xf.panel<1 x 32, a8>>, tensor<8x6x2x!xf.panel<16 x 32, q4_0>>) experts(%{{.*}} : tensor<?x2xi32>) outs(%{{.*}} : tensor<?x96xf32>) -> tensor<?x96xf32>
  %g = xf.grouped_linear ins(%x, %up : !a, !w) experts(%i : tensor<?x2xi32>) outs(%e : tensor<?x96xf32>) -> tensor<?x96xf32>
  // CHECK: xf.grouped_linear {{.*}} combine(%{{.*}} : tensor<?x2xf32>) outs(%{{.*}} : tensor<?x64xf32>) {accumulate} -> tensor<?x64xf32>
  %d = xf.grouped_linear ins(%g, %down : tensor<?x96xf32>, tensor<8x64x96xbf16>) experts(%i : tensor<?x2xi32>) combine(%w : tensor<?x2xf32>) outs(%y : tensor<?x64xf32>) {accumulate} -> tensor<?x64xf32>
  return %d : tensor<?x64xf32>
}
