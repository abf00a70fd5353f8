// RUN: espalier-opt %s --xf-evaluate=seed=1 -o /dev/null | FileCheck %s
// RUN: espalier-opt %s --xf-evaluate=seed=2 -o /dev/null | FileCheck %s
// RUN: espalier-opt %s --xf-evaluate=seed=3 -o /dev/null | FileCheck %s

!kv = !xf.kv_cache<1 x 2 x 2, f32, tiles16>
module attributes {xf.order = #xf.order<cpu, 2>} {
  // Tiles write what is theirs; what they do not write keeps its value.
  // CHECK: @tiles result 0: {{\[\[}}11, 12, 13, 4], [21, 22, 23, 8]]
  // CHECK: @tiles result 1: {{\[\[}}1, 2, 3, 4], [5, 6, 7, 8]]
  func.func @tiles() -> (tensor<2x4xf32>, tensor<2x4xf32>) {
    %x = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
    %a = arith.constant dense<[[10.0], [16.0]]> : tensor<2x1xf32>
    %y = spmd.phase ins(%d = %a : tensor<2x1xf32>) outs(%o = %x : tensor<2x4xf32>) {
      %one = arith.constant dense<1.0> : tensor<1x1xf32>
      %r = scf.forall (%i) in (3) shared_outs(%s = %o) -> (tensor<2x4xf32>) {
        %own = tensor.extract_slice %s[0, %i] [2, 1] [1, 1] : tensor<2x4xf32> to tensor<2x1xf32>
        %sum = xf.linear ins(%d, %one : tensor<2x1xf32>, tensor<1x1xf32>) outs(%own : tensor<2x1xf32>) {accumulate} -> tensor<2x1xf32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %sum into %s[0, %i] [2, 1] [1, 1] : tensor<2x1xf32> into tensor<2x4xf32>
        }
      } {mapping = [#spmd.tiles<static, 1>]}
      spmd.yield %r : tensor<2x4xf32>
    } -> tensor<2x4xf32>
    return %y, %x : tensor<2x4xf32>, tensor<2x4xf32>
  }

  // A cache is memory inside a phase, and a value outside.
  // CHECK: @append result 0: layer 0 keys head 0 row 0: 1 2; layer 0 keys head 1 row 0: 3 4;
  func.func @append(%rows: !xf.rows {xf.tokens = array<i32: 0>}, %cache: !kv) -> !kv {
    %x = arith.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
    %c = spmd.phase ins(%r = %rows : !xf.rows, %k = %x : tensor<1x4xf32>) outs(%kv = %cache : !kv) {
      %zero = arith.constant 0 : index
      scf.forall (%h) in (2) {
        %at = affine.apply affine_map<(d0) -> (d0 * 2)>(%h)
        %own = tensor.extract_slice %k[0, %at] [1, 2] [1, 1] : tensor<1x4xf32> to tensor<1x2xf32>
        xf.kv_append keys %kv[%zero] heads from %h ins(%r, %own : tensor<1x2xf32>) : !kv
      } {mapping = [#spmd.tiles<static, 2>]}
      spmd.yield %kv : !kv
    } -> !kv
    return %c : !kv
  }
}
