//===- XFStructureOps.td - Weights, rows and depth ---------*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by XFOps.td.

def XF_WeightOp : XF_Op<"weight", [Symbol]> {
  let summary = "declares a weight: which checkpoint tensors, and what is done to them";
  let description = [{
    A recipe, evaluated tensor by tensor when weights are packed; the data never
    enter the IR. `sources` are name patterns in which `{i}` stands for the layer;
    the tensors of several sources are concatenated along their first dimension,
    after `recipe` was applied to each. `layers` lists the layers that share the
    weight, in the order in which `xf.weight_ref` counts them; without it the weight
    does not belong to a layer.

    A type of rank 3 holds the matrices of experts. `{e}` stands for the expert; a
    source without it is a tensor of rank 3 that holds all of them. Recipe and
    concatenation are those of each expert's matrix.

    Constraints:
    - (C1) there is at least one source, and none is empty;
    - (C2) with `layers`, every source contains `{i}`; without, none does;
    - (C3) the layers ascend strictly and are not negative;
    - (C4) the type is a static tensor of rank 1, 2 or 3;
    - (C5) `{e}` stands in all sources or in none, and only where the rank is 3.

    ```mlir
    xf.weight @k_proj from ["model.layers.{i}.self_attn.k_proj.weight"] layers [0, 1]
      {recipe = [#xf.recipe<unpermute_heads, 3>]} : tensor<192x18x!xf.panel<1 x 32, q4_1>>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$sources,
                       OptionalAttr<DenseI32ArrayAttr>:$layers,
                       OptionalAttr<TypedArrayAttrBase<XF_RecipeStepAttr, "recipe">>:$recipe,
                       TypeAttrOf<AnyRankedTensor>:$type);
  let assemblyFormat = [{
    $sym_name `from` $sources (`layers` $layers^)? attr-dict `:` $type
  }];
  let hasVerifier = 1;
}

def XF_RopeTableOp : XF_Op<"rope_table", [Symbol]> {
  let summary = "declares the frequencies of a rotary position embedding";
  let description = [{
    `frequencies[i]` is the float32 angle per position of the i-th rotated pair,
    with the scaling of the model (linear, llama3, yarn) already in it; cosines and
    sines are multiplied by `factor` (the attention factor of yarn and longrope).

    With `beyond P` these hold for a model that is opened for a context of at most P
    tokens. For a larger one count either the listed frequencies (longrope) or those
    that follow from `dynamic_theta`, `dynamic_factor` and the context (dynamic): see
    `docs/numerics.md`. They are chosen once, when the model is opened.

    Constraints:
    - (C1) there is at least one frequency, and all are finite and not negative;
    - (C2) the factor is finite and positive;
    - (C3) with `beyond`, P is positive, and there are either frequencies, as many,
      finite and not negative, or `dynamic_theta` > 1 and `dynamic_factor` > 0, both
      finite, and at least two frequencies; without, neither.

    ```mlir
    xf.rope_table @rope [1.0, 0.5] factor 1.1 beyond 4096 [0.9, 0.1]
    xf.rope_table @other [1.0, 0.01] factor 1.0 beyond 2048
      {dynamic_factor = 2.0 : f64, dynamic_theta = 1.0e4 : f64}
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DenseF32ArrayAttr:$frequencies,
                       F32Attr:$factor, OptionalAttr<I64Attr>:$switch_position,
                       OptionalAttr<DenseF32ArrayAttr>:$long_frequencies,
                       OptionalAttr<F64Attr>:$dynamic_theta,
                       OptionalAttr<F64Attr>:$dynamic_factor);
  let assemblyFormat = [{
    $sym_name custom<ExactFloats>($frequencies) `factor` $factor
    (`beyond` $switch_position^ custom<OptionalExactFloats>($long_frequencies))?
    attr-dict
  }];
  let hasVerifier = 1;
}

def XF_WeightRefOp : XF_Op<"weight_ref",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "makes a value of a weight";
  let description = [{
    Constraints:
    - (C1) the symbol is an `xf.weight` of the result's type (a memref of the same
      shape and element type after bufferisation);
    - (C2) an index is given exactly when the weight has layers; it counts the
      weight's own layers from 0;
    - (C3) the index is one of the weight's layers where it is known: a constant, or
      an argument of a region of `xf.repeat`.
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight, Optional<Index>:$layer);
  let results = (outs XF_Encoded:$result);
  let assemblyFormat = "$weight (`[` $layer^ `]`)? attr-dict `:` type($result)";
}

