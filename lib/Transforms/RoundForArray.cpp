//===- RoundForArray.cpp - What the accelerator multiplies is bf16 --------===//
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

#define GEN_PASS_DEF_ROUNDFORARRAY
#include "espalier/Transforms/Passes.h.inc"

namespace {

Value roundRows(OpBuilder &b, Location loc, Value x) {
  auto type = cast<RankedTensorType>(x.getType());
  SmallVector<Value> sizes;
  if (type.isDynamicDim(0))
    sizes.push_back(rowCount(b, loc, x));
  RankedTensorType rounded = type.clone(b.getBF16Type());
  Value init = tensor::EmptyOp::create(b, loc, rounded, sizes);
  return xf::RoundOp::create(b, loc, rounded, x, init).getResult(0);
}

/// The type of a matrix in bf16: panels stay panels of the same shape.
RankedTensorType decodedType(MLIRContext *context,
                             const xf::EncodedMatrix &matrix) {
  Type element = BFloat16Type::get(context);
  if (matrix.columns == 1)
    return RankedTensorType::get({matrix.panelRows, matrix.getK()}, element);
  return RankedTensorType::get({matrix.panelRows, matrix.panelGroups},
                               xf::PanelType::get(context, matrix.columns,
                                                  matrix.group,
                                                  Encoding::BF16));
}

struct RoundForArrayPass : impl::RoundForArrayBase<RoundForArrayPass> {
  using RoundForArrayBase::RoundForArrayBase;

  void runOnOperation() override {
    if (failed(setOrder()))
      return signalPassFailure();
    // What an op reads, each kind in the order of the walk, so that the value
    // made for the first reader of a block dominates its other readers.
    SmallVector<OpOperand *> multiplied, matrices;
    WalkResult result = getOperation().walk([&](Operation *op) {
      if (isa<xf::QuantizeActivationsOp, xf::GroupedLinearOp,
              xf::AttentionPartialsOp, xf::AttentionMergeOp>(op)) {
        op->emitOpError("has no definition in the accelerator's order");
        return WalkResult::interrupt();
      }
      if (auto linear = dyn_cast<xf::LinearOp>(op)) {
        multiplied.push_back(&linear.getXMutable());
        matrices.push_back(&linear.getWeightMutable());
      } else if (auto logits = dyn_cast<xf::LogitsOp>(op)) {
        multiplied.push_back(&logits.getXMutable());
        matrices.push_back(&logits.getWeightMutable());
      } else if (auto embedding = dyn_cast<xf::EmbeddingOp>(op)) {
        matrices.push_back(&embedding.getTableMutable());
      } else if (auto position = dyn_cast<xf::PositionEmbeddingOp>(op)) {
        matrices.push_back(&position.getTableMutable());
      } else if (auto attention = dyn_cast<xf::AttentionOp>(op)) {
        multiplied.push_back(&attention.getQMutable());
        if (!attention.getCache().getType().getElementType().isBF16()) {
          op->emitOpError("needs a cache of bf16, but it is ")
              << attention.getCache().getType()
              << "; run 'xf-select-kv-layout' with element-type=bf16 first";
          return WalkResult::interrupt();
        }
      }
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    for (OpOperand *operand : matrices)
      decode(*operand);
    for (OpOperand *operand : multiplied)
      round(*operand);
  }

private:
  LogicalResult setOrder() {
    ModuleOp module = getOperation();
    if (rows < 1 || rows > 65536)
      return module.emitError("option 'rows': expected 1 to 65536, got ")
             << rows.getValue();
    auto order = module->getAttrOfType<xf::OrderAttr>(xf::kOrderAttr);
    if (order && order.getKind() == xf::OrderKind::Fast)
      return module.emitError("expected the order cpu or systolic, got ")
             << order;
    module->setAttr(
        xf::kOrderAttr,
        xf::OrderAttr::get(&getContext(), xf::OrderKind::Systolic, 1, rows));
    return success();
  }

  void decode(OpOperand &operand) {
    Value weight = operand.get();
    std::optional<xf::EncodedMatrix> matrix =
        xf::getEncodedMatrix(weight.getType());
    if (!matrix || matrix->encoding == Encoding::BF16)
      return;
    Value &made = decoded[{weight, operand.getOwner()->getBlock()}];
    if (!made) {
      OpBuilder b(operand.getOwner());
      made = xf::DecodeWeightOp::create(b, operand.getOwner()->getLoc(),
                                        decodedType(&getContext(), *matrix),
                                        weight);
      ++weights;
    }
    operand.set(made);
  }

  void round(OpOperand &operand) {
    Value x = operand.get();
    if (!cast<ShapedType>(x.getType()).getElementType().isF32())
      return;
    Value &made = rounded[{x, operand.getOwner()->getBlock()}];
    if (!made) {
      OpBuilder b(operand.getOwner());
      made = roundRows(b, operand.getOwner()->getLoc(), x);
      ++values;
    }
    operand.set(made);
  }

  DenseMap<std::pair<Value, Block *>, Value> decoded, rounded;
};

} // namespace
} // namespace espalier
