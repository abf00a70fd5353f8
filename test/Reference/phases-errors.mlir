// RUN: espalier-opt %s --xf-evaluate --split-input-file --verify-diagnostics -o /dev/null

module attributes {xf.order = #xf.order<cpu, 2>} {
  // expected-error-re @+1 {{'tensor.parallel_insert_slice': phase 1 (both): tile {{[01]}} of loop 0 writes element [1, 2] of output 0, which tile {{[01]}} of loop 0 wrote in the same phase}}
  func.func @write_write() -> tensor<2x4xf32> {
    %e = tensor.empty() : tensor<2x4xf32>
    %y = spmd.phase "both" outs(%o = %e : tensor<2x4xf32>) {
      %r = scf.forall (%i) in (2) shared_outs(%s = %o) -> (tensor<2x4xf32>) {
        %own = tensor.empty() : tensor<1x1xf32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %own into %s[1, 2] [1, 1] [1, 1] : tensor<1x1xf32> into tensor<2x4xf32>
        }
      } {mapping = [#spmd.tiles<static, 1>]}
      spmd.yield %r : tensor<2x4xf32>
    } -> tensor<2x4xf32>
    return %y : tensor<2x4xf32>
  }
}

// -----

module attributes {xf.order = #xf.order<cpu, 2>} {
  // Tile i reads what tile i + 1 writes.
  // expected-error-re @+1 {{phase 1: tile {{[0-3]}} of loop 0 {{reads|writes}} element [0, {{[0-3]}}] of output 0, which tile {{[0-3]}} of loop 0 {{read|wrote}} in the same phase}}
  func.func @read_write() -> tensor<1x4xf32> {
    %x = arith.constant dense<1.0> : tensor<1x4xf32>
    %y = spmd.phase outs(%o = %x : tensor<1x4xf32>) {
      %r = scf.forall (%i) in (3) shared_outs(%s = %o) -> (tensor<1x4xf32>) {
        %next = affine.apply affine_map<(d0) -> (d0 + 1)>(%i)
        %other = tensor.extract_slice %s[0, %next] [1, 1] [1, 1] : tensor<1x4xf32> to tensor<1x1xf32>
        %e = tensor.empty() : tensor<1x1xf32>
        %g = xf.glu silu ins(%other, %other : tensor<1x1xf32>, tensor<1x1xf32>) outs(%e : tensor<1x1xf32>) -> tensor<1x1xf32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %g into %s[0, %i] [1, 1] [1, 1] : tensor<1x1xf32> into tensor<1x4xf32>
        }
      } {mapping = [#spmd.tiles<static, 1>]}
      spmd.yield %r : tensor<1x4xf32>
    } -> tensor<1x4xf32>
    return %y : tensor<1x4xf32>
  }
}

// -----

module attributes {xf.order = #xf.order<cpu, 2>} {
  // Without a barrier the second loop cannot read what the first one wrote.
  // expected-error-re @+1 {{'xf.glu': phase 1: tile {{[01]}} of loop 1 reads element [0, {{[01]}}] of output 0, which tile {{[01]}} of loop 0 wrote in the same phase}}
  func.func @two_loops() -> (tensor<1x2xf32>, tensor<1x2xf32>) {
    %x = arith.constant dense<1.0> : tensor<1x2xf32>
    %y:2 = spmd.phase outs(%o = %x : tensor<1x2xf32>, %p = %x : tensor<1x2xf32>) {
      %r = scf.forall (%i) in (2) shared_outs(%s = %o) -> (tensor<1x2xf32>) {
        %own = arith.constant dense<2.0> : tensor<1x1xf32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %own into %s[0, %i] [1, 1] [1, 1] : tensor<1x1xf32> into tensor<1x2xf32>
        }
      } {mapping = [#spmd.tiles<static, 1>]}
      %t = scf.forall (%i) in (2) shared_outs(%s = %p) -> (tensor<1x2xf32>) {
        %a = tensor.extract_slice %r[0, %i] [1, 1] [1, 1] : tensor<1x2xf32> to tensor<1x1xf32>
        %e = tensor.empty() : tensor<1x1xf32>
        %g = xf.glu silu ins(%a, %a : tensor<1x1xf32>, tensor<1x1xf32>) outs(%e : tensor<1x1xf32>) -> tensor<1x1xf32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %g into %s[0, %i] [1, 1] [1, 1] : tensor<1x1xf32> into tensor<1x2xf32>
        }
      } {mapping = [#spmd.tiles<static, 1>]}
      spmd.yield %r, %t : tensor<1x2xf32>, tensor<1x2xf32>
    } -> tensor<1x2xf32>, tensor<1x2xf32>
    return %y#0, %y#1 : tensor<1x2xf32>, tensor<1x2xf32>
  }
}

// -----

module attributes {xf.order = #xf.order<cpu, 2>} {
  // Private memory is no way out of a tile.
  // expected-error-re @+1 {{'scf.forall': its result would leave the tiles through private memory}}
  func.func @private() -> tensor<1x2xf32> {
    %x = arith.constant dense<1.0> : tensor<1x2xf32>
    %y = spmd.phase outs(%o = %x : tensor<1x2xf32>) {
      %e = tensor.empty() : tensor<1x2xf32>
      %r = scf.forall (%i) in (2) shared_outs(%s = %e) -> (tensor<1x2xf32>) {
        %own = arith.constant dense<2.0> : tensor<1x1xf32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %own into %s[0, %i] [1, 1] [1, 1] : tensor<1x1xf32> into tensor<1x2xf32>
        }
      } {mapping = [#spmd.tiles<static, 1>]}
      spmd.yield %o : tensor<1x2xf32>
    } -> tensor<1x2xf32>
    return %y : tensor<1x2xf32>
  }
}

// -----

!kv = !xf.kv_cache<1 x 1 x 2, f32, tiles16>
module attributes {xf.order = #xf.order<cpu, 2>} {
  // expected-error-re @+1 {{'xf.kv_append': phase 1 (append): tile {{[01]}} of loop 0 writes element [0, 0, 0, 0] of the cache of slot 0 (row, layer, keys or values, head), which tile {{[01]}} of loop 0 wrote in the same phase}}
  func.func @cache(%rows: !xf.rows {xf.tokens = array<i32: 0>}, %cache: !kv) -> !kv {
    %x = arith.constant dense<1.0> : tensor<1x2xf32>
    %c = spmd.phase "append" ins(%r = %rows : !xf.rows, %k = %x : tensor<1x2xf32>) outs(%kv = %cache : !kv) {
      %zero = arith.constant 0 : index
      scf.forall (%h) in (2) {
        xf.kv_append keys %kv[%zero] heads from %zero ins(%r, %k : tensor<1x2xf32>) : !kv
      } {mapping = [#spmd.tiles<static, 1>]}
      spmd.yield %kv : !kv
    } -> !kv
    return %c : !kv
  }
}

// -----

!kv = !xf.kv_cache<1 x 1 x 2, f32, tiles16>
module attributes {xf.order = #xf.order<cpu, 2>} {
  // Keys of the rows of this phase are there in the next one only.
  // expected-error-re @+1 {{phase 1 (append): tile {{[01]}} of loop 0 {{reads|writes}} element [0, 0, 0, 0] of the cache of slot 0 (row, layer, keys or values, head), which tile {{[01]}} of loop 0 {{read|wrote}} in the same phase}}
  func.func @cache(%rows: !xf.rows {xf.tokens = array<i32: 0>}, %cache: !kv) -> !kv {
    %x = arith.constant dense<1.0> : tensor<1x2xf32>
    %before = arith.constant 0 : index
    %c0 = xf.kv_append keys %cache[%before] heads from %before ins(%rows, %x : tensor<1x2xf32>) : !kv -> !kv
    %c1 = xf.kv_append values %c0[%before] heads from %before ins(%rows, %x : tensor<1x2xf32>) : !kv -> !kv
    %c = spmd.phase "append" ins(%r = %rows : !xf.rows, %k = %x : tensor<1x2xf32>) outs(%kv = %c1 : !kv) {
      %zero = arith.constant 0 : index
      scf.forall (%h) in (2) {
        %first = arith.cmpi eq, %h, %zero : index
        scf.if %first {
          xf.kv_append keys %kv[%zero] heads from %zero ins(%r, %k : tensor<1x2xf32>) : !kv
          xf.kv_append values %kv[%zero] heads from %zero ins(%r, %k : tensor<1x2xf32>) : !kv
        } else {
          %e = tensor.empty() : tensor<1x2xf32>
          %a = xf.attention %kv[%zero] heads from %zero ins(%r, %k : tensor<1x2xf32>) outs(%e : tensor<1x2xf32>) {group = 1 : i64, scale = 1.0 : f32} : !kv -> tensor<1x2xf32>
        }
      } {mapping = [#spmd.tiles<static, 1>]}
      spmd.yield %kv : !kv
    } -> !kv
    return %c : !kv
  }
}

// -----

!kv = !xf.kv_cache<1 x 1 x 2, f32, tiles16>
module attributes {xf.order = #xf.order<cpu, 2>} {
  // Caches are passed on from use to use.
  // expected-error-re @+1 {{'xf.attention': uses a cache value that was overwritten}}
  func.func @linear_use(%rows: !xf.rows {xf.tokens = array<i32: 0>}, %cache: !kv) -> tensor<1x2xf32> {
    %zero = arith.constant 0 : index
    %x = arith.constant dense<1.0> : tensor<1x2xf32>
    %c = xf.kv_append keys %cache[%zero] heads from %zero ins(%rows, %x : tensor<1x2xf32>) : !kv -> !kv
    %a = xf.attention %cache[%zero] heads from %zero ins(%rows, %x : tensor<1x2xf32>) outs(%x : tensor<1x2xf32>) {group = 1 : i64, scale = 1.0 : f32} : !kv -> tensor<1x2xf32>
    return %a : tensor<1x2xf32>
  }
}

// -----

!kv = !xf.kv_cache<1 x 1 x 2, f32, tiles16>
module attributes {xf.order = #xf.order<cpu, 2>} {
  // expected-error-re @+1 {{'xf.attention': layer 0, head 0: cache row 0 of slot 0 is visible but was never written}}
  func.func @unwritten(%rows: !xf.rows {xf.tokens = array<i32: 0>, xf.past = 1}, %cache: !kv) -> tensor<1x2xf32> {
    %zero = arith.constant 0 : index
    %x = arith.constant dense<1.0> : tensor<1x2xf32>
    %c = xf.kv_append keys %cache[%zero] heads from %zero ins(%rows, %x : tensor<1x2xf32>) : !kv -> !kv
    %a = xf.attention %c[%zero] heads from %zero ins(%rows, %x : tensor<1x2xf32>) outs(%x : tensor<1x2xf32>) {group = 1 : i64, scale = 1.0 : f32} : !kv -> tensor<1x2xf32>
    return %a : tensor<1x2xf32>
  }
}
