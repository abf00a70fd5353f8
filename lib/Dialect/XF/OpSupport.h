//===- OpSupport.h - What verifiers and effects share -----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Dimensions are compared where both are known: after tiling and bufferisation
/// some are not.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_DIALECT_XF_OPSUPPORT_H
#define ESPALIER_LIB_DIALECT_XF_OPSUPPORT_H

#include "espalier/Dialect/XF/XF.h"

namespace espalier::xf {

using EffectList = llvm::SmallVectorImpl<mlir::MemoryEffects::EffectInstance>;

inline mlir::ShapedType shapedType(mlir::Value value) {
  return mlir::cast<mlir::ShapedType>(value.getType());
}

inline bool sameSize(int64_t a, int64_t b) {
  return mlir::ShapedType::isDynamic(a) || mlir::ShapedType::isDynamic(b) ||
         a == b;
}

inline bool isMatrix(mlir::Value value) {
  return shapedType(value).getRank() == 2;
}

inline int64_t rowsOf(mlir::Value value) {
  return shapedType(value).getDimSize(0);
}
inline int64_t featuresOf(mlir::Value value) {
  return shapedType(value).getDimSize(1);
}

inline bool sameMatrix(mlir::Value a, mlir::Value b) {
  return isMatrix(a) && isMatrix(b) && sameSize(rowsOf(a), rowsOf(b)) &&
         sameSize(featuresOf(a), featuresOf(b));
}

/// `value` is f32 [size].
inline bool isVector(mlir::Value value, int64_t size) {
  mlir::ShapedType type = shapedType(value);
  return type.hasRank() && type.getRank() == 1 &&
         type.getElementType().isF32() && sameSize(type.getDimSize(0), size);
}

inline bool isPositive(const llvm::APFloat &value) {
  return value.isFinite() && !value.isZero() && !value.isNegative();
}

/// The features of `x` are a whole number of runs of `dim`, if known.
inline bool isWholeHeads(mlir::Value x, int64_t dim) {
  int64_t features = featuresOf(x);
  return mlir::ShapedType::isDynamic(features) || features % dim == 0;
}

/// The effects of an op whose `init` is written: none on tensors.
void addDestinationEffects(mlir::DestinationStyleOpInterface op,
                           EffectList &effects);

} // namespace espalier::xf

/// Defines the effects of an op that only writes to its destination.
#define DESTINATION_EFFECTS(OP)                                                \
  void OP::getEffects(EffectList &effects) {                                   \
    addDestinationEffects(*this, effects);                                     \
  }

#endif // ESPALIER_LIB_DIALECT_XF_OPSUPPORT_H
