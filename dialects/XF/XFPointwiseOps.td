//===- XFPointwiseOps.td - One element in, one element out -*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by XFOps.td. An element of the result depends on the elements at the
// same place of the operands only, so that a tile of any rows and columns needs the
// same tile of what it reads.

def XF_GluOp : XF_DestinationOp<"glu"> {
  let summary = "gates one projection by the activation of another";
  let description = [{
    result = activation(gate) * up (Shazeer, arXiv:2002.05202); the activations are
    those of `xf.activation`.

    Constraints:
    - (C1) gate, up and init are [R, N] of f32, of the same shape.
  }];
  let arguments = (ins XF_Rows2D:$gate, XF_Rows2D:$up, XF_Rows2D:$init,
                       XF_ActivationAttr:$activation);
  let assemblyFormat = [{
    $activation `ins` `(` $gate `,` $up `:` type($gate) `,` type($up) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
}

def XF_RoundOp : XF_DestinationOp<"round"> {
  let summary = "rounds rows to bf16";
  let description = [{
    result = x, each element rounded once, to nearest even: what the accelerator's
    array multiplies.

    Constraints:
    - (C1) x is [R, N] of f32 and init of bf16, of the same shape.

    ```mlir
    %y = xf.round ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x64xbf16>) -> tensor<?x64xbf16>
    ```
  }];
  let arguments = (ins XF_Rows2D:$x, XF_Rounded2D:$init);
  let assemblyFormat = [{
    `ins` `(` $x `:` type($x) `)` `outs` `(` $init `:` type($init) `)` attr-dict
    (`->` type($results)^)?
  }];
}

def XF_ActivationOp : XF_DestinationOp<"activation"> {
  let summary = "applies an activation function";
  let description = [{
    result = activation(x): silu(x) = x / (1 + exp(-x)); gelu(x) = x/2 * (1 +
    erf(x / sqrt(2))); gelu_tanh, its approximation by tanh (Hendrycks and Gimpel,
    arXiv:1606.08415); relu(x) = max(x, 0); relu_squared(x) = relu(x)^2 (So et al.,
    arXiv:2109.08668).

    Constraints:
    - (C1) x and init are [R, N] of f32, of the same shape.

    ```mlir
    %y = xf.activation gelu_tanh ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins XF_Rows2D:$x, XF_Rows2D:$init, XF_ActivationAttr:$activation);
  let assemblyFormat = [{
    $activation `ins` `(` $x `:` type($x) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict (`->` type($results)^)?
  }];
}

def XF_ScaleOp : XF_DestinationOp<"scale"> {
  let summary = "multiplies by a constant";
  let description = [{
    result = x * factor; with `accumulate`, init + x * factor.

    Constraints:
    - (C1) x and init are [R, N] of f32, of the same shape;
    - (C2) factor is finite.

    ```mlir
    %y = xf.scale ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) {factor = 8.0 : f32} -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins XF_Rows2D:$x, XF_Rows2D:$init, F32Attr:$factor,
                       UnitAttr:$accumulate);
  let assemblyFormat = [{
    `ins` `(` $x `:` type($x) `)` `outs` `(` $init `:` type($init) `)` attr-dict
    (`->` type($results)^)?
  }];
}

def XF_SoftCapOp : XF_DestinationOp<"soft_cap"> {
  let summary = "keeps values between -cap and cap";
  let description = [{
    result = cap * tanh(x / cap) (Gemma 2, arXiv:2408.00118).

    Constraints:
    - (C1) x and init are [R, N] of f32, of the same shape;
    - (C2) cap is finite and positive.

    ```mlir
    %y = xf.soft_cap ins(%x : tensor<?x64xf32>) outs(%i : tensor<?x64xf32>) {cap = 30.0 : f32} -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins XF_Rows2D:$x, XF_Rows2D:$init, F32Attr:$cap);
  let assemblyFormat = [{
    `ins` `(` $x `:` type($x) `)` `outs` `(` $init `:` type($init) `)` attr-dict
    (`->` type($results)^)?
  }];
}
