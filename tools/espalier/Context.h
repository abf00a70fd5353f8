//===- Context.h - The context of one compilation ---------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_CONTEXT_H
#define ESPALIER_TOOLS_CONTEXT_H

#include "espalier/Support/Result.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

#include <string>

namespace espalier::tool {

/// A context with every dialect, which collects what MLIR reports as errors;
/// warnings go to standard error.
class CompilerContext {
public:
  CompilerContext();

  /// `what`, and why.
  Error error(const std::string &what) const;

  mlir::MLIRContext context;

private:
  std::string errors;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_CONTEXT_H
