// RUN: espalier-opt %s --xf-prefetch-weights | FileCheck %s

// Functions as convert-spmd-to-scf leaves them.

!rows = !xf.rows
!cache = !xf.kv_cache<2 x 2 x 16, f16, tiles16>
!x8 = memref<?x2x!xf.panel<1 x 32, a8>>
!proj = memref<64x2x!xf.panel<16 x 32, q4_1>>
!wide = memref<4096x2x!xf.panel<16 x 32, q4_1>>
!tile = memref<4x2x!xf.panel<16 x 32, q4_1>, strided<[2, 1], offset: ?>>

module {
  xf.weight @wq from ["layers.{i}.q"] layers [0, 1] : tensor<64x2x!xf.panel<16 x 32, q4_1>>
  xf.weight @wk from ["layers.{i}.k"] layers [0, 1] : tensor<64x2x!xf.panel<16 x 32, q4_1>>
  xf.weight @wo from ["layers.{i}.o"] layers [0, 1] : tensor<64x2x!xf.panel<16 x 32, q4_1>>
  xf.weight @head from ["head"] : tensor<4096x2x!xf.panel<16 x 32, q4_1>>

  // What is expected is computed before the barrier, of the layer at hand:
  // q or, for a worker without tiles of it, k; before attention, which reads no
  // weights, what the phase after it needs; the pair of a loop by one tile; of
  // the large matrix what half the private cache holds (256 KiB, 640 bytes a
  // row: 409 rows).

  // CHECK-LABEL: func.func @step(
  // CHECK-SAME:    %[[W:[a-z0-9]+]]: index, %[[WS:[a-z0-9]+]]: index)
  // CHECK-SAME:    spmd.private_bytes = 192 : i64
  // CHECK:       scf.for %[[LAYER:[a-z0-9]+]] =
  // CHECK:         %[[QREF:.*]] = xf.weight_ref @wq[%[[LAYER]]]
  // CHECK:         %[[Q:.*]] = memref.subview %[[QREF]][%{{.*}}, 0] [%{{.*}}, 2] [1, 1]
  // CHECK:         %[[KREF:.*]] = xf.weight_ref @wk[%[[LAYER]]]
  // CHECK:         %[[K:.*]] = memref.subview %[[KREF]]
  // CHECK-NEXT:    cpu.expect %[[Q]], %[[K]] {lines = 24 : i64, window = 128 : i64}
  // CHECK-NEXT:    spmd.barrier
  // CHECK:         xf.quantize_activations {{.*}} {prefetch = 128 : i64}
  // CHECK:         %[[OREF:.*]] = xf.weight_ref @wo[%[[LAYER]]]
  // CHECK:         arith.constant 409 : index
  // CHECK:         %[[O:.*]] = memref.subview %[[OREF]]
  // CHECK-NEXT:    cpu.expect %[[O]] {
  // CHECK-NEXT:    spmd.barrier
  // CHECK:         xf.attention {{.*}}prefetch = 128 : i64
  // CHECK-NOT:     cpu.expect
  // CHECK:         spmd.barrier
  // CHECK:         xf.quantize_activations {{.*}} {prefetch = 128 : i64}
  // CHECK:         scf.for
  // CHECK:         xf.linear
  // CHECK:         %[[ROWS:.*]] = arith.minui %{{.*}}, %c4{{.*}} : index
  // CHECK-NEXT:    %[[GATE:.*]] = memref.subview %{{.*}}[%{{.*}}, 0] [%[[ROWS]], 2]
  // CHECK-NEXT:    cpu.expect %[[GATE]] {
  // CHECK-NEXT:    spmd.barrier
  // CHECK:       }
  // CHECK:       xf.weight_ref @head
  // CHECK:       arith.constant 409 : index
  // CHECK:       cpu.expect
  // CHECK-NEXT:  spmd.barrier
  func.func @step(%rows: !rows, %cache: !cache, %x: memref<?x64xf32>, %x8: !x8, %w: index, %ws: index)
      attributes {spmd.private_bytes = 100 : i64} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    scf.for %layer = %c0 to %c2 step %c1 {
      spmd.barrier
      %c16 = arith.constant 16 : index
      %units = arith.muli %w, %c16 : index
      %from = arith.divui %units, %ws : index
      %next = arith.addi %from, %c2 : index
      xf.quantize_activations ins(%x : memref<?x64xf32>) outs(%x8 : !x8)
      %wq = xf.weight_ref @wq[%layer] : !proj
      %wk = xf.weight_ref @wk[%layer] : !proj
      scf.for %t = %from to %next step %c1 {
        %c4 = arith.constant 4 : index
        %row = arith.muli %t, %c4 : index
        %tile = memref.subview %wq[%row, 0] [4, 2] [1, 1] : !proj to !tile
        xf.linear ins(%x8, %tile : !x8, !tile) outs(%x : memref<?x64xf32>)
      }
      scf.for %t = %c0 to %from step %c1 {
        %c4 = arith.constant 4 : index
        %row = arith.muli %t, %c4 : index
        %tile = memref.subview %wk[%row, 0] [4, 2] [1, 1] : !proj to !tile
        xf.linear ins(%x8, %tile : !x8, !tile) outs(%x : memref<?x64xf32>)
      }
      spmd.barrier
      xf.attention %cache[%layer] heads from %c0 ins(%rows, %x : memref<?x64xf32>)
        outs(%x : memref<?x64xf32>) {group = 2 : i64, scale = 0.25 : f32} : !cache
      spmd.barrier
      xf.quantize_activations ins(%x : memref<?x64xf32>) outs(%x8 : !x8)
      %wo = xf.weight_ref @wo[%layer] : !proj
      scf.for %t = %from to %next step %c1 {
        %c4 = arith.constant 4 : index
        %row = arith.muli %t, %c4 : index
        %tile = memref.subview %wo[%row, 0] [4, 2] [1, 1] : !proj to !tile
        xf.linear ins(%x8, %tile : !x8, !tile) outs(%x : memref<?x64xf32>)
      }
      spmd.barrier
      scf.for %t = %from to %next step %c1 {
        %c4 = arith.constant 4 : index
        %row = arith.muli %t, %c4 : index
        %gate = memref.subview %wq[%row, 0] [4, 2] [1, 1] : !proj to !tile
        %up = memref.subview %wk[%row, 0] [4, 2] [1, 1] : !proj to !tile
        xf.linear ins(%x8, %gate : !x8, !tile) outs(%x : memref<?x64xf32>)
        xf.linear ins(%x8, %up : !x8, !tile) outs(%x : memref<?x64xf32>)
      }
    }
    spmd.barrier
    %head = xf.weight_ref @head : !wide
    scf.for %t = %w to %ws step %c1 {
      %c4 = arith.constant 4 : index
      %row = arith.muli %t, %c4 : index
      %tile = memref.subview %head[%row, 0] [4, 2] [1, 1] : !wide to !tile
      xf.linear ins(%x8, %tile : !x8, !tile) outs(%x : memref<?x64xf32>)
    }
    return
  }

  // Tiles that are claimed, or computed from what the phase does, are nobody's
  // share before; whole matrices are read by all.

  // CHECK-LABEL: func.func @none(
  // CHECK-NOT:     spmd.private_bytes
  // CHECK-NOT:     cpu.expect
  // CHECK-NOT:     prefetch
  // CHECK:         return
  func.func @none(%rows: !rows, %x: memref<?x64xf32>, %y: memref<?x1024xf32>, %x8: !x8, %ids: memref<?xindex>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %wq = xf.weight_ref @wq[%c0] : !proj
    spmd.barrier
    xf.quantize_activations ins(%x : memref<?x64xf32>) outs(%x8 : !x8)
    %tile = spmd.claim : index
    scf.for %t = %tile to %c1 step %c1 {
      %slice = memref.subview %wq[%t, 0] [4, 2] [1, 1] : !proj to !tile
      xf.linear ins(%x8, %slice : !x8, !tile) outs(%x : memref<?x64xf32>)
    }
    spmd.barrier
    %from = memref.load %ids[%c0] : memref<?xindex>
    scf.for %t = %from to %c1 step %c1 {
      %slice = memref.subview %wq[%t, 0] [4, 2] [1, 1] : !proj to !tile
      xf.linear ins(%x8, %slice : !x8, !tile) outs(%x : memref<?x64xf32>)
    }
    spmd.barrier
    scf.for %t = %c0 to %c1 step %c1 {
      xf.linear ins(%x8, %wq : !x8, !proj) outs(%y : memref<?x1024xf32>)
    }
    return
  }
}
