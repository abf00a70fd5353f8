//===- Passes.h - Passes that run the interpreter ------------- -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_REFERENCE_PASSES_H
#define ESPALIER_REFERENCE_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace espalier {

#define GEN_PASS_DECL
#include "espalier/Reference/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "espalier/Reference/Passes.h.inc"

} // namespace espalier

#endif // ESPALIER_REFERENCE_PASSES_H
