// RUN: espalier-opt %s --allow-unregistered-dialect --pass-pipeline="builtin.module(func.func(spmd-plan-buffers))" | FileCheck %s

// Live one after the other: one place. Live together: two.
// CHECK-LABEL: func.func @lifetimes
// CHECK-SAME: spmd.private_bytes = 0 : i64, spmd.shared_bytes = 512 : i64
func.func @lifetimes() {
  // CHECK: spmd.buffer shared at 0() : memref<64xf32>
  %a = memref.alloc() : memref<64xf32>
  "test.use"(%a) : (memref<64xf32>) -> ()
  // CHECK: spmd.buffer shared at 0() : memref<64xf32>
  %b = memref.alloc() : memref<64xf32>
  // CHECK: spmd.buffer shared at 256() : memref<64xf32>
  %c = memref.alloc() : memref<64xf32>
  "test.use"(%b, %c) : (memref<64xf32>, memref<64xf32>) -> ()
  return
}

// What is used in a loop and was made before it lives to the loop's end.
// CHECK-LABEL: func.func @around_a_loop
// CHECK-SAME: spmd.shared_bytes = 512 : i64
func.func @around_a_loop(%n: index) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  // CHECK: spmd.buffer shared at 0() : memref<64xf32>
  %a = memref.alloc() : memref<64xf32>
  scf.for %i = %zero to %n step %one {
    "test.use"(%a) : (memref<64xf32>) -> ()
    // CHECK: spmd.buffer shared at 256() : memref<64xf32>
    %b = memref.alloc() : memref<64xf32>
    "test.use"(%b) : (memref<64xf32>) -> ()
  }
  return
}

// A use through a view is a use of the buffer.
// CHECK-LABEL: func.func @views
// CHECK-SAME: spmd.shared_bytes = 512 : i64
func.func @views() {
  %a = memref.alloc() : memref<64xf32>
  %v = memref.subview %a[0] [8] [1] : memref<64xf32> to memref<8xf32, strided<[1]>>
  %b = memref.alloc() : memref<64xf32>
  "test.use"(%b) : (memref<64xf32>) -> ()
  "test.use"(%v) : (memref<8xf32, strided<[1]>>) -> ()
  return
}

// Rows count with their bound, panels with their bytes; a phase's memory is each
// worker's own.
// CHECK-LABEL: func.func @bounds
// CHECK-SAME: spmd.private_bytes = 832 : i64, spmd.shared_bytes = 2048 : i64
func.func @bounds(%rows: !xf.rows) attributes {xf.max_rows = 8} {
  %r = xf.rows_count %rows
  // CHECK: spmd.buffer shared at 0(%{{.*}}) : memref<?x64xf32>
  %x = memref.alloc(%r) : memref<?x64xf32>
  spmd.phase ins(%in = %rows : !xf.rows) outs(%out = %x : memref<?x64xf32>) {
    %n = xf.rows_count %in
    // CHECK: spmd.buffer private at 0(%{{.*}}) : memref<?x2x!xf.panel<1 x 32, a8>>
    %q = memref.alloc(%n) : memref<?x2x!xf.panel<1 x 32, a8>>
    "test.use"(%q) : (memref<?x2x!xf.panel<1 x 32, a8>>) -> ()
    spmd.yield
  }
  return
}
