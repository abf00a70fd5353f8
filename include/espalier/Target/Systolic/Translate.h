//===- Translate.h - Between IR and programs --------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TARGET_SYSTOLIC_TRANSLATE_H
#define ESPALIER_TARGET_SYSTOLIC_TRANSLATE_H

#include "espalier/Dialect/Systolic/Systolic.h"

#include "mlir/IR/Builders.h"

namespace espalier::systolic {

/// The program of a scheduled op, checked by `checkProgram`. What is wrong is
/// emitted as a diagnostic.
mlir::FailureOr<Program> exportProgram(ProgramOp op);

/// The sequence of a sequential op.
mlir::FailureOr<Sequence> exportSequence(SequenceOp op);

/// Builds the scheduled form of a program that `checkProgram` takes. Buffers
/// are made where they are first used; a queue that has only its END is left
/// out. Exporting it gives the same program again, if it is canonical.
ProgramOp importProgram(mlir::OpBuilder &builder, mlir::Location loc,
                        llvm::StringRef name, const Program &program);

/// Builds the sequential form. What the fields of its instructions say must be
/// of their opcodes. Exporting it gives the same instructions again; unused
/// shapes, constants and marks of the frame are gone.
SequenceOp importSequence(mlir::OpBuilder &builder, mlir::Location loc,
                          llvm::StringRef name, const Sequence &sequence);

} // namespace espalier::systolic

#endif // ESPALIER_TARGET_SYSTOLIC_TRANSLATE_H
