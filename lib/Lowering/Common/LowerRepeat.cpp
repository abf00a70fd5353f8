//===- LowerRepeat.cpp - The loop over layers becomes control flow --------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "espalier/Lowering/Passes.h"

using namespace mlir;

namespace espalier {
#define GEN_PASS_DEF_XFLOWERREPEAT
#include "espalier/Lowering/Passes.h.inc"

namespace {

/// Moves the only block of `body` to the insertion point with `arguments` for
/// its own; returns what it yields.
SmallVector<Value> inlineKind(RewriterBase &rewriter, Region &body, Block *into,
                              ValueRange arguments) {
  Operation *yield = body.front().getTerminator();
  SmallVector<Value> yielded(yield->getOperands());
  rewriter.inlineBlockBefore(&body.front(), into, into->end(), arguments);
  // Operands of the yield that were block arguments have been replaced.
  yielded.assign(yield->operand_begin(), yield->operand_end());
  rewriter.eraseOp(yield);
  return yielded;
}

/// table[layer] as index, from a constant.
Value lookUp(OpBuilder &builder, Location loc, ArrayRef<int64_t> table,
             Value layer) {
  auto type =
      RankedTensorType::get({int64_t(table.size())}, builder.getI64Type());
  Value constant = arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(type, table));
  Value entry = tensor::ExtractOp::create(builder, loc, constant, layer);
  return arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                    entry);
}

void lowerRepeat(RewriterBase &rewriter, xf::RepeatOp repeat) {
  Location loc = repeat.getLoc();
  rewriter.setInsertionPoint(repeat);
  ArrayRef<int32_t> kinds = repeat.getKinds();
  Value zero = arith::ConstantIndexOp::create(rewriter, loc, 0);
  Value one = arith::ConstantIndexOp::create(rewriter, loc, 1);
  Value layers = arith::ConstantIndexOp::create(rewriter, loc, kinds.size());
  auto loop =
      scf::ForOp::create(rewriter, loc, zero, layers, one, repeat.getInits());
  Block *body = loop.getBody();
  if (!body->empty())
    rewriter.eraseOp(body->getTerminator());
  Value layer = loop.getInductionVar();
  unsigned kindCount = repeat.getBodies().size();

  SmallVector<Value> yields;
  if (kindCount == 1) {
    SmallVector<Value> arguments = {layer, layer};
    llvm::append_range(arguments, loop.getRegionIterArgs());
    yields = inlineKind(rewriter, repeat.getBodies()[0], body, arguments);
  } else {
    SmallVector<int64_t> kindOf, numberOf, seen(kindCount, 0);
    for (int32_t kind : kinds) {
      kindOf.push_back(kind);
      numberOf.push_back(seen[kind]++);
    }
    rewriter.setInsertionPointToEnd(body);
    Value number = lookUp(rewriter, loc, numberOf, layer);
    Value kind = lookUp(rewriter, loc, kindOf, layer);
    SmallVector<int64_t> cases;
    for (unsigned k = 1; k < kindCount; ++k)
      cases.push_back(k);
    auto choice = scf::IndexSwitchOp::create(
        rewriter, loc, repeat.getResultTypes(), kind, cases, cases.size());
    SmallVector<Value> arguments = {layer, number};
    llvm::append_range(arguments, loop.getRegionIterArgs());
    for (unsigned k = 0; k < kindCount; ++k) {
      Region &region =
          k == 0 ? choice.getDefaultRegion() : choice.getCaseRegions()[k - 1];
      Block *block = rewriter.createBlock(&region);
      SmallVector<Value> result =
          inlineKind(rewriter, repeat.getBodies()[k], block, arguments);
      rewriter.setInsertionPointToEnd(block);
      scf::YieldOp::create(rewriter, loc, result);
    }
    llvm::append_range(yields, choice.getResults());
  }
  rewriter.setInsertionPointToEnd(body);
  scf::YieldOp::create(rewriter, loc, yields);
  rewriter.replaceOp(repeat, loop.getResults());
}

struct LowerRepeatPass : impl::XFLowerRepeatBase<LowerRepeatPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<xf::RepeatOp> repeats;
    getOperation().walk([&](xf::RepeatOp op) { repeats.push_back(op); });
    for (xf::RepeatOp repeat : repeats)
      lowerRepeat(rewriter, repeat);
  }
};

} // namespace
} // namespace espalier
