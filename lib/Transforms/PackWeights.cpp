//===- PackWeights.cpp - Weight matrices as panels ------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Dialect/XF/XF.h"
#include "espalier/Transforms/Passes.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace espalier {

#define GEN_PASS_DEF_PACKWEIGHTS
#include "espalier/Transforms/Passes.h.inc"

namespace {

constexpr unsigned panelColumns = 16;

/// The largest group of floats that divides K.
unsigned floatGroup(int64_t k) {
  unsigned group = 32;
  while (k % group != 0)
    group /= 2;
  return group;
}

/// The packed type of a weight; the type itself where it is packed already or
/// a vector; null where there is none.
RankedTensorType packedType(RankedTensorType type) {
  if (type.getRank() < 2)
    return type;
  if (type.getRank() == 3) {
    RankedTensorType one = packedType(RankedTensorType::get(
        type.getShape().drop_front(), type.getElementType()));
    if (!one)
      return {};
    SmallVector<int64_t> shape = {type.getDimSize(0)};
    llvm::append_range(shape, one.getShape());
    return RankedTensorType::get(shape, one.getElementType());
  }
  std::optional<xf::EncodedMatrix> matrix = xf::getEncodedMatrix(type);
  if (!matrix || matrix->encoding == Encoding::A8)
    return {};
  if (matrix->columns == panelColumns)
    return type;
  int64_t n = matrix->getPaddedN(), k = matrix->getK();
  unsigned group =
      isBlockEncoding(matrix->encoding) ? matrix->group : floatGroup(k);
  return RankedTensorType::get(
      {int64_t(llvm::divideCeil(uint64_t(n), panelColumns)), k / group},
      xf::PanelType::get(type.getContext(), panelColumns, group,
                         matrix->encoding));
}

struct PackWeightsPass : impl::PackWeightsBase<PackWeightsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    DenseMap<StringAttr, RankedTensorType> types;
    for (auto weight : module.getOps<xf::WeightOp>()) {
      auto type = cast<RankedTensorType>(weight.getType());
      RankedTensorType packed = packedType(type);
      if (!packed) {
        weight.emitOpError("expected a matrix of f32, f16, bf16, q8_0, q4_0 or "
                           "q4_1, but got ")
            << type;
        return signalPassFailure();
      }
      if (packed == type)
        continue;
      weight.setType(packed);
      types[weight.getSymNameAttr()] = packed;
      ++matrices;
    }
    module.walk([&](xf::WeightRefOp ref) {
      auto it = types.find(ref.getWeightAttr().getAttr());
      if (it != types.end())
        ref.getResult().setType(it->second);
    });
  }
};

} // namespace
} // namespace espalier
