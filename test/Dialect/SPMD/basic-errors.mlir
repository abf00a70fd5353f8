// RUN: espalier-opt %s --split-input-file --verify-diagnostics

// At least one test for each error of the verifiers. A name is that of the op and
// the number of its constraint.

func.func @tiles_cost() {
  // expected-error @+2 {{the cost of a tile must be positive, but is 0}}
  scf.forall (%i) in (4) {
  } {mapping = [#spmd.tiles<static, 0>]}
  return
}

// -----

func.func @phase_c1(%x: index) {
  // expected-error @below {{block arguments must have the types of inputs and outputs: expected}}
  "spmd.phase"(%x) <{operandSegmentSizes = array<i32: 1, 0>}> ({
  ^bb0(%a: i32):
    "spmd.yield"() : () -> ()
  }) : (index) -> ()
  return
}

// -----

func.func @phase_c2(%x: tensor<?x64xf32>) {
  // expected-error @below {{results must have the types of the outputs that are no memrefs: expected 1}}
  spmd.phase outs(%a = %x : tensor<?x64xf32>) {
  }
  return
}

// -----

func.func @phase_c2_yield(%x: tensor<?x64xf32>) {
  %0 = spmd.phase outs(%a = %x : tensor<?x64xf32>) {
    // expected-error @below {{must give the phase's results ('tensor<?x64xf32>'), but gives ()}}
    spmd.yield
  } -> tensor<?x64xf32>
  return
}

// -----

func.func @phase_c3(%n: index) {
  spmd.phase ins(%m = %n : index) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    scf.for %i = %c0 to %m step %c1 {
      // expected-error @below {{is mapped by #spmd.tiles and must stand at the top level of its phase}}
      scf.forall (%t) in (4) {
      } {mapping = [#spmd.tiles<static, 1>]}
    }
  }
  return
}

// -----

func.func @phase_c3_rank() {
  spmd.phase {
    // expected-error @below {{is mapped by #spmd.tiles and must have one dimension, but has 2}}
    scf.forall (%t, %u) in (4, 4) {
    } {mapping = [#spmd.tiles<static, 1>, #spmd.tiles<static, 1>]}
  }
  return
}

// -----

func.func @phase_c3_claim() {
  spmd.phase {
    // expected-error @below {{claims its tiles and must be the only loop over tiles of its phase, which has 2}}
    scf.forall (%t) in (4) {
    } {mapping = [#spmd.tiles<claim, 1>]}
    scf.forall (%t) in (4) {
    } {mapping = [#spmd.tiles<static, 1>]}
  }
  return
}

// -----

func.func @phase_c4() {
  spmd.phase {
    // expected-error @below {{must not stand in a phase}}
    spmd.phase {
    }
  }
  return
}

// -----

func.func @phase_c4_barrier() {
  spmd.phase {
    // expected-error @below {{must not stand in a phase}}
    spmd.barrier
  }
  return
}

// -----

func.func @phase_c5(%x: memref<?x64xf32>, %w: memref<64xf32>) {
  spmd.phase ins(%v = %w : memref<64xf32>) outs(%o = %x : memref<?x64xf32>) {
    // expected-error @below {{writes a shared output outside tiles: every worker would write it}}
    xf.rms_norm ins(%o, %v : memref<?x64xf32>, memref<64xf32>) outs(%o : memref<?x64xf32>) {eps = 1.0 : f32}
  }
  return
}

// -----

func.func @phase_c5_view(%x: memref<?x64xf32>, %n: index) {
  spmd.phase ins(%m = %n : index) outs(%o = %x : memref<?x64xf32>) {
    %s = memref.subview %o[0, 0] [%m, 16] [1, 1] : memref<?x64xf32> to memref<?x16xf32, strided<[64, 1]>>
    // expected-error @below {{writes a shared output outside tiles}}
    xf.glu silu ins(%s, %s : memref<?x16xf32, strided<[64, 1]>>, memref<?x16xf32, strided<[64, 1]>>) outs(%s : memref<?x16xf32, strided<[64, 1]>>)
  }
  return
}

// -----

func.func @phase_c5_loop(%x: tensor<?x64xf32>, %n: index) {
  %r = spmd.phase ins(%m = %n : index) outs(%o = %x : tensor<?x64xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %f = scf.for %i = %c0 to %m step %c1 iter_args(%a = %o) -> tensor<?x64xf32> {
      // expected-error @below {{writes a shared output outside tiles}}
      %g = xf.glu silu ins(%a, %a : tensor<?x64xf32>, tensor<?x64xf32>) outs(%a : tensor<?x64xf32>) -> tensor<?x64xf32>
      scf.yield %g : tensor<?x64xf32>
    }
    spmd.yield %f : tensor<?x64xf32>
  } -> tensor<?x64xf32>
  return
}

// -----

func.func @phase_c5_cache(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %x: memref<?x64xf32>, %i: index) {
  %0 = spmd.phase ins(%s = %r : !xf.rows, %l = %i : index, %y = %x : memref<?x64xf32>) outs(%k = %c : !xf.kv_cache<3 x 4 x 16, f16, tiles16>) {
    // expected-error @below {{writes a shared output outside tiles}}
    %1 = xf.kv_append keys %k[%l] heads from %l ins(%s, %y : memref<?x64xf32>) : !xf.kv_cache<3 x 4 x 16, f16, tiles16> -> !xf.kv_cache<3 x 4 x 16, f16, tiles16>
    spmd.yield %1 : !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  } -> !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  return
}

// -----

func.func @phase_c5_append(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %x: memref<?x64xf32>, %i: index) {
  %0 = spmd.phase ins(%s = %r : !xf.rows, %l = %i : index, %y = %x : memref<?x64xf32>) outs(%k = %c : !xf.kv_cache<3 x 4 x 16, f16, tiles16>) {
    // expected-error @below {{writes a shared output outside tiles}}
    xf.kv_append keys %k[%l] heads from %l ins(%s, %y : memref<?x64xf32>) : !xf.kv_cache<3 x 4 x 16, f16, tiles16>
    spmd.yield %k : !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  } -> !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  return
}

// -----

func.func @phase_c6(%x: memref<?x64xf32>, %y: memref<?x64xf32>, %w: memref<64xf32>) {
  spmd.phase ins(%v = %w : memref<64xf32>) outs(%o = %x : memref<?x64xf32>) {
    %c0 = arith.constant 0 : index
    %n = memref.dim %o, %c0 : memref<?x64xf32>
    %p = memref.alloc(%n) : memref<?x64xf32>
    // expected-error @below {{reads a shared output outside tiles: another worker may be writing it}}
    xf.rms_norm ins(%o, %v : memref<?x64xf32>, memref<64xf32>) outs(%p : memref<?x64xf32>) {eps = 1.0 : f32}
  }
  return
}

// -----

func.func @phase_c6_cache(%r: !xf.rows, %c: !xf.kv_cache<3 x 4 x 16, f16, tiles16>, %x: memref<?x64xf32>, %i: index) {
  %0 = spmd.phase ins(%s = %r : !xf.rows, %l = %i : index, %q = %x : memref<?x64xf32>) outs(%k = %c : !xf.kv_cache<3 x 4 x 16, f16, tiles16>) {
    %c0 = arith.constant 0 : index
    %n = memref.dim %q, %c0 : memref<?x64xf32>
    %p = memref.alloc(%n) : memref<?x64xf32>
    // expected-error @below {{reads a shared output outside tiles}}
    xf.attention %k[%l] heads from %c0 ins(%s, %q : memref<?x64xf32>) outs(%p : memref<?x64xf32>) {group = 1 : i64, scale = 1.0 : f32} : !xf.kv_cache<3 x 4 x 16, f16, tiles16>
    spmd.yield %k : !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  } -> !xf.kv_cache<3 x 4 x 16, f16, tiles16>
  return
}

// -----

func.func @barrier_c1() {
  scf.forall (%i) in (4) {
    // expected-error @below {{must not stand in a phase or in a tile}}
    spmd.barrier
  }
  return
}

// -----

func.func @buffer_c1() {
  // expected-error @below {{the offset must be a multiple of 64, but is 32}}
  %0 = spmd.buffer shared at 32() : memref<8xf32>
  return
}

// -----

func.func @buffer_c2() {
  // expected-error @below {{incorrect number of sizes: expected 1, but got 0}}
  %0 = spmd.buffer shared at 0() : memref<?xf32>
  return
}

// -----

func.func @buffer_c2_layout() {
  // expected-error @below {{the type must be a ranked memref of identity layout, but is}}
  %0 = spmd.buffer private at 0() : memref<8x8xf32, strided<[16, 1]>>
  return
}
