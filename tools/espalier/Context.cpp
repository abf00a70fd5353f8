//===- Context.cpp - The context of one compilation -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Context.h"
#include "espalier/InitAll.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"

#include <cstdio>

using namespace espalier;
using namespace espalier::tool;

static mlir::DialectRegistry makeRegistry() {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registerEspalierDialects(registry);
  return registry;
}

CompilerContext::CompilerContext()
    : context(makeRegistry(), mlir::MLIRContext::Threading::DISABLED),
      handler(&context, [this](mlir::Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
          errors += (errors.empty() ? "" : "; ") + diagnostic.str();
        else if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Warning)
          fprintf(stderr, "warning: %s\n", diagnostic.str().c_str());
        return mlir::success();
      }) {
  context.loadDialect<mlir::DLTIDialect>();
}

Error CompilerContext::error(const std::string &what) const {
  return Error{errors.empty() ? what : what + ": " + errors};
}
