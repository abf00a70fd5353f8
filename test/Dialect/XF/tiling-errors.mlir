// RUN: espalier-opt --transform-interpreter --verify-diagnostics %s

// A cache is one value: an append that gives one is not cut.

func.func @append_with_result(%rows: !xf.rows, %c: !xf.kv_cache<3 x 4 x 32, f16, tiles16>, %l: index, %x: tensor<?x128xf32>)
    -> !xf.kv_cache<3 x 4 x 32, f16, tiles16> {
  %h = arith.constant 0 : index
  // expected-error @below {{failed to generate tiling loops}}
  // expected-error @below {{to tile operation}}
  // expected-note @below {{when applied to this op}}
  %0 = xf.kv_append keys %c[%l] heads from %h ins(%rows, %x : tensor<?x128xf32>)
    : !xf.kv_cache<3 x 4 x 32, f16, tiles16> -> !xf.kv_cache<3 x 4 x 32, f16, tiles16>
  return %0 : !xf.kv_cache<3 x 4 x 32, f16, tiles16>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op {transform.readonly}) {
    %0 = transform.structured.match ops{["xf.kv_append"]} in %m : (!transform.any_op) -> !transform.any_op
    // expected-error @below {{failed to apply}}
    %a, %b = transform.structured.tile_using_forall %0 tile_sizes [0, 32] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
