//===- XFSplitAttentionOps.td - Attention in two steps -----*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by XFOps.td. What `xf.attention` becomes when it is split along the
// positions.

// What blocks contribute, as XF_Rows2D.
def XF_Partials3D : AnyTypeOf<[RankedTensorOf<[F32]>, MemRefOf<[F32]>]>;

def XF_BlockCountOp : XF_Op<"block_count", [Pure]> {
  let summary = "the number of blocks of 64 positions that the call sees";
  let description = [{
    The largest position of the call's rows / 64, plus one; 0 where all rows are
    padding. Runs of rows have the number of their call. It has no bound: it grows
    with the context.
  }];
  let arguments = (ins XF_RowsType:$rows);
  let results = (outs Index:$result);
  let assemblyFormat = "$rows attr-dict";
}

def XF_AttentionPartialsOp : XF_DestinationOp<"attention_partials"> {
  let summary = "what blocks of 64 positions contribute to attention";
  let description = [{
    For each block b of `first_block`, `first_block` + 1, ..., row r and query head h
    that see a position of it: m_b, l_b and o_b of `docs/numerics.md`, attention, in
    the P = 16 + (dim rounded up to 16) elements of result[b - first block, r] from
    h * P on: m_b, l_b, 14 elements of no meaning, o_b. Where the row sees none of
    the block, and in padding rows, the elements have no meaning. The attributes are
    those of `xf.attention`.

    Constraints:
    - (C1) q is [R, N] of f32, N a multiple of the cache's dim where it is static;
    - (C2) to (C7) as (C2) to (C7) of `xf.attention`;
    - (C8) init is [B, R, N / dim * P] of f32 with the R of q.
  }];
  let arguments = (ins XF_RowsType:$rows, XF_KVCacheType:$cache, Index:$layer,
                       Index:$first_head, Index:$first_block, XF_Rows2D:$q,
                       XF_Partials3D:$init, I64Attr:$group, F32Attr:$scale,
                       OptionalAttr<I64Attr>:$window, OptionalAttr<F32Attr>:$soft_cap,
                       OptionalAttr<DenseF32ArrayAttr>:$alibi);
  let assemblyFormat = [{
    $cache `[` $layer `]` `heads` `from` $first_head `blocks` `from` $first_block
    `ins` `(` $rows `,` $q `:` type($q) `)` `outs` `(` $init `:` type($init) `)`
    (`alibi` custom<ExactFloats>($alibi)^)? attr-dict `:` qualified(type($cache))
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinationDecls # [{
    /// P: elements of one head in one block.
    static int64_t getStride(int64_t dim) { return 16 + (dim + 15) / 16 * 16; }
  }];
}

def XF_AttentionMergeOp : XF_DestinationOp<"attention_merge"> {
  let summary = "merges what all blocks contribute to attention";
  let description = [{
    One chain over the blocks that a row sees, ascending: see `docs/numerics.md`,
    attention. The partials are those of all blocks of the call, from block 0 on, as
    `xf.attention_partials` writes them. Padding rows give zeros.

    Constraints:
    - (C1) init is [R, N] of f32, N a multiple of head_dim where it is static;
    - (C2) the partials are [B, R, N / head_dim * P] of f32 with the R of init;
    - (C3) head_dim is positive, and the window, if any, too.
  }];
  let arguments = (ins XF_RowsType:$rows, XF_Partials3D:$partials, XF_Rows2D:$init,
                       I64Attr:$head_dim, OptionalAttr<I64Attr>:$window);
  let assemblyFormat = [{
    `ins` `(` $rows `,` $partials `:` type($partials) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
}
