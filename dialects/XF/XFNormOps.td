//===- XFNormOps.td - Normalisation of rows ----------------*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by XFOps.td. With `segment` = D each run of D columns of a row (a head,
// mostly) is normalised on its own, and the op can be cut between segments; without
// it the row is one segment.

def XF_RmsNormOp : XF_DestinationOp<"rms_norm"> {
  let summary = "scales each row to a root mean square of one";
  let description = [{
    result[r, k] = x[r, k] * (1 / sqrt(mean of x[r]^2 + eps)) * weight[k]
    (Zhang and Sennrich, arXiv:1910.07467), the sum of squares as `sum16`; with
    `accumulate`, + init[r, k]. With `segment` the mean is that of k's segment, and
    the weight is that of k or of k's place in the segment.

    Constraints:
    - (C1) x and init are [R, K] of f32, of the same shape;
    - (C2) the weight is f32 [K], or [segment];
    - (C3) eps is finite and positive;
    - (C4) segment, if any, is positive and divides K where it is static.

    ```mlir
    %q = xf.rms_norm ins(%x, %w : tensor<?x64xf32>, tensor<16xf32>) outs(%i : tensor<?x64xf32>)
           {eps = 1.0e-6 : f32, segment = 16 : i64} -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins XF_Rows2D:$x, XF_Encoded:$weight, XF_Rows2D:$init, F32Attr:$eps,
                       OptionalAttr<I64Attr>:$segment, UnitAttr:$accumulate);
  let assemblyFormat = [{
    `ins` `(` $x `,` $weight `:` type($x) `,` type($weight) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
}

def XF_LayerNormOp : XF_DestinationOp<"layer_norm"> {
  let summary = "shifts each row to a mean of zero and scales it to a variance of one";
  let description = [{
    result[r, k] = (x[r, k] - mean) * (1 / sqrt(variance + eps)) * weight[k] + bias[k]
    (Ba et al., arXiv:1607.06450), mean and variance over x[r] (with `segment`: over
    k's segment), both sums as `sum16`, the variance from the differences.

    Constraints:
    - (C1) x and init are [R, K] of f32, of the same shape;
    - (C2) the weight is f32 [K], or [segment];
    - (C3) eps is finite and positive;
    - (C4) segment, if any, is positive and divides K where it is static;
    - (C5) the bias, if any, has the type of the weight.

    ```mlir
    %y = xf.layer_norm ins(%x, %w : tensor<?x64xf32>, tensor<64xf32>) bias(%b : tensor<64xf32>)
           outs(%i : tensor<?x64xf32>) {eps = 1.0e-5 : f32} -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins XF_Rows2D:$x, XF_Encoded:$weight, Optional<XF_Encoded>:$bias,
                       XF_Rows2D:$init, F32Attr:$eps, OptionalAttr<I64Attr>:$segment);
  let assemblyFormat = [{
    `ins` `(` $x `,` $weight `:` type($x) `,` type($weight) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
}
