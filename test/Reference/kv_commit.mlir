// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s

// Rows past + path[i] become rows past + i, ascending.
!kv = !xf.kv_cache<1 x 1 x 2, f32, unassigned>
module attributes {xf.order = #xf.order<cpu, 2>} {
  // CHECK: @commit result 0: layer 0 keys head 0 row 0: 1 2; layer 0 keys head 0 row 1: 5 6; layer 0 keys head 0 row 2: 7 8; layer 0 keys head 0 row 3: 7 8;
  // CHECK-SAME: layer 0 values head 0 row 0: -1 -2; layer 0 values head 0 row 1: -5 -6; layer 0 values head 0 row 2: -7 -8; layer 0 values head 0 row 3: -7 -8;
  func.func @commit(%rows: !xf.rows {xf.tokens = array<i32: 0, 0, 0, 0>, xf.parents = array<i32: -1, 0, 0, 2>}, %cache: !kv, %past: index {xf.value = 0}) -> !kv {
    %zero = arith.constant 0 : index
    %k = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>
    %v = arith.constant dense<[[-1.0, -2.0], [-3.0, -4.0], [-5.0, -6.0], [-7.0, -8.0]]> : tensor<4x2xf32>
    %c0 = xf.kv_append keys %cache[%zero] heads from %zero ins(%rows, %k : tensor<4x2xf32>) : !kv -> !kv
    %c1 = xf.kv_append values %c0[%zero] heads from %zero ins(%rows, %v : tensor<4x2xf32>) : !kv -> !kv
    %path = arith.constant dense<[0, 2, 3]> : tensor<3xi32>
    %c2 = xf.kv_commit %c1 from %past path(%path : tensor<3xi32>) : !kv -> !kv
    return %c2 : !kv
  }
}
