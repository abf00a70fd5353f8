//===- OpSupport.h - What the verifiers share -------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_DIALECT_SYSTOLIC_OPSUPPORT_H
#define ESPALIER_LIB_DIALECT_SYSTOLIC_OPSUPPORT_H

#include "espalier/Dialect/Systolic/Systolic.h"

namespace espalier::systolic {

inline constexpr int64_t kMax24 = (1 << 24) - 1;
inline constexpr int64_t kMax32 = (int64_t(1) << 32) - 1;

inline BufferType bufferOf(mlir::Value value) {
  return mlir::cast<BufferType>(value.getType());
}

/// `what` is a number of `low` to `high`.
llvm::LogicalResult verifyRange(mlir::Operation *op, llvm::StringRef what,
                                int64_t value, int64_t low, int64_t high);

/// `value` lies in one of `spaces`.
llvm::LogicalResult verifySpace(mlir::Operation *op, llvm::StringRef what,
                                mlir::Value value,
                                llvm::ArrayRef<Space> spaces);

/// `value` lies in scratchpad or accumulator.
inline llvm::LogicalResult
verifyOnChip(mlir::Operation *op, llvm::StringRef what, mlir::Value value) {
  return verifySpace(op, what, value, {Space::Scratchpad, Space::Accumulator});
}

/// `value` has `rows` rows and `columns` columns.
llvm::LogicalResult verifySize(mlir::Operation *op, llvm::StringRef what,
                               mlir::Value value, uint64_t rows,
                               uint64_t columns);

/// The program or sequence around an instruction.
struct Frame {
  int64_t arrayRows, arrayColumns, bucketRows;
};
Frame getFrame(mlir::Operation *op);

/// Builds an encoding operand by operand.
class Encoder {
public:
  Encoder(mlir::Operation *op, uint8_t opcode);

  Encoder &a(mlir::Value buffer);
  Encoder &b(mlir::Value buffer);
  Encoder &c(mlir::Value buffer);
  /// `b` and `c` of a transfer: a place in DRAM.
  Encoder &dram(mlir::Value place);
  /// Rows and columns are those of `buffer`.
  Encoder &size(mlir::Value buffer);
  Encoder &extra(uint64_t value);
  Encoder &flag(uint8_t bit, bool set);
  Encoder &aux(unsigned value);

  Encoding encoding;
};

} // namespace espalier::systolic

#endif // ESPALIER_LIB_DIALECT_SYSTOLIC_OPSUPPORT_H
