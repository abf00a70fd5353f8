//===- IsaModule.cpp - Steps and kernels for one instruction set *- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Code.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

using namespace mlir;

namespace espalier::cpu {

std::string_view isaName(Isa isa) {
  return isa == Isa::AVX2 ? "avx2" : "avx512";
}

std::string stepSymbol(std::string_view model, std::string_view step, Isa isa) {
  return "espalier_" + std::string(model) + "_" + std::string(step) + "." +
         std::string(isaName(isa));
}

/// Clones the steps of `from` into `to`; gives the keys of the kernels.
static Result<SmallVector<KernelKey>> cloneSteps(ModuleOp from, ModuleOp to,
                                                 std::string_view model,
                                                 Isa isa, Isa kernelIsa) {
  SmallVector<KernelKey> keys;
  llvm::StringMap<std::string> kernels;
  for (auto function : from.getOps<LLVM::LLVMFuncOp>()) {
    if (!function.isExternal())
      continue;
    std::optional<KernelKey> key = declaredKernel(function);
    if (!key)
      return Error{"the lowered program calls '" + function.getName().str() +
                   "', which is no micro-kernel"};
    keys.push_back(*key);
    kernels[function.getName()] = kernelName(*key, kernelIsa);
  }
  OpBuilder b(to.getBodyRegion());
  // Constant tables: the kinds of the layers.
  for (auto global : from.getOps<LLVM::GlobalOp>()) {
    auto table = cast<LLVM::GlobalOp>(b.clone(*global));
    table.setLinkage(LLVM::Linkage::Internal);
  }
  for (auto function : from.getOps<LLVM::LLVMFuncOp>()) {
    if (function.isExternal())
      continue;
    auto step = cast<LLVM::LLVMFuncOp>(b.clone(*function));
    step.setName(stepSymbol(model, function.getName().str(), isa));
    step->setDiscardableAttrs(DictionaryAttr::get(step.getContext()));
    step.setVisibility_(LLVM::Visibility::Hidden);
    setIsaAttributes(step, isa);
    step.walk([&](LLVM::CallOp call) {
      if (auto callee = call.getCallee())
        call.setCallee(kernels.lookup(*callee));
    });
  }
  return keys;
}

static LogicalResult lowerKernels(ModuleOp module) {
  PassManager passes(module.getContext());
  passes.enableVerifier(false);
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertVectorToLLVMPass());
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  return passes.run(module);
}

Result<CodeModule> makeIsaModule(ModuleOp lowered, std::string_view model,
                                 Isa isa, bool wideKernels) {
  MLIRContext *context = lowered.getContext();
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  context->appendDialectRegistry(registry);

  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(context));
  Isa kernelIsa = wideKernels ? Isa::AVX512 : isa;
  auto keys = cloneSteps(lowered, *module, model, isa, kernelIsa);
  if (!keys)
    return keys.takeError();
  if (failed(generateKernels(*module, *keys, kernelIsa, wideKernels)) ||
      failed(lowerKernels(*module)))
    return Error{"micro-kernels cannot be generated"};
  // The translation takes what it is given for granted.
  if (failed(verify(*module)))
    return Error{"the lowered program is not valid"};
  for (auto function : module->getOps<LLVM::LLVMFuncOp>())
    if (function.getLinkage() == LLVM::Linkage::Private) {
      // A name for profilers; and one body, however few callers it has.
      function.setLinkage(LLVM::Linkage::Internal);
      function.setNoInline(true);
    }
  CodeModule code;
  code.context = std::make_unique<llvm::LLVMContext>();
  code.module = translateModuleToLLVMIR(
      *module, *code.context, "espalier." + std::string(isaName(isa)));
  if (!code.module)
    return Error{"the program cannot be translated to LLVM IR"};
  return code;
}

} // namespace espalier::cpu
