//===- Systolic.h - Instructions of the accelerator -------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_DIALECT_SYSTOLIC_SYSTOLIC_H
#define ESPALIER_DIALECT_SYSTOLIC_SYSTOLIC_H

#include "espalier/Hardware/SystolicTiming.h"
#include "espalier/Lowering/Systolic/Program.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <optional>

#include "Systolic/SystolicDialect.h.inc"

#include "Systolic/SystolicEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "Systolic/SystolicTypes.h.inc"

namespace espalier::systolic {

/// An op as an instruction of the binary form. What it names has numbers only
/// within a program; the fields for those are 0.
struct Encoding {
  Instruction instruction;
  Shape shape{};
  bool hasShape = false;
  mlir::FlatSymbolRefAttr symbol; ///< Number in `b`, of a transfer.
  std::optional<float> constant;  ///< Number in `b`, of a BINARY.
  mlir::StringAttr mark;          ///< Number in `b`.
  mlir::Value semaphore;          ///< Number in `aux`.
};

/// The checks that all instructions share.
llvm::LogicalResult verifyInstruction(mlir::Operation *op);

/// The queue in which an instruction issues. None of a loop in a sequence,
/// which is one of all queues.
std::optional<Queue> getIssueQueue(mlir::Operation *op);

/// The cycles of an instruction, by the compiler's cost model; none of control.
Timing getTimingOf(const Encoding &encoding,
                   const hardware::SystolicMachine &machine);

std::optional<Queue> getQueueOfUnit(std::optional<VectorUnit> unit);

} // namespace espalier::systolic

#include "Systolic/SystolicInterfaces.h.inc"

#define GET_OP_CLASSES
#include "Systolic/SystolicOps.h.inc"

#endif // ESPALIER_DIALECT_SYSTOLIC_SYSTOLIC_H
