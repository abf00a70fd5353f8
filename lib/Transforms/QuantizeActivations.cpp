//===- QuantizeActivations.cpp - Rows that meet quantised weights ---------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RowCount.h"

#include "espalier/Dialect/XF/XF.h"
#include "espalier/Transforms/Passes.h"

using namespace mlir;

namespace espalier {

#define GEN_PASS_DEF_QUANTIZEACTIVATIONS
#include "espalier/Transforms/Passes.h.inc"

namespace {

Value quantize(OpBuilder &b, Location loc, Value x) {
  auto type = cast<RankedTensorType>(x.getType());
  SmallVector<Value> sizes;
  if (type.isDynamicDim(0))
    sizes.push_back(rowCount(b, loc, x));
  auto codes = RankedTensorType::get(
      {type.getDimSize(0), type.getDimSize(1) / 32},
      xf::PanelType::get(b.getContext(), 1, 32, Encoding::A8));
  Value init = tensor::EmptyOp::create(b, loc, codes, sizes);
  return xf::QuantizeActivationsOp::create(b, loc, codes, x, init).getResult(0);
}

/// Rows of floats that meet a weight in blocks.
bool isCandidate(Value x, Value weight) {
  auto rows = dyn_cast<RankedTensorType>(x.getType());
  auto matrix = dyn_cast<RankedTensorType>(weight.getType());
  if (!rows || !matrix || !rows.getElementType().isF32())
    return false;
  std::optional<Encoding> encoding =
      xf::getElementEncoding(matrix.getElementType());
  return encoding && isBlockEncoding(*encoding);
}

struct QuantizeActivationsPass
    : impl::QuantizeActivationsBase<QuantizeActivationsPass> {
  using QuantizeActivationsBase::QuantizeActivationsBase;

  void runOnOperation() override {
    if (activations != "auto" && activations != "f32") {
      getOperation().emitError(
          "option 'activations': expected auto or f32, got '")
          << activations << "'";
      return signalPassFailure();
    }
    if (activations == "f32")
      return;
    SmallVector<std::pair<Operation *, OpOperand *>> products;
    getOperation().walk([&](Operation *op) {
      if (auto linear = dyn_cast<xf::LinearOp>(op)) {
        if (isCandidate(linear.getX(), linear.getWeight()))
          products.emplace_back(op, &linear.getXMutable());
      } else if (auto grouped = dyn_cast<xf::GroupedLinearOp>(op)) {
        if (isCandidate(grouped.getX(), grouped.getWeight()))
          products.emplace_back(op, &grouped.getXMutable());
      } else if (auto logits = dyn_cast<xf::LogitsOp>(op)) {
        if (isCandidate(logits.getX(), logits.getWeight()))
          products.emplace_back(op, &logits.getXMutable());
      }
    });
    // The walk visits a block in order, so the codes made for the first reader
    // of a block dominate its other readers.
    DenseMap<std::pair<Value, Block *>, Value> codes;
    for (auto [op, operand] : products) {
      Value &shared = codes[{operand->get(), op->getBlock()}];
      if (!shared) {
        OpBuilder b(op);
        shared = quantize(b, op->getLoc(), operand->get());
        ++quantised;
      }
      operand->set(shared);
      ++this->products;
    }
  }
};

} // namespace
} // namespace espalier
