//===- BufferSize.h - The most bytes that a buffer takes --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_LOWERING_COMMON_BUFFERSIZE_H
#define ESPALIER_LIB_LOWERING_COMMON_BUFFERSIZE_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

namespace espalier {

/// Buffers begin at multiples of this many bytes.
constexpr uint64_t arenaAlignment = 64;

/// The most bytes that a buffer of `type`, made by `op` with these dynamic
/// sizes, takes in its arena. Reports an error on `op` where there is no such
/// bound.
mlir::FailureOr<uint64_t> boundedBytes(mlir::Operation *op,
                                       mlir::MemRefType type,
                                       mlir::ValueRange dynamicSizes);

} // namespace espalier

#endif // ESPALIER_LIB_LOWERING_COMMON_BUFFERSIZE_H
