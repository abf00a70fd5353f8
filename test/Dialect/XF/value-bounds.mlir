// RUN: espalier-opt --transform-interpreter %s | FileCheck %s

// What the attribute of the function and the borders of a phase say about the
// number of rows lets the minimum be folded.

// CHECK-LABEL: func.func @bounded
func.func @bounded(%rows: !xf.rows) -> (index, index) attributes {xf.max_rows = 8} {
  // CHECK: %[[N:.*]] = xf.rows_count
  // CHECK: %[[W:.*]] = xf.wanted_count
  // CHECK: return %[[N]], %[[W]]
  %n = xf.rows_count %rows
  %w = xf.wanted_count %rows
  %0 = affine.min affine_map<(d0) -> (d0, 9)>(%n)
  %1 = affine.min affine_map<(d0) -> (d0, 9)>(%w)
  return %0, %1 : index, index
}

// CHECK-LABEL: func.func @unbounded
func.func @unbounded(%rows: !xf.rows) -> index {
  // CHECK: affine.min
  %n = xf.rows_count %rows
  %0 = affine.min affine_map<(d0) -> (d0, 9)>(%n)
  return %0 : index
}

// CHECK-LABEL: func.func @slice
func.func @slice(%rows: !xf.rows, %i: index) -> index {
  // CHECK: return %c4
  %c4 = arith.constant 4 : index
  %s = xf.rows_slice %rows[%i] [%c4]
  %n = xf.rows_count %s
  %0 = affine.min affine_map<(d0) -> (d0, 4)>(%n)
  return %0 : index
}

// CHECK-LABEL: func.func @phase
func.func @phase(%rows: !xf.rows, %x: tensor<?x64xf32>) -> tensor<?x64xf32> attributes {xf.max_rows = 8} {
  %n = xf.rows_count %rows
  %e = tensor.empty(%n) : tensor<?x64xf32>
  // CHECK: spmd.phase ins(%[[M:.*]] = %{{.*}} : index)
  %r = spmd.phase ins(%m = %n : index) outs(%o = %e : tensor<?x64xf32>) {
    // CHECK: tensor.empty(%[[M]])
    %0 = affine.min affine_map<(d0) -> (d0, 9)>(%m)
    %t = tensor.empty(%0) : tensor<?x64xf32>
    // CHECK: %[[D:.*]] = tensor.dim
    %c0 = arith.constant 0 : index
    %d = tensor.dim %o, %c0 : tensor<?x64xf32>
    // CHECK-NOT: affine.min
    // CHECK: scf.forall (%{{.*}}) in (%[[D]])
    %1 = affine.min affine_map<(d0) -> (d0, 9)>(%d)
    %f = scf.forall (%i) in (%1) shared_outs(%s = %o) -> (tensor<?x64xf32>) {
      scf.forall.in_parallel {
      }
    } {mapping = [#spmd.tiles<static, 1>]}
    spmd.yield %f : tensor<?x64xf32>
  } -> tensor<?x64xf32>
  return %r : tensor<?x64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op {transform.readonly}) {
    %0 = transform.structured.match ops{["affine.min"]} in %m : (!transform.any_op) -> !transform.any_op
    transform.affine.simplify_min_max_affine_ops %0 : !transform.any_op
    transform.yield
  }
}
