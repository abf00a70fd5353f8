// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s

// Entry 23 of docs/numerics.md: rows at the positions 0 and 1, which have the
// entries 2 and 3.
module attributes {xf.order = #xf.order<cpu, 2>} {
  xf.weight @t from ["t"] {data = dense<[[-0.591027975, -0.118610002, -1.99775004, -1.13141], [0.362839997, -2.12857008, 0.846608996, -1.74609995], [0.75673902, -0.845497012, 0.778990984, 0.130951002], [-1.53682995, 1.24915004, 1.44171, -0.0658048987], [-0.273916006, -0.159867004, -0.975152016, 1.09859002], [-0.542891979, -0.0511903986, -0.793295979, -0.626073003]]> : tensor<6x4xf32>} : tensor<6x4xf32>
  // CHECK: @positions result 0: {{\[\[}}-0.520990968, 0.411572933, 0.624902964, 1.09687304], [-1.52350533, 0.554746032, 1.11502504, -0.626035869]]
  func.func @positions(%rows: !xf.rows {xf.tokens = array<i32: 3, 0>}) -> tensor<2x4xf32> {
    %x = arith.constant dense<[[-1.27772999, 1.25706995, -0.154088005, 0.965921998], [0.0133245997, -0.694404006, -0.326685011, -0.56023097]]> : tensor<2x4xf32>
    %w = xf.weight_ref @t : tensor<6x4xf32>
    %y = xf.position_embedding ins(%rows, %w : tensor<6x4xf32>) outs(%x : tensor<2x4xf32>) {offset = 2 : i64} -> tensor<2x4xf32>
    return %y : tensor<2x4xf32>
  }
}
