// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s

// Entry 10 of docs/numerics.md.
module attributes {xf.order = #xf.order<cpu, 2>} {
  // Rounded once, to nearest even; f16 overflows to infinity. Rows go to past and
  // on, in layer 1.
  // CHECK: @f16 result 0: layer 1 keys head 0 row 3: 1.00097656 -0.333251953 inf 1.1920929e-07; layer 1 keys head 0 row 4: 0.0543823242 -0.999511719 -0.649414062 0.890136719; layer 1 keys head 1 row 3: 0.0999755859 -65504 inf 2048; layer 1 keys head 1 row 4: -0.0908813477 0.618652344 -0.498291016 -0.295410156;
  func.func @f16(%rows: !xf.rows {xf.tokens = array<i32: 0, 0>, xf.past = 3}, %cache: !xf.kv_cache<2 x 2 x 4, f16, tiles16>) -> !xf.kv_cache<2 x 2 x 4, f16, tiles16> {
    %layer = arith.constant 1 : index
    %head = arith.constant 0 : index
    %k = arith.constant dense<[[1.00097656, -0.333333343, 70000.0, 1.00000001e-07, 0.100000001, -65519.0, 65520.0, 2049.0], [0.0543866009, -0.999294996, -0.649307013, 0.890009999, -0.0908584967, 0.618789017, -0.498376012, -0.295392007]]> : tensor<2x8xf32>
    %c = xf.kv_append keys %cache[%layer] heads from %head ins(%rows, %k : tensor<2x8xf32>) : !xf.kv_cache<2 x 2 x 4, f16, tiles16> -> !xf.kv_cache<2 x 2 x 4, f16, tiles16>
    return %c : !xf.kv_cache<2 x 2 x 4, f16, tiles16>
  }

  // CHECK: @bf16 result 0: layer 1 values head 1 row 0: 1 -0.333984375 70144 1.00117177e-07;
  func.func @bf16(%rows: !xf.rows {xf.tokens = array<i32: 0>}, %cache: !xf.kv_cache<2 x 2 x 4, bf16, tiles16>) -> !xf.kv_cache<2 x 2 x 4, bf16, tiles16> {
    %layer = arith.constant 1 : index
    %head = arith.constant 1 : index
    %k = arith.constant dense<[[1.00097656, -0.333333343, 70000.0, 1.00000001e-07]]> : tensor<1x4xf32>
    %c = xf.kv_append values %cache[%layer] heads from %head ins(%rows, %k : tensor<1x4xf32>) : !xf.kv_cache<2 x 2 x 4, bf16, tiles16> -> !xf.kv_cache<2 x 2 x 4, bf16, tiles16>
    return %c : !xf.kv_cache<2 x 2 x 4, bf16, tiles16>
  }

  // A padding row writes nothing.
  // CHECK: @padding result 0: layer 1 keys head 0 row 0: 1.00097656 -0.333333343 70000 1.00000001e-07; layer 1 keys head 1 row 0: 0.100000001 -65519 65520 2049;{{$}}
  func.func @padding(%rows: !xf.rows {xf.tokens = array<i32: 0, 0>, xf.slots = array<i32: 0, -1>}, %cache: !xf.kv_cache<2 x 2 x 4, f32, tiles16>) -> !xf.kv_cache<2 x 2 x 4, f32, tiles16> {
    %layer = arith.constant 1 : index
    %head = arith.constant 0 : index
    %k = arith.constant dense<[[1.00097656, -0.333333343, 70000.0, 1.00000001e-07, 0.100000001, -65519.0, 65520.0, 2049.0], [0.0543866009, -0.999294996, -0.649307013, 0.890009999, -0.0908584967, 0.618789017, -0.498376012, -0.295392007]]> : tensor<2x8xf32>
    %c = xf.kv_append keys %cache[%layer] heads from %head ins(%rows, %k : tensor<2x8xf32>) : !xf.kv_cache<2 x 2 x 4, f32, tiles16> -> !xf.kv_cache<2 x 2 x 4, f32, tiles16>
    return %c : !xf.kv_cache<2 x 2 x 4, f32, tiles16>
  }
}
