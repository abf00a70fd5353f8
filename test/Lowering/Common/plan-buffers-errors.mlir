// RUN: espalier-opt %s --verify-diagnostics --pass-pipeline="builtin.module(func.func(spmd-plan-buffers))"

func.func @unbounded(%n: index) {
  // expected-error @+1 {{has a size without a constant upper bound}}
  %a = memref.alloc(%n) : memref<?xf32>
  return
}
