// RUN: espalier-opt %s --split-input-file --verify-diagnostics

// Indices of layers that name none. A name is that of the op and the number of
// its constraint.

!cache = !xf.kv_cache<2 x 4 x 16, f16, tiles16>

func.func @attention_c4(%r: !xf.rows, %c: !cache, %q: tensor<?x64xf32>, %h: index) {
  %l = arith.constant 2 : index
  // expected-error @below {{the layer goes from 2 to 2, but the cache has 2 layers}}
  %0 = xf.attention %c[%l] heads from %h ins(%r, %q : tensor<?x64xf32>) outs(%q : tensor<?x64xf32>) {group = 1 : i64, scale = 0.25 : f32} : !cache -> tensor<?x64xf32>
  return
}

// -----

!cache = !xf.kv_cache<2 x 4 x 16, f16, tiles16>

func.func @attention_c4_repeat(%r: !xf.rows, %c: !cache, %q: tensor<?x64xf32>, %h: index) {
  %0 = xf.repeat kinds [0, 0, 0] iter(%q : tensor<?x64xf32>) {
  ^bb0(%l: index, %i: index, %x: tensor<?x64xf32>):
    // expected-error @below {{the layer goes from 0 to 2, but the cache has 2 layers}}
    %1 = xf.attention %c[%l] heads from %h ins(%r, %x : tensor<?x64xf32>) outs(%x : tensor<?x64xf32>) {group = 1 : i64, scale = 0.25 : f32} : !cache -> tensor<?x64xf32>
    xf.yield %1 : tensor<?x64xf32>
  } -> tensor<?x64xf32>
  return
}

// -----

!cache = !xf.kv_cache<2 x 4 x 16, f16, tiles16>

func.func @kv_append_c4(%r: !xf.rows, %c: !cache, %x: tensor<?x64xf32>, %h: index) {
  %l = arith.constant -1 : index
  // expected-error @below {{the layer goes from -1 to -1, but the cache has 2 layers}}
  %0 = xf.kv_append keys %c[%l] heads from %h ins(%r, %x : tensor<?x64xf32>) : !cache -> !cache
  return
}

// -----

xf.weight @w from ["w.{i}"] layers [0, 1] : tensor<64xf32>

func.func @weight_ref_c3() {
  %i = arith.constant 2 : index
  // expected-error @below {{the index goes from 2 to 2, but 'w' has 2 layers}}
  %0 = xf.weight_ref @w[%i] : tensor<64xf32>
  return
}

// -----

xf.weight @w from ["w.{i}"] layers [0, 1] : tensor<64xf32>

// The second argument counts the layers of the kind, the first counts all.
func.func @weight_ref_c3_repeat(%x: tensor<?x64xf32>) {
  %0 = xf.repeat kinds [0, 0, 1] iter(%x : tensor<?x64xf32>) {
  ^bb0(%l: index, %i: index, %y: tensor<?x64xf32>):
    %1 = xf.weight_ref @w[%i] : tensor<64xf32>
    xf.yield %y : tensor<?x64xf32>
  }, {
  ^bb0(%l: index, %i: index, %y: tensor<?x64xf32>):
    // expected-error @below {{the index goes from 2 to 2, but 'w' has 2 layers}}
    %1 = xf.weight_ref @w[%l] : tensor<64xf32>
    xf.yield %y : tensor<?x64xf32>
  } -> tensor<?x64xf32>
  return
}
