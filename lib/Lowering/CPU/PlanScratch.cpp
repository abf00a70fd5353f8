//===- PlanScratch.cpp - Memory that micro-kernels work in ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Lowering/Passes.h"

#include "Patterns.h"
#include "espalier/Dialect/XF/XF.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace espalier {
#define GEN_PASS_DEF_PLANSCRATCH
#include "espalier/Lowering/Passes.h.inc"

namespace {

/// The most rows that `op` is called with, which are those of `value`.
FailureOr<uint64_t> boundRows(Operation *op, Value value) {
  FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
      presburger::BoundType::UB, {value, 0}, nullptr, /*closedUB=*/true);
  std::optional<int64_t> most = xf::getMaxRows(op);
  if (failed(bound) && !most)
    return op->emitOpError("has an unbounded number of rows: give the function "
                           "the attribute 'xf.max_rows'");
  if (failed(bound))
    return uint64_t(*most);
  return uint64_t(most ? std::min(*bound, *most) : *bound);
}

/// What the kernel of each op needs.
FailureOr<uint64_t> scratchOf(xf::AttentionOp op) {
  auto type = dyn_cast<MemRefType>(op.getInit().getType());
  if (!type || type.isDynamicDim(1))
    return op.emitOpError("needs a static number of heads in memory");
  FailureOr<uint64_t> rows = boundRows(op, op.getQ());
  if (failed(rows))
    return failure();
  int64_t dim = op.getCache().getType().getDim();
  return cpu::attentionScratchBytes(
      unsigned(*rows), unsigned(type.getDimSize(1) / dim), unsigned(dim));
}

FailureOr<uint64_t> scratchOf(xf::AttentionPartialsOp op) {
  // The states are the partial results.
  return cpu::attentionScratchBytes(0, 0,
                                    unsigned(op.getCache().getType().getDim()));
}

FailureOr<uint64_t> scratchOf(xf::GroupedLinearOp op) {
  FailureOr<uint64_t> rows = boundRows(op, op.getIds());
  if (failed(rows))
    return failure();
  int64_t choices = cast<ShapedType>(op.getIds().getType()).getDimSize(1);
  int64_t experts = xf::getEncodedExperts(op.getWeight().getType())->experts;
  return cpu::expertScratchBytes(*rows, uint64_t(choices), uint64_t(experts));
}

LogicalResult planFunction(func::FuncOp function) {
  uint64_t begin = 0, bytes = 0;
  if (auto attr =
          function->getAttrOfType<IntegerAttr>(cpu::privateBytesAttrName))
    begin = llvm::alignTo(uint64_t(attr.getInt()), 64);
  Builder b(function.getContext());
  auto place = [&](auto op) {
    FailureOr<uint64_t> needed = scratchOf(op);
    if (failed(needed))
      return WalkResult::interrupt();
    bytes = std::max(bytes, *needed);
    op->setAttr(cpu::scratchAttrName, b.getI64IntegerAttr(int64_t(begin)));
    return WalkResult::advance();
  };
  WalkResult result = function.walk([&](Operation *op) {
    return llvm::TypeSwitch<Operation *, WalkResult>(op)
        .Case<xf::AttentionOp, xf::AttentionPartialsOp, xf::GroupedLinearOp>(
            place)
        .Default(WalkResult::advance());
  });
  if (result.wasInterrupted())
    return failure();
  if (bytes != 0)
    function->setAttr(
        cpu::privateBytesAttrName,
        b.getI64IntegerAttr(int64_t(begin + llvm::alignTo(bytes, 64))));
  return success();
}

struct PlanScratch : impl::PlanScratchBase<PlanScratch> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (failed(planFunction(function)))
        return signalPassFailure();
  }
};

} // namespace
} // namespace espalier
