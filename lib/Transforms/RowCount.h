//===- RowCount.h - How many rows a value has -------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_TRANSFORMS_ROWCOUNT_H
#define ESPALIER_LIB_TRANSFORMS_ROWCOUNT_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace espalier {

/// The number of rows of `x`: what its destination was made with, since that is
/// a bounded value, or else its first dimension.
inline mlir::Value rowCount(mlir::OpBuilder &b, mlir::Location loc,
                            mlir::Value x) {
  mlir::Value value = x;
  while (auto op = value.getDefiningOp<mlir::DestinationStyleOpInterface>())
    value = op.getTiedOpOperand(llvm::cast<mlir::OpResult>(value))->get();
  if (auto empty = value.getDefiningOp<mlir::tensor::EmptyOp>())
    if (empty.getDynamicSizes().size() == 1 && empty.getType().isDynamicDim(0))
      return empty.getDynamicSizes()[0];
  return mlir::tensor::DimOp::create(b, loc, x, 0);
}

} // namespace espalier

#endif // ESPALIER_LIB_TRANSFORMS_ROWCOUNT_H
