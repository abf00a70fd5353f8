//===- Patterns.h - What patterns of convert-xf-to-llvm share ---*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_LOWERING_CPU_PATTERNS_H
#define ESPALIER_LIB_LOWERING_CPU_PATTERNS_H

#include "espalier/Lowering/CPU/KernelDeclarations.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <cstddef>

namespace espalier::cpu {

/// What xf-plan-scratch sets on an op whose kernel needs working memory.
inline constexpr llvm::StringLiteral scratchAttrName = "scratch";

/// The bytes of a worker's private arena, an attribute of the step function:
/// xf-plan-scratch and xf-prefetch-weights add to it what they need.
inline constexpr llvm::StringLiteral privateBytesAttrName =
    "spmd.private_bytes";

/// The attribute of ops that prefetch weights beside their own work, which
/// xf-prefetch-weights sets: the byte of the worker's private arena where the
/// window lies.
inline constexpr llvm::StringLiteral prefetchAttrName = "prefetch";

/// The arguments of a converted step function, in order.
enum StepArgument : unsigned { Args, Scratch, WorkerIndex, WorkerCount };

/// Argument `which` of the step function around `op`.
mlir::Value stepArgument(mlir::Operation *op, StepArgument which);

class Emit;

/// The address of the window that `op` prefetches from; null for none.
mlir::Value prefetchWindow(mlir::Operation *op, const Emit &emit);

/// Short forms for LLVM ops at one place.
class Emit {
public:
  Emit(mlir::OpBuilder &b, mlir::Location loc) : b(b), loc(loc) {}

  mlir::Type ptr() const;
  mlir::Value i64(int64_t value) const;
  mlir::Value add(mlir::Value a, mlir::Value x) const;
  mlir::Value mul(mlir::Value a, mlir::Value x) const;
  mlir::Value divide(mlir::Value a, int64_t by) const;
  /// `base` + `bytes`.
  mlir::Value at(mlir::Value base, mlir::Value bytes) const;
  mlir::Value at(mlir::Value base, int64_t bytes) const;
  /// The field at byte `offset` of `args`; unsigned 32-bit fields are widened.
  mlir::Value field(mlir::Value args, size_t offset, mlir::Type type) const;
  mlir::Value count(mlir::Value args, size_t offset) const;
  /// A memref of identity layout at `pointer`.
  mlir::Value memref(const mlir::LLVMTypeConverter &converter,
                     mlir::MemRefType type, mlir::Value pointer,
                     mlir::ValueRange dynamicSizes) const;

  mlir::OpBuilder &b;
  mlir::Location loc;
};

/// func.func @step(...) -> llvm.func @step(args, scratch, worker, workers), the
/// old arguments made from the new ones by casts. Erases functions that the
/// runtime replaces.
mlir::LogicalResult convertSignatures(mlir::ModuleOp module,
                                      const mlir::LLVMTypeConverter &converter);

/// Panels are arrays of bytes, rows the number of their first row; a cache is
/// known from its type alone and becomes a bit that nobody reads.
void addTypeConversions(mlir::LLVMTypeConverter &converter);

/// Rows, weights, buffers, barriers and claims (StepOps.cpp).
void populateStepOpPatterns(const mlir::LLVMTypeConverter &converter,
                            mlir::RewritePatternSet &patterns);

/// What becomes a call of a micro-kernel (KernelCalls.cpp).
void populateKernelCallPatterns(const mlir::LLVMTypeConverter &converter,
                                mlir::RewritePatternSet &patterns);

/// The same for norms and pointwise ops (RowCalls.cpp).
void populateRowCallPatterns(const mlir::LLVMTypeConverter &converter,
                             mlir::RewritePatternSet &patterns);

/// Routers and grouped linears (ExpertCalls.cpp).
void populateExpertCallPatterns(const mlir::LLVMTypeConverter &converter,
                                mlir::RewritePatternSet &patterns);

} // namespace espalier::cpu

#endif // ESPALIER_LIB_LOWERING_CPU_PATTERNS_H
