//===- XFDialect.td - The transformer dialect --------------*- tablegen -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef XF_DIALECT
#define XF_DIALECT

include "mlir/IR/OpBase.td"

def XF_Dialect : Dialect {
  let name = "xf";
  let cppNamespace = "::espalier::xf";
  let summary = "What a transformer computes, in the field's own terms";
  let description = [{
    `xf` describes one *step* of a transformer: a call that takes some rows
    (tokens of sequences), reads and extends the KV cache and gives the logits of
    the rows that want them. Prefill is a step of many rows on a chain, decode a
    step of one row a sequence, verification a step whose rows form a tree.

    Activations are ranked tensors `rows x features` of `f32`, the number of rows
    dynamic. Ops are in destination-passing style: `outs(%init)` is what the
    result is written to, and, where the op has `accumulate`, added to. After
    bufferisation the same ops stand on memrefs and have no result. Rows, cache
    and weights have types of their own.

    Depth is a loop (`xf.repeat`), weights are recipes (`xf.weight`), caches are
    values, and the order of every sum is an attribute of the module (`xf.order`).
    Each op lists its constraints by number; verifier (`// linear_c2`) and tests
    (`@linear_c2`) cite the number. The meaning of each op to the last bit is the
    entry of the same name in `docs/numerics.md`.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerTypes();
    void registerOperations();
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

#endif // XF_DIALECT
