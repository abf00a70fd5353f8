// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s

// Entry 8 of docs/numerics.md: runs of four elements; a sum with what is there.
module attributes {xf.order = #xf.order<cpu, 2>} {
  // CHECK: @segments result 0: {{\[\[}}0.000265033537, -0.568127573, 0.016389478, -1.26560116, -0.0554366857, 1.06723583, -0.00203490444, 1.07782936, -0.104052909, 1.15780103, -0.0287353881, 0.497638166]]
  func.func @segments() -> tensor<1x12xf32> {
    %x = arith.constant dense<[[0.00184523, 0.448118001, -0.41120699, -1.33589005, -0.682006001, -1.48747003, 0.0902153999, 2.01031995, -0.738309979, -0.930711985, 0.734763026, 0.535331011]]> : tensor<1x12xf32>
    %w = arith.constant dense<[0.105414003, -0.930468023, -0.0292518009, 0.695303023]> : tensor<4xf32>
    %e = tensor.empty() : tensor<1x12xf32>
    %y = xf.rms_norm ins(%x, %w : tensor<1x12xf32>, tensor<4xf32>) outs(%e : tensor<1x12xf32>) {eps = 1.0e-5 : f32, segment = 4 : i64} -> tensor<1x12xf32>
    return %y : tensor<1x12xf32>
  }

  // CHECK: @accumulate result 0: {{\[\[}}-0.0510775931, -0.0997200981, -0.717986405, 1.31182599, 0.326334894, -0.445566952, 0.942116261, -0.241031408, -0.152746603, 1.06512487, -2.50463152, -0.41127944]]
  func.func @accumulate() -> tensor<1x12xf32> {
    %x = arith.constant dense<[[0.00184523, 0.448118001, -0.41120699, -1.33589005, -0.682006001, -1.48747003, 0.0902153999, 2.01031995, -0.738309979, -0.930711985, 0.734763026, 0.535331011]]> : tensor<1x12xf32>
    %w = arith.constant dense<[-1.34421003, -0.457616001, -1.90121996, -1.28954005, -1.84174001, -0.235091001, -1.26744998, 0.271263987, 0.156751007, -0.186930999, -2.51676011, -0.538693011]> : tensor<12xf32>
    %i = arith.constant dense<[[-0.0485008992, 0.113309003, -1.53014004, -0.477753013, -0.978519022, -0.808836997, 1.06089997, -0.807534993, -0.0325216986, 0.884389997, -0.583599985, -0.111702003]]> : tensor<1x12xf32>
    %y = xf.rms_norm ins(%x, %w : tensor<1x12xf32>, tensor<12xf32>) outs(%i : tensor<1x12xf32>) {accumulate, eps = 1.0e-5 : f32} -> tensor<1x12xf32>
    return %y : tensor<1x12xf32>
  }
}