def XF_DecodeWeightOp : XF_Op<"decode_weight", [Pure]> {
  let summary = "makes a weight matrix one of bf16";
  let description = [{
    Each element is decoded to float32 as its encoding says (blocks: q * d, and + m)
    and rounded once to bf16, to nearest even. On the accelerator the transfer from
    memory does it.

    Constraints:
    - (C1) the weight is a matrix [N, K]: a float tensor, or weight panels;
    - (C2) the result is a matrix of bf16, plain or in panels, of the same K and,
      where a panel has one column on both sides, of the same N; else N fills as
      many panels of the result as it has.

    ```mlir
    %w = xf.decode_weight %q : tensor<72x2x!xf.panel<1 x 32, q4_0>> -> tensor<72x64xbf16>
    ```
  }];
  let arguments = (ins XF_Encoded:$weight);
  let results = (outs XF_Encoded:$result);
  let assemblyFormat = "$weight attr-dict `:` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def XF_RowsCountOp : XF_Op<"rows_count", [Pure]> {
  let summary = "the number of rows";
  let description = [{
    Bounded by the attribute `xf.max_rows` of the function, where it has one.
  }];
  let arguments = (ins XF_RowsType:$rows);
  let results = (outs Index:$result);
  let assemblyFormat = "$rows attr-dict";
}

def XF_WantedCountOp : XF_Op<"wanted_count", [Pure]> {
  let summary = "the number of rows whose logits are wanted";
  let description = [{At most the number of rows.}];
  let arguments = (ins XF_RowsType:$rows);
  let results = (outs Index:$result);
  let assemblyFormat = "$rows attr-dict";
}

def XF_RowsSliceOp : XF_Op<"rows_slice", [Pure]> {
  let summary = "a run of rows of a call";
  let description = [{
    Rows `offset` .. `offset + size - 1`; positions, parents and cache rows stay what
    they are in the whole call. What an op on a tile of rows reads.
  }];
  let arguments = (ins XF_RowsType:$rows, Index:$offset, Index:$size);
  let results = (outs XF_RowsType:$result);
  let assemblyFormat = "$rows `[` $offset `]` `[` $size `]` attr-dict";
}

def XF_RepeatOp : XF_Op<"repeat",
    [RecursiveMemoryEffects, SingleBlock]> {
  let summary = "the layers of a model";
  let description = [{
    Runs layer 0, 1, ... `kinds.size() - 1`; layer l executes region `kinds[l]`. A
    *kind* is a distinct combination of structure, weight encodings and cache
    layout. A region's arguments are the layer, its number among the layers of its
    kind (what `xf.weight_ref` takes), and the values carried from layer to layer.

    Constraints:
    - (C1) there is at least one layer and one region;
    - (C2) every kind names a region, and every region is named;
    - (C3) each region has arguments index, index and one for each carried value, of
      the same type; it yields those types, which are the results';
    - (C4) a kind's number is new (first met in ascending order).

    ```mlir
    %y, %c1 = xf.repeat kinds [0, 0, 0] iter(%x, %c : tensor<?x64xf32>, !xf.kv_cache<...>) {
    ^bb0(%layer: index, %i: index, %h: tensor<?x64xf32>, %kv: !xf.kv_cache<...>):
      ...
      xf.yield %h2, %kv2 : tensor<?x64xf32>, !xf.kv_cache<...>
    } -> tensor<?x64xf32>, !xf.kv_cache<...>
    ```
  }];
  let arguments = (ins DenseI32ArrayAttr:$kinds, Variadic<AnyType>:$inits);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region VariadicRegion<SizedRegion<1>>:$bodies);
  let assemblyFormat = [{
    `kinds` $kinds `iter` `(` $inits `:` type($inits) `)` $bodies attr-dict
    `->` type($results)
  }];
  let hasVerifier = 1;
}

def XF_YieldOp : XF_Op<"yield", [Pure, ReturnLike, Terminator,
                                 ParentOneOf<["RepeatOp"]>]> {
  let summary = "hands values to the next layer";
  let description = [{The terminator of the regions of `xf.repeat`.}];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
}
