//===- InitAll.cpp - All dialects and passes in one call ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/InitAll.h"

#include "espalier/Dialect/CPU/CPU.h"
#include "espalier/Dialect/SPMD/SPMD.h"
#include "espalier/Dialect/Systolic/Systolic.h"
#include "espalier/Dialect/XF/XF.h"
#include "espalier/Lowering/Passes.h"
#include "espalier/Reference/Passes.h"
#include "espalier/Target/WeightLayout.h"
#include "espalier/Transforms/Passes.h"

using namespace espalier;

void espalier::registerEspalierDialects(mlir::DialectRegistry &registry) {
  registry.insert<cpu::CPUDialect, spmd::SPMDDialect, systolic::SystolicDialect,
                  xf::XFDialect>();
  spmd::registerBufferizableOpInterfaceExternalModels(registry);
  spmd::registerValueBoundsOpInterfaceExternalModels(registry);
  xf::registerBufferizableOpInterfaceExternalModels(registry);
  xf::registerValueBoundsOpInterfaceExternalModels(registry);
}

// The one place where passes become known to tools: include the Passes.h of a
// stage above and call its register function here.
void espalier::registerEspalierPasses() {
  registerLoweringPasses();
  registerReferencePasses();
  registerSPMDPipeline();
  registerCPULoweringPipeline();
  registerLayoutWeightsPass();
  registerEspalierTransformsPasses();
}
