//===- ToLLVM.cpp - From a bufferised step to the LLVM dialect *- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Lowering/Passes.h"

#include "Patterns.h"
#include "espalier/Dialect/SPMD/SPMD.h"
#include "espalier/Dialect/XF/XF.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace espalier {
#define GEN_PASS_DEF_CONVERTXFTOLLVM
#include "espalier/Lowering/Passes.h.inc"

namespace {

/// The number of rows of a slice is known where the slice is made.
void foldSlicedCounts(ModuleOp module) {
  module.walk([](xf::RowsCountOp op) {
    if (auto slice = op.getRows().getDefiningOp<xf::RowsSliceOp>()) {
      op.getResult().replaceAllUsesWith(slice.getSize());
      op.erase();
    }
  });
}

void populatePatterns(LLVMTypeConverter &converter,
                      RewritePatternSet &patterns) {
  cpu::populateStepOpPatterns(converter, patterns);
  cpu::populateKernelCallPatterns(converter, patterns);
  cpu::populateRowCallPatterns(converter, patterns);
  cpu::populateExpertCallPatterns(converter, patterns);
  populateSCFToControlFlowConversionPatterns(patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  index::populateIndexToLLVMConversionPatterns(converter, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
}

struct ConvertXFToLLVM : impl::ConvertXFToLLVMBase<ConvertXFToLLVM> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    LLVMTypeConverter converter(&getContext());
    cpu::addTypeConversions(converter);
    foldSlicedCounts(module);
    if (failed(cpu::convertSignatures(module, converter)))
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    populatePatterns(converter, patterns);
    LLVMConversionTarget target(getContext());
    target.addLegalOp<ModuleOp, xf::WeightOp, xf::RopeTableOp>();
    if (failed(applyFullConversion(module, target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

void buildCPULoweringPipeline(OpPassManager &pm) {
  pm.addPass(createConvertSPMDToSCF());
  pm.addPass(createPrefetchWeights());
  pm.addPass(createMergeTiles());
  pm.addPass(createPlanScratch());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createConvertXFToLLVM());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void registerCPULoweringPipeline() {
  PassPipelineRegistration<>(
      "espalier-cpu-lowering",
      "lower a bufferised module with barriers and buffers to the LLVM dialect",
      [](OpPassManager &pm) { buildCPULoweringPipeline(pm); });
}

} // namespace espalier
