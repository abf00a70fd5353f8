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
  // No CSE before bufferisation: it would merge the empty tensors that stand for
  // different buffers.
  manager.addPass(createCanonicalizerPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  manager.addPass(bufferization::createOneShotBufferizePass(options));
  manager.addPass(bufferization::createDropEquivalentBufferResultsPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addNestedPass<func::FuncOp>(createSPMDPlanBuffers());
  manager.addNestedPass<func::FuncOp>(createSPMDMaterializeBarriers());
}

void registerSPMDPipeline() {
  PassPipelineRegistration<>(
      "espalier-spmd", "from an xf module with packed weights to bufferised phases",
      buildSPMDPipeline);
}

} // namespace espalier
