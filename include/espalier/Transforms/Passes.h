//===- Passes.h - xf to xf --------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TRANSFORMS_PASSES_H
#define ESPALIER_TRANSFORMS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>
#include <string>

namespace espalier {

#define GEN_PASS_DECL
#include "espalier/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "espalier/Transforms/Passes.h.inc"

} // namespace espalier

#endif // ESPALIER_TRANSFORMS_PASSES_H
