// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s

// Entries 12 and 14 of docs/numerics.md.
module attributes {xf.order = #xf.order<cpu, 2>} {
  // CHECK: @silu result 0: {{\[\[}}-1.20890218e-33, 0.0109832771, 0, -0, 9.1971003e-10, 0.445934653, 8.65305328, -4.41928816]]
  func.func @silu() -> tensor<1x8xf32> {
    %g = arith.constant dense<[[-80.0, -3.5, -0.0, 0.0, 9.99999994e-09, 0.75, 9.0, 90.0]]> : tensor<1x8xf32>
    %u = arith.constant dense<[[0.837258995, -0.107056998, -0.971738994, -0.225713998, 0.183942005, 0.875438988, 0.961569011, -0.0491032004]]> : tensor<1x8xf32>
    %e = tensor.empty() : tensor<1x8xf32>
    %y = xf.glu silu ins(%g, %u : tensor<1x8xf32>, tensor<1x8xf32>) outs(%e : tensor<1x8xf32>) -> tensor<1x8xf32>
    return %y : tensor<1x8xf32>
  }
}
