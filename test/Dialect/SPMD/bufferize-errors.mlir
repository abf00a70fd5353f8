// RUN: espalier-opt %s --verify-diagnostics \
// RUN:   --one-shot-bufferize='bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map'

func.func @not_in_place(%x: tensor<?x64xf32>, %n: index) -> tensor<?x64xf32> {
  %0 = spmd.phase ins(%m = %n : index) outs(%o = %x : tensor<?x64xf32>) {
    %e = tensor.empty(%m) : tensor<?x64xf32>
    // expected-error @below {{value of output #0 is not the buffer of the output: it must be written in place}}
    spmd.yield %e : tensor<?x64xf32>
  } -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
