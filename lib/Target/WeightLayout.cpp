//===- WeightLayout.cpp - Where each packed weight lies ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Target/WeightLayout.h"

#include "espalier/Dialect/XF/XF.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace espalier {

/// Bytes of an element of a packed weight, 0 where it has no such size.
static uint64_t elementBytes(Type type) {
  if (auto panel = dyn_cast<xf::PanelType>(type))
    return panel.getBytes();
  if (type.isIntOrFloat() && type.getIntOrFloatBitWidth() % 8 == 0)
    return type.getIntOrFloatBitWidth() / 8;
  return 0;
}

FailureOr<WeightLayout> computeWeightLayout(ModuleOp module) {
  WeightLayout layout;
  for (auto weight : module.getOps<xf::WeightOp>()) {
    auto type = cast<RankedTensorType>(weight.getType());
    uint64_t bytes = elementBytes(type.getElementType());
    if (bytes == 0)
      return weight.emitOpError("has an element type without a size in bytes");
    uint64_t layers = weight.getLayers() ? weight.getLayers()->size() : 1;
    bool overflow = false;
    auto multiply = [&](uint64_t a, uint64_t b) {
      bool failed = false;
      uint64_t product = llvm::SaturatingMultiply(a, b, &failed);
      overflow |= failed || product > uint64_t(INT64_MAX) - weightAlignment;
      return product;
    };
    for (int64_t size : type.getShape())
      bytes = multiply(bytes, uint64_t(size));
    uint64_t stride = llvm::alignTo(bytes, weightAlignment);
    uint64_t total = multiply(stride, layers);
    if (overflow || total > uint64_t(INT64_MAX) - layout.bytes)
      return weight.emitOpError(
          "makes the packed weights larger than 2^63 bytes");
    layout.weights.push_back(
        {weight.getSymNameAttr(), layout.bytes, bytes, stride, layers});
    layout.bytes += total;
  }
  return layout;
}

DictionaryAttr weightLayoutAttr(MLIRContext *context,
                                const WeightLayout &layout) {
  SmallVector<NamedAttribute> entries;
  for (const WeightPlacement &weight : layout.weights)
    entries.emplace_back(weight.symbol, DenseI64ArrayAttr::get(
                                            context, {int64_t(weight.offset),
                                                      int64_t(weight.stride)}));
  return DictionaryAttr::get(context, entries);
}

namespace {

struct LayoutWeights : PassWrapper<LayoutWeights, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LayoutWeights)

  StringRef getArgument() const override { return "xf-layout-weights"; }
  StringRef getDescription() const override {
    return "decide where each weight lies among the packed weights";
  }

  void runOnOperation() override {
    FailureOr<WeightLayout> layout = computeWeightLayout(getOperation());
    if (failed(layout))
      return signalPassFailure();
    getOperation()->setAttr(weightLayoutAttrName,
                            weightLayoutAttr(&getContext(), *layout));
  }
};

} // namespace

std::unique_ptr<Pass> createLayoutWeightsPass() {
  return std::make_unique<LayoutWeights>();
}

void registerLayoutWeightsPass() { PassRegistration<LayoutWeights>(); }

} // namespace espalier
