//===- SPMDPipeline.cpp - From packed xf to phases on buffers -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "espalier/Lowering/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace espalier {

void buildSPMDPipeline(OpPassManager &manager) {
  manager.addPass(createXFPartition());
  manager.addPass(createXFLowerRepeat());
  // A tile that two linears read is fused, and so computed, once for each: CSE
  // makes one of the two.
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  manager.addPass(bufferization::createOneShotBufferizePass(options));
  manager.addPass(bufferization::createDropEquivalentBufferResultsPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  // A slice that was written in place is copied onto itself until CSE has shown
  // that both are one.
  manager.addPass(createCanonicalizerPass());
  manager.addNestedPass<func::FuncOp>(createSPMDPlanBuffers());
  manager.addNestedPass<func::FuncOp>(createSPMDMaterializeBarriers());
}

void registerSPMDPipeline() {
  PassPipelineRegistration<>(
      "espalier-spmd",
      "from an xf module with packed weights to bufferised phases",
      buildSPMDPipeline);
}

} // namespace espalier
