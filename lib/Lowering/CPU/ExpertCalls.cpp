//===- ExpertCalls.cpp - Mixtures of experts as calls -----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelPattern.h"

#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "llvm/Support/MathExtras.h"

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

  /// Bytes from a dimension's element to the next, of the weight.
  Value stride(MemRefType type, MemRefDescriptor &memory, unsigned dim,
               Emit &emit) const {
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(type.getStridesAndOffset(strides, offset)))
      return {};
    Value count = ShapedType::isDynamic(strides[dim])
                      ? memory.stride(emit.b, emit.loc, dim)
                      : emit.i64(strides[dim]);
    return emit.mul(
        count, emit.i64(int64_t(panelOrElementBytes(type.getElementType()))));
  }

  LogicalResult
  matchAndRewrite(xf::GroupedLinearOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    auto scratch = op->getAttrOfType<IntegerAttr>(scratchAttrName);
    if (!scratch)
      return op.emitOpError("has no scratch memory (run "
                            "'xf-plan-attention-scratch' first)");
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
    auto type = cast<MemRefType>(op.getWeight().getType());
    MemRefDescriptor weight(adaptor.getWeight());
    Value panelStride = stride(type, weight, 1, emit);
    Value expertStride = stride(type, weight, 0, emit);
    if (failed(combine) || !panelStride || !expertStride)
      return failure();

    KernelKey key{Kernel::GroupedLinear};
    key.weights = panel->getEncoding();
    key.group = panel->getGroup();
    auto element = cast<MemRefType>(op.getX().getType()).getElementType();
    if (auto rowPanel = dyn_cast<xf::PanelType>(element))
      key.activations = rowPanel.getEncoding();
    return call(
        op, key,
        {x->pointer, x->stride, ids->pointer, ids->stride, combine->pointer,
         combine->stride,
         weight.bufferPtr(rewriter, op.getLoc(), *getTypeConverter(), type),
         panelStride, expertStride, out->pointer, out->stride, ids->rows,
         ids->columns, out->columns, emit.i64(type.getDimSize(2)),
         emit.i64(type.getDimSize(0)), emit.i64(op.getAccumulate()),
         emit.at(stepArgument(op, Scratch), scratch.getInt())},
        rewriter);
  }
};

} // namespace

void populateExpertCallPatterns(const LLVMTypeConverter &converter,
                                RewritePatternSet &patterns) {
  patterns.add<LowerGroupedLinear, LowerRouter>(converter);
}

LogicalResult planExpertScratch(func::FuncOp function) {
  constexpr llvm::StringLiteral privateBytes = "spmd.private_bytes";
  uint64_t begin = 0, bytes = 0;
  if (auto attr = function->getAttrOfType<IntegerAttr>(privateBytes))
    begin = llvm::alignTo(uint64_t(attr.getInt()), 64);
  Builder b(function.getContext());
  auto result = function.walk([&](xf::GroupedLinearOp op) {
    auto type = cast<ShapedType>(op.getIds().getType());
    FailureOr<int64_t> rows = ValueBoundsConstraintSet::computeConstantBound(
        presburger::BoundType::UB, {op.getIds(), 0}, nullptr,
        /*closedUB=*/true);
    std::optional<int64_t> most = xf::getMaxRows(function);
    if (failed(rows) && !most) {
      op.emitOpError("has an unbounded number of rows: give the function the "
                     "attribute 'xf.max_rows'");
      return WalkResult::interrupt();
    }
    uint64_t bound = uint64_t(failed(rows) ? *most
                              : most       ? std::min(*rows, *most)
                                           : *rows);
    auto weight = xf::getEncodedExperts(op.getWeight().getType());
    bytes =
        std::max(bytes, expertScratchBytes(bound, uint64_t(type.getDimSize(1)),
                                           uint64_t(weight->experts)));
    op->setAttr(scratchAttrName, b.getI64IntegerAttr(int64_t(begin)));
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  if (bytes != 0)
    function->setAttr(privateBytes, b.getI64IntegerAttr(int64_t(
                                        begin + llvm::alignTo(bytes, 64))));
  return success();
}

} // namespace espalier::cpu
