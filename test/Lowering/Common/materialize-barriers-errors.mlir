// RUN: espalier-opt %s --spmd-materialize-barriers --split-input-file --verify-diagnostics

func.func @writes_outside(%a: memref<16xf32>, %b: memref<16xf32>) {
  spmd.phase ins(%x = %a : memref<16xf32>) {
  }
  // expected-error @below {{touches memory outside a phase, where no barrier orders the workers}}
  memref.copy %b, %a : memref<16xf32> to memref<16xf32>
  return
}

// -----

func.func @reads_outside(%a: memref<16xf32>, %i: index) -> f32 {
  spmd.phase outs(%x = %a : memref<16xf32>) {
  }
  // expected-error @below {{touches memory outside a phase}}
  %0 = memref.load %a[%i] : memref<16xf32>
  return %0 : f32
}

// -----

memref.global "private" constant @kinds : memref<2xi64> = dense<[0, 1]>

// Constants may be read anywhere, and a function without phases is no step.
func.func @constants(%a: memref<16xf32>, %i: index) -> i64 {
  spmd.phase outs(%x = %a : memref<16xf32>) {
  }
  %k = memref.get_global @kinds : memref<2xi64>
  %0 = memref.load %k[%i] : memref<2xi64>
  return %0 : i64
}

func.func @no_phases(%a: memref<16xf32>, %b: memref<16xf32>) {
  memref.copy %b, %a : memref<16xf32> to memref<16xf32>
  return
}

// -----

func.func @unbounded(%n: index) {
  // expected-error @below {{has a size without a constant upper bound}}
  %a = spmd.buffer shared at 0(%n) : memref<?xf32>
  spmd.phase outs(%x = %a : memref<?xf32>) {
  }
  return
}
