// RUN: espalier-opt %s --convert-spmd-to-scf --split-input-file --verify-diagnostics

func.func @tensors(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{works on tensors: bufferise the module first}}
  %r = spmd.phase ins() outs(%o = %x : tensor<8xf32>) {
    spmd.yield %o : tensor<8xf32>
  } -> tensor<8xf32>
  return %r : tensor<8xf32>
}

// -----

func.func @computed_count(%x: memref<?xf32>, %counts: memref<1xindex>) {
  spmd.phase ins(%c = %counts : memref<1xindex>) outs(%o = %x : memref<?xf32>) {
    %zero = arith.constant 0.0 : f32
    %c0 = arith.constant 0 : index
    scf.forall (%i) in (2) {
      memref.store %zero, %o[%i] : memref<?xf32>
    } {mapping = [#spmd.tiles<static, 1>]}
    // expected-error @+1 {{decides how many tiles a later loop of the phase has, but cannot be computed before the first one}}
    %n = memref.load %c[%c0] : memref<1xindex>
    scf.forall (%i) in (%n) {
      memref.store %zero, %o[%i] : memref<?xf32>
    } {mapping = [#spmd.tiles<static, 1>]}
    spmd.yield
  }
  return
}
