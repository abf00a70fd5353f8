//===- Scalars.cpp - Constants and index arithmetic -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Evaluator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cstring>

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

namespace {

int64_t toInteger(IntegerAttr attribute) {
  const APInt &value = attribute.getValue();
  return value.getBitWidth() == 1 ? int64_t(value.getZExtValue())
                                  : value.getSExtValue();
}

/// A dense constant as a tensor.
Result<Datum> toTensor(DenseElementsAttr dense) {
  auto type = dyn_cast<RankedTensorType>(dense.getType());
  uint64_t bytes = type ? elementBytes(type.getElementType()) : 0;
  if (bytes == 0)
    return Error{"expected a ranked constant of integers or floats"};
  Tensor tensor = Tensor::make(type.getElementType(), type.getShape());
  uint8_t *at = tensor.storage->bytes.data();
  auto store = [&](const APInt &bits) {
    uint64_t word = bits.getZExtValue();
    std::memcpy(at, &word, bytes);
    at += bytes;
  };
  if (isa<FloatType>(type.getElementType()))
    for (const APFloat &value : dense.getValues<APFloat>())
      store(value.bitcastToAPInt());
  else
    for (const APInt &value : dense.getValues<APInt>())
      store(value);
  return Datum(tensor);
}

Result<Datum> toDatum(Attribute attribute) {
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return Datum(toInteger(integer));
  if (auto number = dyn_cast<FloatAttr>(attribute))
    if (number.getType().isF32())
      return Datum(number.getValue().convertToFloat());
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute))
    return toTensor(dense);
  return Error{"expected a constant of integers or float32"};
}

/// Null for what is no scalar.
Attribute toAttribute(const Datum &datum, Type type) {
  if (auto integer = std::get_if<int64_t>(&datum))
    return IntegerAttr::get(type, *integer);
  if (auto number = std::get_if<float>(&datum))
    return FloatAttr::get(type, *number);
  return {};
}

/// Scalar ops are evaluated by upstream's own folders.
Status fold(Evaluator &e, Operation *op) {
  SmallVector<Attribute> operands;
  for (mlir::Value operand : op->getOperands())
    operands.push_back(toAttribute(e.get(operand), operand.getType()));
  SmallVector<OpFoldResult> results;
  if (failed(op->fold(operands, results)) ||
      results.size() != op->getNumResults())
    return Error{"its operands have no result, or are no scalars"};
  for (auto [value, result] : llvm::zip_equal(op->getResults(), results)) {
    if (auto other = dyn_cast<mlir::Value>(result)) {
      e.set(value, e.get(other));
      continue;
    }
    TRY_LET(datum, toDatum(cast<Attribute>(result)));
    e.set(value, datum);
  }
  return {};
}

Status constant(Evaluator &e, arith::ConstantOp op) {
  TRY_LET(datum, toDatum(op.getValue()));
  e.set(op.getResult(), datum);
  return {};
}

} // namespace

void reference::addScalarHandlers(Handlers &handlers) {
  on<arith::ConstantOp>(handlers, constant);
  handlers["arith"] = fold;
  handlers["affine"] = fold;
}
