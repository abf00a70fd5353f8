// RUN: espalier-opt %s --xf-merge-tiles | FileCheck %s

!x8 = memref<?x2x!xf.panel<1 x 32, a8>>
!w = memref<64x2x!xf.panel<16 x 32, q4_1>>
!tile = memref<2x2x!xf.panel<16 x 32, q4_1>, strided<[2, 1], offset: ?>>
!out = memref<?x1024xf32>
!cut = memref<?x32xf32, strided<[1024, 1], offset: ?>>
#panel = affine_map<(d0) -> (d0 floordiv 16)>
#other = affine_map<(d0) -> (d0 floordiv 32)>

// CHECK-LABEL: func.func @linear(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x2x!xf.panel<1 x 32, a8>>, %[[W:[a-z0-9]+]]: memref<64x2x!xf.panel<16 x 32, q4_1>>, %[[BIAS:[a-z0-9]+]]: memref<1024xf32>, %[[O:[a-z0-9]+]]: memref<?x1024xf32>, %[[FROM:[a-z0-9]+]]: index, %[[TO:[a-z0-9]+]]: index, %[[ROWS:[a-z0-9]+]]: index)
// CHECK-NOT:     scf.for
// CHECK:         %[[END:.*]] = arith.maxsi %[[FROM]], %[[TO]] : index
// CHECK:         %[[N:.*]] = arith.subi %[[END]], %[[FROM]] : index
// CHECK:         %[[P0:.*]] = arith.muli %[[FROM]], %c2{{.*}} : index
// CHECK:         %[[PN:.*]] = arith.muli %[[N]], %c2{{.*}} : index
// CHECK:         %[[WT:.*]] = memref.subview %[[W]][%[[P0]], 0] [%[[PN]], 2] [1, 1]
// CHECK:         %[[C0:.*]] = arith.muli %[[FROM]], %c32{{.*}} : index
// CHECK:         %[[CN:.*]] = arith.muli %[[N]], %c32{{.*}} : index
// CHECK:         %[[OT:.*]] = memref.subview %[[O]][0, %[[C0]]] [%[[ROWS]], %[[CN]]] [1, 1]
// CHECK:         %[[BT:.*]] = memref.subview %[[BIAS]][%{{.*}}] [%{{.*}}] [1]
// CHECK:         xf.linear ins(%[[X]], %[[WT]] : {{.*}}) bias(%[[BT]] : {{.*}}) outs(%[[OT]] : {{.*}}) {accumulate}
// CHECK-NEXT:    return
func.func @linear(%x: !x8, %w: !w, %bias: memref<1024xf32>, %o: !out, %from: index, %to: index, %rows: index) {
  %c1 = arith.constant 1 : index
  scf.for %t = %from to %to step %c1 {
    %c32 = arith.constant 32 : index
    %c = arith.muli %t, %c32 : index
    %p = affine.apply #panel(%c)
    %wt = memref.subview %w[%p, 0] [2, 2] [1, 1] : !w to !tile
    %bt = memref.subview %bias[%c] [32] [1] : memref<1024xf32> to memref<32xf32, strided<[1], offset: ?>>
    %ot = memref.subview %o[0, %c] [%rows, 32] [1, 1] : !out to !cut
    xf.linear ins(%x, %wt : !x8, !tile) bias(%bt : memref<32xf32, strided<[1], offset: ?>>) outs(%ot : !cut) {accumulate}
  }
  return
}

// CHECK-LABEL: func.func @logits(
// CHECK-NOT:     scf.for
// CHECK:         xf.logits
// CHECK-NEXT:    return
func.func @logits(%x: !x8, %w: !w, %o: !out, %from: index, %to: index, %rows: index) {
  %c1 = arith.constant 1 : index
  scf.for %t = %from to %to step %c1 {
    %c32 = arith.constant 32 : index
    %c = arith.muli %t, %c32 : index
    %p = affine.apply #panel(%c)
    %wt = memref.subview %w[%p, 0] [2, 2] [1, 1] : !w to !tile
    %ot = memref.subview %o[0, %c] [%rows, 32] [1, 1] : !out to !cut
    xf.logits ins(%x, %wt : !x8, !tile) outs(%ot : !cut)
  }
  return
}

// Tiles that leave columns out, that begin elsewhere, that read what the loop
// makes, and that do more than one product, stay.

// CHECK-LABEL: func.func @kept(
// CHECK-COUNT-4: scf.for
func.func @kept(%x: !x8, %w: !w, %o: !out, %from: index, %to: index, %rows: index) {
  %c1 = arith.constant 1 : index
  scf.for %t = %from to %to step %c1 {
    %c64 = arith.constant 64 : index
    %c = arith.muli %t, %c64 : index
    %p = affine.apply #panel(%c)
    %wt = memref.subview %w[%p, 0] [2, 2] [1, 1] : !w to !tile
    %ot = memref.subview %o[0, %c] [%rows, 32] [1, 1] : !out to !cut
    xf.linear ins(%x, %wt : !x8, !tile) outs(%ot : !cut)
  }
  scf.for %t = %from to %to step %c1 {
    %c32 = arith.constant 32 : index
    %c = arith.muli %t, %c32 : index
    %p = affine.apply #other(%c)
    %wt = memref.subview %w[%p, 0] [2, 2] [1, 1] : !w to !tile
    %ot = memref.subview %o[0, %c] [%rows, 32] [1, 1] : !out to !cut
    xf.linear ins(%x, %wt : !x8, !tile) outs(%ot : !cut)
  }
  scf.for %t = %from to %to step %c1 {
    %c32 = arith.constant 32 : index
    %c = arith.muli %t, %c32 : index
    %p = affine.apply #panel(%c)
    %n = arith.minui %t, %rows : index
    %wt = memref.subview %w[%p, 0] [2, 2] [1, 1] : !w to !tile
    %ot = memref.subview %o[0, %c] [%n, 32] [1, 1] : !out to !cut
    xf.linear ins(%x, %wt : !x8, !tile) outs(%ot : !cut)
  }
  scf.for %t = %from to %to step %c1 {
    %c32 = arith.constant 32 : index
    %c = arith.muli %t, %c32 : index
    %p = affine.apply #panel(%c)
    %wt = memref.subview %w[%p, 0] [2, 2] [1, 1] : !w to !tile
    %ot = memref.subview %o[0, %c] [%rows, 32] [1, 1] : !out to !cut
    xf.linear ins(%x, %wt : !x8, !tile) outs(%ot : !cut)
    xf.linear ins(%x, %wt : !x8, !tile) outs(%ot : !cut)
  }
  return
}
