// RUN: espalier-opt %s --spmd-materialize-barriers | FileCheck %s

// Two buffers that overlap in the arena are the same memory at another time.
// CHECK-LABEL: func.func @overlap
// CHECK: spmd.phase "reads-a"
// CHECK-NEXT: }
// CHECK-NEXT: spmd.barrier
// CHECK-NEXT: spmd.phase "writes-b"
// CHECK-NEXT: }
// CHECK-NEXT: spmd.phase "writes-c"
func.func @overlap() {
  %a = spmd.buffer shared at 0() : memref<32x16xf32>
  %b = spmd.buffer shared at 1984() : memref<16xf32>
  %c = spmd.buffer shared at 2048() : memref<16xf32>
  spmd.phase "reads-a" ins(%x = %a : memref<32x16xf32>) {
  }
  spmd.phase "writes-b" outs(%x = %b : memref<16xf32>) {
  }
  spmd.phase "writes-c" outs(%x = %c : memref<16xf32>) {
  }
  return
}

// "5" and "2" of the next turn conflict. A barrier before "2" would make the one
// before "5" superfluous, and leave "4" open at the end, with which "1"
// conflicts: what the back edge brings has to be found until nothing is new.
// CHECK-LABEL: func.func @back_edge
// CHECK: scf.for
// CHECK-NEXT: spmd.barrier
// CHECK-NEXT: spmd.phase "1"
// CHECK-NEXT: }
// CHECK-NEXT: spmd.phase "2"
// CHECK-NEXT: }
// CHECK-NEXT: spmd.barrier
// CHECK-NEXT: spmd.phase "3"
// CHECK-NEXT: }
// CHECK-NEXT: spmd.phase "4"
// CHECK-NEXT: }
// CHECK-NEXT: spmd.barrier
// CHECK-NEXT: spmd.phase "5"
func.func @back_edge(%n: index, %a: memref<16xf32>, %b: memref<16xf32>, %c: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    spmd.phase "1" outs(%x = %a : memref<16xf32>) {
    }
    spmd.phase "2" outs(%x = %b : memref<16xf32>) {
    }
    spmd.phase "3" ins(%x = %a : memref<16xf32>) outs(%y = %c : memref<16xf32>) {
    }
    spmd.phase "4" ins(%x = %a : memref<16xf32>, %y = %b : memref<16xf32>) {
    }
    spmd.phase "5" ins(%x = %b : memref<16xf32>, %y = %c : memref<16xf32>) {
    }
  }
  return
}
