//===- CPU.h - The dialect of CPU vector instructions
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_DIALECT_CPU_CPU_H
#define ESPALIER_DIALECT_CPU_CPU_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "CPU/CPUDialect.h.inc"

#define GET_OP_CLASSES
#include "CPU/CPUOps.h.inc"

#endif // ESPALIER_DIALECT_CPU_CPU_H
