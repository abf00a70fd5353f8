//===- SPMD.h - The step program of a team ----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_DIALECT_SPMD_SPMD_H
#define ESPALIER_DIALECT_SPMD_SPMD_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "SPMD/SPMDDialect.h.inc"

#include "SPMD/SPMDEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "SPMD/SPMDAttrs.h.inc"

#define GET_OP_CLASSES
#include "SPMD/SPMDOps.h.inc"

namespace espalier::spmd {

/// The mapping of a loop over tiles, or null for any other `scf.forall`.
TilesAttr getTiles(mlir::scf::ForallOp loop);

/// Bounds of values that enter or leave a phase, for ValueBoundsOpInterface.
void registerValueBoundsOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

/// One-shot bufferisation of the dialect.
void registerBufferizableOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

} // namespace espalier::spmd

#endif // ESPALIER_DIALECT_SPMD_SPMD_H
