//===- ExpertCalls.cpp - Mixtures of experts as calls -----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelPattern.h"

using namespace mlir;

namespace espalier::cpu {
namespace {

struct LowerRouter : KernelPattern<xf::RouterOp> {
  using KernelPattern::KernelPattern;
  LogicalResult
  matchAndRewrite(xf::RouterOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    FailureOr<Rows> scores =
        rows(op, op.getScores(), adaptor.getScores(), emit);
    FailureOr<Rows> ids = rows(op, op.getIds(), adaptor.getIds(), emit);
    FailureOr<Rows> weights = rows(op, op.getInit(), adaptor.getInit(), emit);
    if (failed(scores) || failed(ids) || failed(weights))
      return failure();
    return call(op, {Kernel::Router},
                {scores->pointer, scores->stride, ids->pointer, ids->stride,
                 weights->pointer, weights->stride, scores->rows,
                 scores->columns, ids->columns, emit.i64(op.getRenormalize())},
                rewriter);
  }
};

struct LowerGroupedLinear : KernelPattern<xf::GroupedLinearOp> {
  using KernelPattern::KernelPattern;

  LogicalResult
  matchAndRewrite(xf::GroupedLinearOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    FailureOr<xf::PanelType> panel = panels(op, op.getWeight());
    if (failed(panel))
      return failure();
    FailureOr<Rows> x = rows(op, op.getX(), adaptor.getX(), emit);
    FailureOr<Rows> ids = rows(op, op.getIds(), adaptor.getIds(), emit);
    FailureOr<Rows> out = rows(op, op.getInit(), adaptor.getInit(), emit);
    if (failed(x) || failed(ids) || failed(out))
      return failure();
    Value null = LLVM::ZeroOp::create(rewriter, op.getLoc(), emit.ptr());
    FailureOr<Rows> combine = Rows{null, emit.i64(0), Value(), Value()};
    if (op.getCombine())
      combine = rows(op, op.getCombine(), adaptor.getCombine(), emit);
    FailureOr<Memory> weight =
        memory(op, op.getWeight(), adaptor.getWeight(), 3, emit);
    FailureOr<Value> workspace = scratch(op, emit);
    if (failed(combine) || failed(weight) || failed(workspace))
      return failure();
    return call(op, productKey(Kernel::GroupedLinear, *panel, op.getX()),
                {x->pointer, x->stride, ids->pointer, ids->stride,
                 combine->pointer, combine->stride, weight->pointer(),
                 weight->stride(1), weight->stride(0), out->pointer,
                 out->stride, ids->rows, ids->columns, out->columns,
                 weight->size(2), weight->size(0), emit.i64(op.getAccumulate()),
                 *workspace},
                rewriter);
  }
};

} // namespace

void populateExpertCallPatterns(const LLVMTypeConverter &converter,
                                RewritePatternSet &patterns) {
  patterns.add<LowerGroupedLinear, LowerRouter>(converter);
}

} // namespace espalier::cpu
