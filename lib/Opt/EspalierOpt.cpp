//===- EspalierOpt.cpp - The modular optimiser driver ---------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/InitAll.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int espalier::espalierOptMain(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registerEspalierDialects(registry);
  mlir::registerAllPasses();
  registerEspalierPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Espalier's optimiser driver\n", registry));
}
