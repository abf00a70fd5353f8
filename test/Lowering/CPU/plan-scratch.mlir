// RUN: espalier-opt %s --xf-plan-scratch --split-input-file --verify-diagnostics | FileCheck %s

!cache = !xf.kv_cache<1 x 2 x 16, f16, tiles16>

// Rows of the tile are bounded by the slice (4), not by the function.
// 64 rows would need more than 20000 bytes; the scratch begins at 128.

// CHECK-LABEL: func.func @tile
// CHECK-SAME:    spmd.private_bytes = {{1[0-9][0-9][0-9][0-9]}} : i64
// CHECK:       xf.attention
// CHECK-SAME:    scratch = 128 : i64
func.func @tile(%rows: !xf.rows, %cache: !cache, %x: memref<?x32xf32>)
    attributes {xf.max_rows = 64 : i64, spmd.private_bytes = 100 : i64} {
  %c0 = arith.constant 0 : index
  %t = memref.subview %x[0, 0] [4, 32] [1, 1] : memref<?x32xf32> to memref<4x32xf32, strided<[32, 1]>>
  xf.attention %cache[%c0] heads from %c0 ins(%rows, %t : memref<4x32xf32, strided<[32, 1]>>)
    outs(%t : memref<4x32xf32, strided<[32, 1]>>) {group = 1 : i64, scale = 0.25 : f32} : !cache
  return
}

// -----

!cache = !xf.kv_cache<1 x 2 x 16, f16, tiles16>

func.func @unbounded(%rows: !xf.rows, %cache: !cache, %x: memref<?x32xf32>) {
  %c0 = arith.constant 0 : index
  // expected-error @+1 {{has an unbounded number of rows: give the function the attribute 'xf.max_rows'}}
  xf.attention %cache[%c0] heads from %c0 ins(%rows, %x : memref<?x32xf32>)
    outs(%x : memref<?x32xf32>) {group = 1 : i64, scale = 0.25 : f32} : !cache
  return
}

// -----

!cache = !xf.kv_cache<1 x 2 x 16, f16, tiles16>

// One region for all ops.

// CHECK-LABEL: func.func @one_region
// CHECK:       xf.attention
// CHECK-SAME:    scratch = 64 : i64
// CHECK:       xf.grouped_linear
// CHECK-SAME:    scratch = 64 : i64
func.func @one_region(%rows: !xf.rows, %cache: !cache, %x: memref<?x32xf32>, %w: memref<8x16x32xf32>, %i: memref<?x2xi32>, %y: memref<?x16xf32>)
    attributes {xf.max_rows = 4 : i64, spmd.private_bytes = 1 : i64} {
  %c0 = arith.constant 0 : index
  xf.attention %cache[%c0] heads from %c0 ins(%rows, %x : memref<?x32xf32>)
    outs(%x : memref<?x32xf32>) {group = 1 : i64, scale = 0.25 : f32} : !cache
  xf.grouped_linear ins(%x, %w : memref<?x32xf32>, memref<8x16x32xf32>) experts(%i : memref<?x2xi32>) outs(%y : memref<?x16xf32>)
  return
}

// -----

// The starts of eight experts 64, eight sorted pairs 64, their sums 512.

// CHECK-LABEL: func.func @experts
// CHECK-SAME:    spmd.private_bytes = 640 : i64
func.func @experts(%x: memref<?x32xf32>, %w: memref<8x16x32xf32>, %i: memref<?x2xi32>, %y: memref<?x16xf32>)
    attributes {xf.max_rows = 4 : i64} {
  xf.grouped_linear ins(%x, %w : memref<?x32xf32>, memref<8x16x32xf32>) experts(%i : memref<?x2xi32>) outs(%y : memref<?x16xf32>)
  return
}

// -----

func.func @unbounded_experts(%x: memref<?x32xf32>, %w: memref<8x16x32xf32>, %i: memref<?x2xi32>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{has an unbounded number of rows: give the function the attribute 'xf.max_rows'}}
  xf.grouped_linear ins(%x, %w : memref<?x32xf32>, memref<8x16x32xf32>) experts(%i : memref<?x2xi32>) outs(%y : memref<?x16xf32>)
  return
}
