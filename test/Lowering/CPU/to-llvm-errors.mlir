// RUN: espalier-opt %s --convert-xf-to-llvm --split-input-file --verify-diagnostics

!cache = !xf.kv_cache<1 x 1 x 16, f16, tiles16>

// expected-error @+1 {{must take rows, cache, logits (memref<?xVxf32>), worker and workers}}
func.func @no_workers(%rows: !xf.rows, %cache: !cache, %logits: memref<?x16xf32>) {
  return
}

// -----

// expected-error @+1 {{is neither a step nor a commit}}
func.func @other(%i: index) -> index {
  return %i : index
}

// -----

!cache = !xf.kv_cache<1 x 1 x 16, f16, tiles16>

func.func @returns(%rows: !xf.rows, %cache: !cache, %logits: memref<?x16xf32>, %w: index, %ws: index) -> memref<?x16xf32> {
  %c1 = arith.constant 1 : index
  %other = spmd.buffer shared at 0 (%c1) : memref<?x16xf32>
  // expected-error @+1 {{gives a value that is neither the cache nor the function's logits}}
  return %other : memref<?x16xf32>
}

// -----

!cache = !xf.kv_cache<1 x 1 x 16, f16, tiles16>

module {
  xf.weight @w from ["w"] : tensor<16x16xf32>
  func.func @no_layout(%rows: !xf.rows, %cache: !cache, %logits: memref<?x16xf32>, %w: index, %ws: index) {
    // expected-error @+2 {{names a weight without a place in the module's 'xf.weight_layout'}}
    // expected-error @+1 {{failed to legalize operation 'xf.weight_ref'}}
    %m = xf.weight_ref @w : memref<16x16xf32>
    return
  }
}

// -----

!cache = !xf.kv_cache<1 x 1 x 16, f16, tiles16>

module attributes {xf.weight_layout = {w = array<i64: 0, 1024>}} {
  xf.weight @w from ["w"] : tensor<16x16xf32>
  func.func @plain_weights(%rows: !xf.rows, %cache: !cache, %logits: memref<?x16xf32>, %w: index, %ws: index) {
    %c1 = arith.constant 1 : index
    %x = spmd.buffer shared at 0 (%c1) : memref<?x16xf32>
    %m = xf.weight_ref @w : memref<16x16xf32>
    // expected-error @+2 {{needs weights in panels of 16 columns}}
    // expected-error @+1 {{failed to legalize operation 'xf.logits'}}
    xf.logits ins(%x, %m : memref<?x16xf32>, memref<16x16xf32>) outs(%logits : memref<?x16xf32>)
    return
  }
}

// -----

!cache = !xf.kv_cache<1 x 1 x 16, f16, tiles16>

func.func @no_scratch(%rows: !xf.rows, %cache: !cache, %logits: memref<?x16xf32>, %w: index, %ws: index) {
  %c0 = arith.constant 0 : index
  // expected-error @+2 {{has no scratch memory (run 'xf-plan-scratch' first)}}
  // expected-error @+1 {{failed to legalize operation 'xf.attention'}}
  xf.attention %cache[%c0] heads from %c0 ins(%rows, %logits : memref<?x16xf32>) outs(%logits : memref<?x16xf32>) {group = 1 : i64, scale = 0.25 : f32} : !cache
  return
}

// -----

!cache = !xf.kv_cache<1 x 1 x 16, f16, tiles16>

func.func @tap_of_a_tile(%rows: !xf.rows, %cache: !cache, %logits: memref<?x16xf32>, %w: index, %ws: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %slice = xf.rows_slice %rows[%c0] [%c1]
  // expected-error @+2 {{works on all rows of the call, not on a tile}}
  // expected-error @+1 {{failed to legalize operation 'xf.tap'}}
  xf.tap [%c0] ins(%slice, %logits : memref<?x16xf32>)
  return
}
