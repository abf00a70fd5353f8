//===- Plan.h - What explain says of a program ------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_PLAN_H
#define ESPALIER_TOOLS_PLAN_H

#include "espalier/Hardware/Machine.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace espalier::tool {

/// The plan of a bufferised step program, as JSON: the machine, and for each
/// variant of the step its kinds of layers, phases and barriers a layer, and
/// buffers.
std::string planText(mlir::ModuleOp module, const hardware::Machine &machine);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_PLAN_H
