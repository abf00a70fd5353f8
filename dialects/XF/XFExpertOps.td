//===- XFExpertOps.td - Mixtures of experts ----------------*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Included by XFOps.td. Shapes: R rows, E experts, k chosen experts of a row. What
// the experts of a row make lies in k rows, one after the other: row r * k + j
// belongs to row r and its choice j.

def XF_Ids2D : AnyTypeOf<[RankedTensorOf<[I32]>, MemRefOf<[I32]>]>;

def XF_RouterOp : XF_DestinationOp<"router"> {
  let summary = "chooses the experts of each row";
  let description = [{
    ids[r] holds the k experts with the highest scores, in descending order, of equal
    ones the lower number first; weights[r] the softmax of the scores at these
    experts, over all experts, or, with `renormalize`, over the chosen ones (Shazeer
    et al., arXiv:1701.06538; Jiang et al., arXiv:2401.04088).

    Constraints:
    - (C1) scores are [R, E] of f32, 1 <= E <= 1024;
    - (C2) the destinations are [R, k], of i32 and of f32, with the R of scores and
      1 <= k <= E.

    ```mlir
    %i, %w = xf.router ins(%s : tensor<?x8xf32>) outs(%a, %b : tensor<?x2xi32>, tensor<?x2xf32>)
               {renormalize} -> tensor<?x2xi32>, tensor<?x2xf32>
    ```
  }];
  let arguments = (ins XF_Rows2D:$scores, XF_Ids2D:$ids, XF_Rows2D:$init,
                       UnitAttr:$renormalize);
  let assemblyFormat = [{
    `ins` `(` $scores `:` type($scores) `)`
    `outs` `(` $ids `,` $init `:` type($ids) `,` type($init) `)` attr-dict
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() {
      return ::mlir::MutableOperandRange(getOperation(), 1, 2);
    }
  }];
}

def XF_GroupedLinearOp : XF_DestinationOp<"grouped_linear"> {
  let summary = "multiplies rows by the matrices of the experts that were chosen";
  let description = [{
    Without `combine` each row goes to its k experts:

        result[r * k + j] = weight[ids[r, j]] * x[r]

    With it each of the k rows goes to its own expert, and the results are summed:

        result[r] = sum over j of combine[r, j] * (weight[ids[r, j]] * x[r * k + j])

    ascending j; with `accumulate`, + init[r]. Each product is that of `xf.linear`, so
    that it does not depend on which rows share an expert. The op can be cut along
    features only: an expert's rows may lie anywhere.

    Constraints:
    - (C1) the weight is E matrices, [E, N, K] of floats or in panels whose columns
      and groups cover each;
    - (C2) ids are [R, k] of i32, 1 <= k <= E;
    - (C3) combine, if any, is f32 [R, k];
    - (C4) x is [R, K] of f32, or [R, K/32] of a8 panels; with combine [R * k, ...];
    - (C5) quantised rows (a8) need a weight in blocks of 32 (q8_0, q4_0, q4_1);
    - (C6) init is [R * k, N] of f32; with combine [R, N];
    - (C7) `accumulate` needs combine.

    ```mlir
    %g = xf.grouped_linear ins(%x, %w : tensor<?x64xf32>, tensor<8x96x64xbf16>)
           experts(%i : tensor<?x2xi32>) outs(%e : tensor<?x96xf32>) -> tensor<?x96xf32>
    %y = xf.grouped_linear ins(%g, %d : tensor<?x96xf32>, tensor<8x64x96xbf16>)
           experts(%i : tensor<?x2xi32>) combine(%p : tensor<?x2xf32>)
           outs(%x : tensor<?x64xf32>) {accumulate} -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins XF_Encoded:$x, XF_Encoded:$weight, XF_Ids2D:$ids,
                       Optional<XF_Rows2D>:$combine, XF_Rows2D:$init,
                       UnitAttr:$accumulate);
  let assemblyFormat = [{
    `ins` `(` $x `,` $weight `:` type($x) `,` type($weight) `)`
    `experts` `(` $ids `:` type($ids) `)`
    (`combine` `(` $combine^ `:` type($combine) `)`)?
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?
  }];
}
