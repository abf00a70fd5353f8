//===- XFComputeOps.td - What a layer computes -------------*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by XFOps.td. Shapes: R rows, N and K features, all static but R.

/// An op that writes its one result to `init` and can be split into tiles.
class XF_DestinationOp<string mnemonic, list<Trait> traits = []>
    : XF_Op<mnemonic, traits # [
        DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        DeclareOpInterfaceMethods<TilingInterface, [
          "getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
          "getResultTilePosition", "generateResultTileValue",
          "getIterationDomainTileFromResultTile"]>]> {
  let results = (outs Variadic<AnyRankedTensor>:$results);
  code destinationDecls = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
  let extraClassDeclaration = destinationDecls;
  let hasVerifier = 1;
}

def XF_EmbeddingOp : XF_DestinationOp<"embedding"> {
  let summary = "looks up the embedding of each row's token";
  let description = [{
    result[r] = table[token of row r], decoded to float32.

    Constraints:
    - (C1) the table is a weight matrix [V, N], plain or in panels;
    - (C2) init is [R, N] of f32.

    ```mlir
    %x = xf.embedding ins(%rows, %t : tensor<420x64xf32>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins XF_RowsType:$rows, XF_Encoded:$table, XF_Rows2D:$init);
  let assemblyFormat = [{
    `ins` `(` $rows `,` $table `:` type($table) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict (`->` type($results)^)?
  }];
}

def XF_PositionEmbeddingOp : XF_DestinationOp<"position_embedding"> {
  let summary = "adds the learned embedding of each row's position";
  let description = [{
    result[r] = init[r] + table[position of row r + offset], decoded to float32. A
    model with such a table has no more positions than it has entries from `offset`
    on: that is `max_positions` of its card.

    Constraints:
    - (C1) the table is a weight matrix [P, N], plain or in panels;
    - (C2) init is [R, N] of f32;
    - (C3) offset is not negative and below P, where P is known.

    ```mlir
    %y = xf.position_embedding ins(%rows, %t : tensor<66x64xf32>) outs(%x : tensor<?x64xf32>)
           {offset = 2 : i64} -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins XF_RowsType:$rows, XF_Encoded:$table, XF_Rows2D:$init,
                       I64Attr:$offset);
  let assemblyFormat = [{
    `ins` `(` $rows `,` $table `:` type($table) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict (`->` type($results)^)?
  }];
}

def XF_LinearOp : XF_DestinationOp<"linear"> {
  let summary = "multiplies rows by the transpose of a weight matrix";
  let description = [{
    result[r, n] = sum over k of x[r, k] * weight[n, k], then + bias[n], then, with
    `accumulate`, + init[r, n]. The order of the sum is the module's `xf.order`.

    Constraints:
    - (C1) the weight is a matrix [N, K]: a float tensor, or panels whose columns
      and groups cover it;
    - (C2) x is [R, K] of f32 or bf16, or [R, K/32] of a8 panels;
    - (C3) quantised rows (a8) need a weight in blocks of 32 (q8_0, q4_0, q4_1),
      rounded rows (bf16) one of bf16;
    - (C4) the bias, if any, is f32 [N];
    - (C5) init is [R, N] of f32 with the R of x.

    ```mlir
    %y = xf.linear ins(%x, %w : tensor<?x64xf32>, tensor<176x64xf32>)
                   outs(%i : tensor<?x176xf32>) -> tensor<?x176xf32>
    ```
  }];
  let arguments = (ins XF_Encoded:$x, XF_Encoded:$weight, Optional<XF_Encoded>:$bias,
                       XF_Rows2D:$init, UnitAttr:$accumulate);
  let assemblyFormat = [{
    `ins` `(` $x `,` $weight `:` type($x) `,` type($weight) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
}

def XF_LogitsOp : XF_DestinationOp<"logits"> {
  let summary = "projects rows onto the vocabulary";
  let description = [{
    As `xf.linear` without residual; the rows are those whose logits are wanted. The
    end of a step, where no `xf.scale` or `xf.soft_cap` follows.

    Constraints:
    - (C1) to (C3) as (C1) to (C3) of `xf.linear`;
    - (C4) init is [R, N] of f32 with the R of x;
    - (C5) the bias, if any, is f32 [N].
  }];
  let arguments = (ins XF_Encoded:$x, XF_Encoded:$weight, Optional<XF_Encoded>:$bias,
                       XF_Rows2D:$init);
  let assemblyFormat = [{
    `ins` `(` $x `,` $weight `:` type($x) `,` type($weight) `)`
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
}

def XF_QuantizeActivationsOp : XF_DestinationOp<"quantize_activations"> {
  let summary = "rounds rows to integer codes in groups of 32";
  let description = [{
    For each row and 32 consecutive k: codes q, a scale d and the sum of q. Codes have
    8 bits, those of the run of four with the largest element 15, and d is that of the
    other 28; see `docs/numerics.md`. A group with a value that is not finite gets
    d = NaN.

    Constraints:
    - (C1) x is [R, K] of f32, K a multiple of 32;
    - (C2) init is [R, K/32] of `!xf.panel<1 x 32, a8>`.
  }];
  let arguments = (ins XF_Rows2D:$x, XF_Encoded:$init);
  let assemblyFormat = [{
    `ins` `(` $x `:` type($x) `)` `outs` `(` $init `:` type($init) `)` attr-dict
    (`->` type($results)^)?
  }];
}

def XF_RopeOp : XF_DestinationOp<"rope",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "rotates the heads of each row by its position";
  let description = [{
    Rotary position embedding in half-split form (Su et al., arXiv:2104.09864): in
    each head of `head_dim` elements, with D = 2 * number of frequencies, elements j
    and j + D/2 (j < D/2) are rotated by position * frequencies[j]; elements beyond D
    are copied.

    Constraints:
    - (C1) x and init are [R, N] of f32, of the same shape, N a multiple of head_dim
      where it is static;
    - (C2) the table is an `xf.rope_table` with at most head_dim / 2 frequencies.
  }];
  let arguments = (ins XF_RowsType:$rows, XF_Rows2D:$x, XF_Rows2D:$init,
                       FlatSymbolRefAttr:$table, I64Attr:$head_dim);
  let assemblyFormat = [{
    $table `ins` `(` $rows `,` $x `:` type($x) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict (`->` type($results)^)?
  }];
}

def XF_AttentionOp : XF_DestinationOp<"attention",
    [DeclareOpInterfaceMethods<PartialReductionOpInterface, [
      "generateInitialTensorForPartialReduction", "tileToPartialReduction",
      "mergeReductions", "getPartialResultTilePosition"]>]> {
  let summary = "attends to the visible keys and values of the cache";
  let description = [{
    For each row and query head h: softmax over the visible positions of
    q . key * scale, times the values; key/value head h / `group` (grouped-query
    attention, Ainslie et al., arXiv:2305.13245). Keys are summed in blocks of 64
    absolute positions, which are merged in ascending order: see `docs/numerics.md`.
    `first_head` is the number of the first query head in q (a tile of heads).

    It can be tiled along rows, features and blocks of positions, the last by upstream's
    interface of partial reductions: `xf.attention_partials`, then
    `xf.attention_merge`. Each block has a place of its own among the partial results,
    whatever the tiles, so that the merge is the same chain.

    - `window` = W: a row at position p sees the positions from p - W + 1 to p of its
      path (all from 0 on without it);
    - `soft_cap` = C: each score s becomes C * tanh(s / C) (Gemma 2,
      arXiv:2408.00118);
    - `alibi`: slope of query head h of the model * (key's position - p) is added to
      each score (Press et al., arXiv:2108.12409).

    Constraints:
    - (C1) q is [R, N] of f32 or bf16 and init of f32, of the same shape, N a
      multiple of the cache's dim where it is static;
    - (C2) group is positive, and first head + heads is at most group * heads of the
      cache where it is known;
    - (C3) scale is finite and positive;
    - (C4) the layer is one of the cache's where it is known: a constant, or an
      argument of a region of `xf.repeat`;
    - (C5) the window, if any, is positive;
    - (C6) soft_cap, if any, is finite and positive;
    - (C7) alibi, if any, has one finite slope for each of the group * heads query
      heads.
  }];
  let arguments = (ins XF_RowsType:$rows, XF_KVCacheType:$cache, Index:$layer,
                       Index:$first_head, XF_Rounded2D:$q, XF_Rows2D:$init,
                       I64Attr:$group, F32Attr:$scale,
                       OptionalAttr<I64Attr>:$window, OptionalAttr<F32Attr>:$soft_cap,
                       OptionalAttr<DenseF32ArrayAttr>:$alibi);
  let assemblyFormat = [{
    $cache `[` $layer `]` `heads` `from` $first_head `ins` `(` $rows `,` $q `:` type($q) `)`
    `outs` `(` $init `:` type($init) `)` (`alibi` custom<ExactFloats>($alibi)^)? attr-dict `:`
    qualified(type($cache)) (`->` type($results)^)?
  }];
}

def XF_KVAppendOp : XF_Op<"kv_append", [
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<TilingInterface, [
      "getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation",
      "getResultTilePosition"]>]> {
  let summary = "puts the keys or values of the rows into the cache";
  let description = [{
    Row r's heads go to cache row past + index of r in its slot, rounded once to the
    cache's element type; padding rows write nothing. In a tile the op has no
    result: it then writes to the cache of the phase around it. `first_head` is the
    number of the first key/value head in x.

    Constraints:
    - (C1) x is [R, N] of f32, N a multiple of the cache's dim where it is static;
    - (C2) first head + heads is at most the cache's heads where it is known;
    - (C3) the result, if any, has the cache's type;
    - (C4) the layer is one of the cache's where it is known: a constant, or an
      argument of a region of `xf.repeat`.
  }];
  let arguments = (ins XF_CachePartAttr:$part, XF_RowsType:$rows, XF_KVCacheType:$cache,
                       Index:$layer, Index:$first_head, XF_Rows2D:$x);
  let results = (outs Optional<XF_KVCacheType>:$result);
  let assemblyFormat = [{
    $part $cache `[` $layer `]` `heads` `from` $first_head `ins` `(` $rows `,` $x `:` type($x) `)`
    attr-dict `:` qualified(type($cache)) (`->` qualified(type($result))^)?
  }];
  let hasVerifier = 1;
}

def XF_KVCommitOp : XF_Op<"kv_commit"> {
  let summary = "keeps the path of a tree that was accepted";
  let description = [{
    Cache row past + i takes what cache row past + path[i] holds, ascending i, in
    every layer. On a chain nothing moves: committing only advances the length, which
    is the caller's.

    Constraints:
    - (C1) the path is of rank 1 and of i32 (a memref after bufferisation);
    - (C2) the result has the cache's type.
  }];
  let arguments = (ins XF_KVCacheType:$cache, Index:$past,
                       AnyTypeOf<[1DTensorOf<[I32]>, MemRefRankOf<[I32], [1]>]>:$path);
  let results = (outs XF_KVCacheType:$result);
  let assemblyFormat = [{
    $cache `from` $past `path` `(` $path `:` type($path) `)` attr-dict `:` qualified(type($cache)) `->` qualified(type($result))
  }];
  let hasVerifier = 1;
}

def XF_SelectRowsOp : XF_DestinationOp<"select_rows"> {
  let summary = "keeps the rows whose logits are wanted";
  let description = [{
    Constraints:
    - (C1) x is [R, K] and init [W, K] of f32, W the number of wanted rows.
  }];
  let arguments = (ins XF_RowsType:$rows, XF_Rows2D:$x, XF_Rows2D:$init);
  let assemblyFormat = [{
    `ins` `(` $rows `,` $x `:` type($x) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict (`->` type($results)^)?
  }];
}

def XF_TapOp : XF_Op<"tap", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "shows the residual stream to the caller";
  let description = [{
    Where the caller wants hidden states, state `index` becomes x: 0 enters the first
    layer, i leaves layer i - 1, before the final norm.

    Constraints:
    - (C1) x is [R, K] of f32.
  }];
  let arguments = (ins XF_RowsType:$rows, Index:$index, XF_Rows2D:$x);
  let assemblyFormat = "`[` $index `]` `ins` `(` $rows `,` $x `:` type($x) `)` attr-dict";
  let hasVerifier = 1;
}
