//===- PlanAttentionScratch.cpp - Memory that attention works in *- C++ -*-===//
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
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace espalier {
#define GEN_PASS_DEF_PLANATTENTIONSCRATCH
#include "espalier/Lowering/Passes.h.inc"

namespace {

constexpr llvm::StringLiteral privateBytes = "spmd.private_bytes";

/// The most rows that `op` is called with.
FailureOr<uint64_t> boundRows(Operation *op, Value q, func::FuncOp function) {
  FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
      presburger::BoundType::UB, {q, 0}, nullptr, /*closedUB=*/true);
  auto most = function->getAttrOfType<IntegerAttr>("xf.max_rows");
  if (failed(bound) && !most)
    return op->emitOpError("has an unbounded number of rows: give the function "
                           "the attribute 'xf.max_rows'");
  if (failed(bound))
    return uint64_t(most.getInt());
  return uint64_t(most ? std::min(*bound, most.getInt()) : *bound);
}

LogicalResult planFunction(func::FuncOp function) {
  uint64_t begin = 0;
  if (auto attr = function->getAttrOfType<IntegerAttr>(privateBytes))
    begin = llvm::alignTo(uint64_t(attr.getInt()), 64);
  uint64_t bytes = 0;
  Builder b(function.getContext());
  auto place = [&](Operation *op, uint64_t needed) {
    bytes = std::max(bytes, needed);
    op->setAttr(cpu::scratchAttrName, b.getI64IntegerAttr(int64_t(begin)));
  };
  function.walk([&](xf::AttentionPartialsOp op) {
    // The states are the partial results.
    auto cache = cast<xf::KVCacheType>(op.getCache().getType());
    place(op, cpu::attentionScratchBytes(0, 0, unsigned(cache.getDim())));
  });
  auto result = function.walk([&](xf::AttentionOp op) {
    auto type = dyn_cast<MemRefType>(op.getInit().getType());
    if (!type || type.isDynamicDim(1)) {
      op.emitOpError("needs a static number of heads in memory");
      return WalkResult::interrupt();
    }
    FailureOr<uint64_t> rows = boundRows(op, op.getQ(), function);
    if (failed(rows))
      return WalkResult::interrupt();
    auto cache = cast<xf::KVCacheType>(op.getCache().getType());
    place(op,
          cpu::attentionScratchBytes(
              unsigned(*rows), unsigned(type.getDimSize(1) / cache.getDim()),
              unsigned(cache.getDim())));
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  if (bytes != 0)
    function->setAttr(privateBytes, b.getI64IntegerAttr(int64_t(
                                        begin + llvm::alignTo(bytes, 64))));
  return success();
}

struct PlanAttentionScratch
    : impl::PlanAttentionScratchBase<PlanAttentionScratch> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (failed(planFunction(function)) ||
          failed(cpu::planExpertScratch(function)))
        return signalPassFailure();
  }
};

} // namespace
} // namespace espalier
