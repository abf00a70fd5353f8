//===- Passes.td - xf to xf -------------------------------*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef ESPALIER_TRANSFORMS_PASSES
#define ESPALIER_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def QuantizeActivations : Pass<"xf-quantize-activations", "::mlir::ModuleOp"> {
  let summary = "quantise the activations that meet quantised weights";
  let description = [{
    In front of every `xf.linear` and `xf.logits` whose weight is q8_0, q4_0 or
    q4_1 the rows are rounded to 8-bit codes in groups of 32, so that the product
    is one of integers. Operations that read the same rows in one block share the
    codes. Float weights are left alone, and so is attention.

    Which operations change depends on the types of the weights alone, never on
    the machine. The error that the rounding makes is bounded in entry 7 of
    `docs/numerics.md`. With `activations=f32` nothing changes. Runs before
    `xf-pack-weights` or after it; running it twice is running it once.

    ```mlir
    %q = xf.linear ins(%x, %wq : tensor<?x64xf32>, tensor<64x2x!xf.panel<1 x 32, q4_0>>) ...
    %k = xf.linear ins(%x, %wk : tensor<?x64xf32>, tensor<32x2x!xf.panel<1 x 32, q4_0>>) ...
    ```
    becomes
    ```mlir
    %e = tensor.empty(%rows) : tensor<?x2x!xf.panel<1 x 32, a8>>
    %a = xf.quantize_activations ins(%x : tensor<?x64xf32>) outs(%e : ...) -> ...
    %q = xf.linear ins(%a, %wq : tensor<?x2x!xf.panel<1 x 32, a8>>, ...) ...
    %k = xf.linear ins(%a, %wk : tensor<?x2x!xf.panel<1 x 32, a8>>, ...) ...
    ```

    Fails where `activations` is neither `auto` nor `f32`.
  }];
  let options = [
    Option<"activations", "activations", "std::string", /*default=*/"\"auto\"",
           "auto: quantise for quantised weights; f32: never">
  ];
  let statistics = [
    Statistic<"quantised", "quantised", "Values whose rows are quantised">,
    Statistic<"products", "products", "Products of integers">
  ];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def RoundForArray : Pass<"xf-round-for-array", "::mlir::ModuleOp"> {
  let summary = "round to bf16 what the accelerator's array multiplies";
  let description = [{
    Sets the module's order to `#xf.order<systolic, 1, rows R>` and makes what it
    rounds visible: the rows that `xf.linear`, `xf.logits` and `xf.attention` read
    go through `xf.round`, their weight matrices and those of embeddings that are
    not bf16 already through `xf.decode_weight`. Operations that read the same value
    in one block share what it is rounded to. Vectors (norms, biases) stay float32.
    `docs/numerics.md` has the order's definition.

    ```mlir
    %y = xf.linear ins(%x, %w : tensor<?x64xf32>, tensor<72x2x!xf.panel<1 x 32, q4_0>>) ...
    ```
    becomes
    ```mlir
    %b = xf.decode_weight %w : tensor<72x2x!xf.panel<1 x 32, q4_0>> -> tensor<72x64xbf16>
    %e = tensor.empty(%rows) : tensor<?x64xbf16>
    %r = xf.round ins(%x : tensor<?x64xf32>) outs(%e : tensor<?x64xbf16>) -> tensor<?x64xbf16>
    %y = xf.linear ins(%r, %b : tensor<?x64xbf16>, tensor<72x64xbf16>) ...
    ```

    Fails where `rows` is not 1 to 65536, where a cache that attention reads is not of
    bf16 (`xf-select-kv-layout` sees to it), on an op that this order does not define
    (quantised activations, experts, attention in two steps), and on a module in the
    order `fast`.
  }];
  let options = [
    Option<"rows", "rows", "unsigned", /*default=*/"128",
           "rows of the array: the products of one chain">
  ];
  let statistics = [
    Statistic<"values", "values", "Values whose rows are rounded">,
    Statistic<"weights", "weights", "Weight matrices that are decoded">
  ];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def SelectKVLayout : Pass<"xf-select-kv-layout", "::mlir::ModuleOp"> {
  let summary = "choose layout and element type of the KV cache";
  let description = [{
    Every `!xf.kv_cache` whose layout is `unassigned` gets `layout`: `tiles16`, which
    the CPU's kernels read, or `rows`, which the accelerator's transfers read. Where
    `element-type` is given, it gets that element type. Changing the element type changes the results (`docs/numerics.md`, entry
    10: one rounding at append); changing the layout does not.

    ```mlir
    func.func @step(%c: !xf.kv_cache<2 x 2 x 16, f16, unassigned>, ...)
    ```
    becomes, with `element-type=bf16`,
    ```mlir
    func.func @step(%c: !xf.kv_cache<2 x 2 x 16, bf16, tiles16>, ...)
    ```

    Fails where `element-type` is not f32, f16 or bf16, where `layout` is neither
    `tiles16` nor `rows`, and where a cache that has a layout already is of another
    element type.
  }];
  let options = [
    Option<"elementType", "element-type", "std::string", /*default=*/"\"\"",
           "f32, f16 or bf16; empty: as it is">,
    Option<"layout", "layout", "std::string", /*default=*/"\"tiles16\"",
           "tiles16 or rows">
  ];
  let statistics = [
    Statistic<"changed", "changed", "Cache types that were changed">
  ];
}

def PackWeights : Pass<"xf-pack-weights", "::mlir::ModuleOp"> {
  let summary = "give weight matrices the layout of the CPU's kernels";
  let description = [{
    The type of every weight matrix becomes one of panels of 16 columns (rows of
    the checkpoint's [N, K]), as `espalier/Support/Encodings.h` lays them out:
    blocks of 32 keep their group, floats get the largest of 32, 16, 8, 4, 2, 1
    that divides K. N is rounded up to whole panels and is no longer visible in
    the type: operations take it from their destination. Vectors stay as they are.
    The references follow. Only types change here; the bytes are made when the
    weights are packed.

    ```mlir
    xf.weight @q from ["blk.{i}.attn_q.weight"] layers [0, 1] : tensor<72x2x!xf.panel<1 x 32, q4_0>>
    xf.weight @o from ["output.weight"] : tensor<420x48xbf16>
    ```
    becomes
    ```mlir
    xf.weight @q from ["blk.{i}.attn_q.weight"] layers [0, 1] : tensor<5x2x!xf.panel<16 x 32, q4_0>>
    xf.weight @o from ["output.weight"] : tensor<27x3x!xf.panel<16 x 16, bf16>>
    ```

    Fails where a matrix is of an element type that has no panels.
  }];
  let statistics = [
    Statistic<"matrices", "matrices", "Weight matrices that were packed">
  ];
}

#endif // ESPALIER_TRANSFORMS_PASSES
