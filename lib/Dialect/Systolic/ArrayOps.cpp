//===- ArrayOps.cpp - The array of processing elements --------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The numbers in the comments are those of the ops' descriptions.

#include "OpSupport.h"

using namespace mlir;
using namespace espalier::systolic;

/// `what`, a size of a tile, is at most that of the array.
static LogicalResult verifyFits(Operation *op, StringRef what, uint64_t value,
                                StringRef side, int64_t limit) {
  if (value <= uint64_t(limit))
    return success();
  return op->emitOpError("expected ")
         << what << " of at most the " << limit << " " << side
         << " of the array, but got " << value;
}

/// matmul_c2, matmul_os_c2: i8 makes i32, bf16 makes f32.
static LogicalResult verifyTypes(Operation *op, ValueRange sources,
                                 Value result) {
  Element to = bufferOf(result).getElement();
  for (Value source : sources) {
    Element from = bufferOf(source).getElement();
    if ((from == Element::I8 && to == Element::I32) ||
        (from == Element::BF16 && to == Element::F32))
      continue;
    return op->emitOpError("expected i8 and i32, or bf16 and f32, but got ")
           << stringifyElement(from) << " and " << stringifyElement(to);
  }
  return success();
}

LogicalResult LoadWeightsOp::verify() {
  // load_weights_c1
  if (failed(verifySpace(*this, "tile", getWeights(), Space::Scratchpad)))
    return failure();
  // load_weights_c2
  BufferType type = bufferOf(getWeights());
  if (type.getElement() != Element::I8 && type.getElement() != Element::BF16)
    return emitOpError("expected weights of i8 or bf16, but got ")
           << stringifyElement(type.getElement());
  // load_weights_c3
  Frame frame = getFrame(*this);
  bool transposed = getTransposed();
  uint64_t k = transposed ? type.getColumns() : type.getRows();
  uint64_t n = transposed ? type.getRows() : type.getColumns();
  if (failed(verifyFits(*this, "a k", k, "rows", frame.arrayRows)))
    return failure();
  return verifyFits(*this, "an n", n, "columns", frame.arrayColumns);
}

Encoding LoadWeightsOp::getEncoding() {
  return Encoder(*this, ESPALIER_OP_LOAD_WEIGHTS)
      .a(getWeights())
      .size(getWeights())
      .flag(ESPALIER_FLAG_TRANSPOSED, getTransposed())
      .encoding;
}

LogicalResult MatmulOp::verify() {
  // matmul_c1
  if (failed(verifySpace(*this, "rows", getRows(), Space::Scratchpad)) ||
      failed(verifySpace(*this, "result", getResult(), Space::Accumulator)) ||
      failed(verifyTypes(*this, getRows(), getResult())))
    return failure();
  // matmul_c3
  BufferType rows = bufferOf(getRows()), result = bufferOf(getResult());
  if (failed(verifySize(*this, "result", getResult(), rows.getRows(),
                        result.getColumns())))
    return failure();
  // matmul_c4
  Frame frame = getFrame(*this);
  if (failed(
          verifyFits(*this, "a k", rows.getColumns(), "rows", frame.arrayRows)))
    return failure();
  return verifyFits(*this, "an n", result.getColumns(), "columns",
                    frame.arrayColumns);
}

Encoding MatmulOp::getEncoding() {
  return Encoder(*this, ESPALIER_OP_MATMUL)
      .a(getRows())
      .c(getResult())
      .size(getRows())
      .extra(bufferOf(getResult()).getColumns())
      .flag(ESPALIER_FLAG_SWAP, getSwap())
      .flag(ESPALIER_FLAG_ACCUMULATE, getAccumulate())
      .encoding;
}

LogicalResult MatmulOsOp::verify() {
  // matmul_os_c1
  if (failed(verifySpace(*this, "left side", getLeft(), Space::Scratchpad)) ||
      failed(verifySpace(*this, "right side", getRight(), Space::Scratchpad)) ||
      failed(verifySpace(*this, "result", getResult(), Space::Accumulator)) ||
      failed(verifyTypes(*this, {getLeft(), getRight()}, getResult())))
    return failure();
  // matmul_os_c3
  BufferType left = bufferOf(getLeft()), right = bufferOf(getRight());
  if (failed(verifySize(*this, "right side", getRight(), left.getColumns(),
                        right.getColumns())) ||
      failed(verifySize(*this, "result", getResult(), left.getRows(),
                        right.getColumns())))
    return failure();
  // matmul_os_c4
  Frame frame = getFrame(*this);
  if (failed(
          verifyFits(*this, "an M", left.getRows(), "rows", frame.arrayRows)))
    return failure();
  return verifyFits(*this, "an N", right.getColumns(), "columns",
                    frame.arrayColumns);
}

Encoding MatmulOsOp::getEncoding() {
  return Encoder(*this, ESPALIER_OP_MATMUL_OS)
      .a(getLeft())
      .b(getRight())
      .c(getResult())
      .size(getLeft())
      .extra(bufferOf(getRight()).getColumns())
      .flag(ESPALIER_FLAG_ACCUMULATE, getAccumulate())
      .encoding;
}
