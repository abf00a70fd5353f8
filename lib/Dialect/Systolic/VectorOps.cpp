//===- VectorOps.cpp - The vector units -----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The numbers in the comments are those of the ops' descriptions.

#include "OpSupport.h"

using namespace mlir;
using namespace espalier::systolic;

/// map_c1, reduce_c1, mask_c1, argmax_c1
static LogicalResult verifyBoth(Operation *op, Value source,
                                Value destination) {
  return success(succeeded(verifyOnChip(op, "source", source)) &&
                 succeeded(verifyOnChip(op, "destination", destination)));
}

/// map_c2, mask_c2, binary_c2, rope_c2
static LogicalResult verifySameSize(Operation *op, Value source,
                                    Value destination) {
  BufferType type = bufferOf(source);
  return verifySize(op, "destination", destination, type.getRows(),
                    type.getColumns());
}

/// reduce_c2, argmax_c2
static LogicalResult verifyPerRow(Operation *op, Value source,
                                  Value destination, uint64_t columns) {
  if (failed(verifySize(op, "destination", destination,
                        bufferOf(source).getRows(), columns)))
    return failure();
  Element element = bufferOf(destination).getElement();
  if (element != Element::F32)
    return op->emitOpError("expected a destination of f32, but got ")
           << stringifyElement(element);
  return success();
}

LogicalResult MapOp::verify() {
  if (failed(verifyBoth(*this, getSource(), getDestination())))
    return failure();
  return verifySameSize(*this, getSource(), getDestination());
}

Encoding MapOp::getEncoding() {
  return Encoder(*this, ESPALIER_OP_MAP)
      .a(getSource())
      .c(getDestination())
      .size(getSource())
      .aux(static_cast<unsigned>(getKind()))
      .encoding;
}

LogicalResult BinaryOp::verify() {
  // binary_c4
  if (bool(getRight()) == getConstant().has_value())
    return emitOpError("expected a right side or a constant, and not both");
  if (getRow() + getColumn() > (getRight() ? 1 : 0))
    return emitOpError("expected row or column, and not both, of a right side");
  // binary_c1
  if (failed(verifyOnChip(*this, "left side", getLeft())) ||
      (getRight() && failed(verifyOnChip(*this, "right side", getRight()))) ||
      failed(verifyOnChip(*this, "destination", getDestination())) ||
      failed(verifySameSize(*this, getLeft(), getDestination())))
    return failure();
  // binary_c3
  BufferType left = bufferOf(getLeft());
  if (!getRight())
    return success();
  return verifySize(*this, "right side", getRight(),
                    getRow() ? 1 : left.getRows(),
                    getColumn() ? 1 : left.getColumns());
}

Encoding BinaryOp::getEncoding() {
  Encoder encoder(*this, ESPALIER_OP_BINARY);
  encoder.a(getLeft())
      .c(getDestination())
      .size(getLeft())
      .aux(static_cast<unsigned>(getKind()))
      .flag(ESPALIER_FLAG_ROW, getRow())
      .flag(ESPALIER_FLAG_COLUMN, getColumn())
      .flag(ESPALIER_FLAG_CONSTANT, !getRight());
  if (getRight())
    encoder.b(getRight());
  else
    encoder.encoding.constant = getConstant()->convertToFloat();
  return encoder.encoding;
}

LogicalResult ReduceOp::verify() {
  if (failed(verifyBoth(*this, getSource(), getDestination())))
    return failure();
  return verifyPerRow(*this, getSource(), getDestination(), 1);
}

Encoding ReduceOp::getEncoding() {
  return Encoder(*this, ESPALIER_OP_REDUCE)
      .a(getSource())
      .c(getDestination())
      .size(getSource())
      .aux(static_cast<unsigned>(getKind()))
      .encoding;
}

LogicalResult MaskOp::verify() {
  if (failed(verifyBoth(*this, getSource(), getDestination())) ||
      failed(verifySameSize(*this, getSource(), getDestination())))
    return failure();
  // mask_c3
  if (failed(verifyRange(*this, "key", getKey(), 0, kMax24)))
    return failure();
  if (std::optional<int64_t> window = getWindow())
    if (failed(verifyRange(*this, "window", *window, 1, kMax32)))
      return failure();
  // mask_c4
  return verifyRange(*this, "rows", bufferOf(getSource()).getRows(), 1,
                     getFrame(*this).bucketRows);
}

Encoding MaskOp::getEncoding() {
  Encoder encoder(*this, ESPALIER_OP_MASK);
  encoder.a(getSource())
      .c(getDestination())
      .size(getSource())
      .flag(ESPALIER_FLAG_WINDOW, getWindow().has_value())
      .extra(getWindow().value_or(0));
  encoder.encoding.instruction.b = getKey();
  return encoder.encoding;
}

LogicalResult RopeOp::verify() {
  // rope_c1
  if (failed(verifyOnChip(*this, "source", getSource())) ||
      failed(verifyOnChip(*this, "table", getTable())) ||
      failed(verifyOnChip(*this, "destination", getDestination())) ||
      failed(verifySameSize(*this, getSource(), getDestination())))
    return failure();
  // rope_c2
  BufferType source = bufferOf(getSource()), table = bufferOf(getTable());
  if (failed(verifySize(*this, "table", getTable(), source.getRows(),
                        table.getColumns())))
    return failure();
  // rope_c3
  if (failed(verifyRange(*this, "head", getHead(), 1, 65535)))
    return failure();
  if (source.getColumns() % getHead())
    return emitOpError("expected heads of ")
           << getHead() << " to fill the " << source.getColumns() << " columns";
  // rope_c4
  if (table.getColumns() % 2 || table.getColumns() > uint64_t(getHead()))
    return emitOpError(
               "expected a table of an even number of columns, at most ")
           << getHead() << ", but got " << table.getColumns();
  return success();
}

Encoding RopeOp::getEncoding() {
  return Encoder(*this, ESPALIER_OP_ROPE)
      .a(getSource())
      .b(getTable())
      .c(getDestination())
      .size(getSource())
      .extra(getHead() + (bufferOf(getTable()).getColumns() << 16))
      .encoding;
}

LogicalResult ArgmaxOp::verify() {
  if (failed(verifyBoth(*this, getSource(), getDestination())) ||
      failed(verifyPerRow(*this, getSource(), getDestination(), 2)))
    return failure();
  // argmax_c3
  return verifyRange(*this, "column", getColumn(), 0, kMax24);
}

Encoding ArgmaxOp::getEncoding() {
  Encoder encoder(*this, ESPALIER_OP_ARGMAX);
  encoder.a(getSource())
      .c(getDestination())
      .size(getSource())
      .flag(ESPALIER_FLAG_ACCUMULATE, getAccumulate());
  encoder.encoding.instruction.b = getColumn();
  return encoder.encoding;
}
