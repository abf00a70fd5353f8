// RUN: espalier-opt %s --convert-spmd-to-scf --split-input-file | FileCheck %s

// Two loops stand one after the other: 9 tiles of 2 units, 3 tiles of 4.

// CHECK-LABEL: func.func @static
// CHECK-SAME:    %[[X:.*]]: memref<?xf32>, %[[W:.*]]: index, %[[WS:.*]]: index)
// CHECK-DAG:   %[[TOTAL:.*]] = arith.constant 30 : index
// CHECK:       %[[P:.*]] = arith.muli %[[W]], %[[TOTAL]]
// CHECK:       %[[LO:.*]] = arith.divui %[[P]], %[[WS]]
// CHECK:       %[[NEXT:.*]] = arith.addi %[[W]]
// CHECK:       %[[Q:.*]] = arith.muli %[[NEXT]], %[[TOTAL]]
// CHECK:       %[[HI:.*]] = arith.divui %[[Q]], %[[WS]]
// CHECK:       arith.minui
// CHECK:       arith.minui
// CHECK:       scf.for %[[I:.*]] =
// CHECK:         memref.store %{{.*}}, %[[X]]
// CHECK:       arith.maxui %[[LO]]
// CHECK:       arith.maxui %[[HI]]
// CHECK:       scf.for %[[J:.*]] =
// CHECK:         %[[SCALED:.*]] = arith.muli %[[J]]
// CHECK:         memref.store %{{.*}}, %[[X]][%{{.*}}]
// CHECK-NOT:   spmd.phase
func.func @static(%x: memref<?xf32>) {
  spmd.phase ins() outs(%o = %x : memref<?xf32>) {
    %zero = arith.constant 0.0 : f32
    scf.forall (%i) in (9) {
      memref.store %zero, %o[%i] : memref<?xf32>
    } {mapping = [#spmd.tiles<static, 2>]}
    scf.forall (%i) = (0) to (12) step (4) {
      memref.store %zero, %o[%i] : memref<?xf32>
    } {mapping = [#spmd.tiles<static, 4>]}
    spmd.yield
  }
  return
}

// -----

// A later loop's number of tiles is computed before the first loop.

// CHECK-LABEL: func.func @dynamic
// CHECK:       memref.dim
// CHECK:       arith.divui
// CHECK:       scf.for
// CHECK:       scf.for
func.func @dynamic(%x: memref<?xf32>) {
  spmd.phase ins() outs(%o = %x : memref<?xf32>) {
    %zero = arith.constant 0.0 : f32
    scf.forall (%i) in (2) {
      memref.store %zero, %o[%i] : memref<?xf32>
    } {mapping = [#spmd.tiles<static, 1>]}
    %c0 = arith.constant 0 : index
    %n = memref.dim %o, %c0 : memref<?xf32>
    scf.forall (%i) in (%n) {
      memref.store %zero, %o[%i] : memref<?xf32>
    } {mapping = [#spmd.tiles<static, 1>]}
    spmd.yield
  }
  return
}

// -----

// CHECK-LABEL: func.func @claimed
// CHECK:       scf.while
// CHECK:         %[[T:.*]] = spmd.claim : index
// CHECK:         %[[MORE:.*]] = arith.cmpi ult, %[[T]]
// CHECK:         scf.condition(%[[MORE]]) %[[T]]
// CHECK:       ^bb0(%[[I:.*]]: index):
// CHECK:         memref.store
func.func @claimed(%x: memref<?xf32>) {
  spmd.phase ins() outs(%o = %x : memref<?xf32>) {
    %zero = arith.constant 0.0 : f32
    scf.forall (%i) in (7) {
      memref.store %zero, %o[%i] : memref<?xf32>
    } {mapping = [#spmd.tiles<claim, 1>]}
    spmd.yield
  }
  return
}

// -----

// A function without phases or xf.max_rows is left alone.

// CHECK-LABEL: func.func @other(%{{.*}}: index) {
func.func @other(%i: index) {
  return
}
