// RUN: espalier-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect --xf-partition

// expected-error @+1 {{expected a function @step to partition}}
module {
}

// -----

module {
  func.func @step(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
    // expected-error @+1 {{cannot stand in a step: no rule places it in a phase}}
    %y = "test.unknown"(%x) : (tensor<?x8xf32>) -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  }
}
