//===- InitAll.h - All dialects and passes in one call ----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_INITALL_H
#define ESPALIER_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace espalier {

/// Registers our dialects with the external models of their interfaces. What
/// upstream dialects need is not included.
void registerEspalierDialects(mlir::DialectRegistry &registry);

/// Registers our passes and named pipelines by their command line names.
void registerEspalierPasses();

/// The whole of `espalier-opt`. Returns the exit status.
int espalierOptMain(int argc, char **argv);

} // namespace espalier

#endif // ESPALIER_INITALL_H
