//===- KernelHarness.cpp - Kernels compiled in process
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelHarness.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/ExecutionEngine/Orc/ThreadSafeModule.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

#include <cstdlib>

using namespace mlir;

namespace espalier::cpu {

namespace {

[[noreturn]] void fail(llvm::StringRef what) {
  llvm::errs() << "kernel harness: " << what << "\n";
  std::abort();
}

std::unique_ptr<llvm::Module> translate(llvm::LLVMContext &context,
                                        ArrayRef<KernelKey> keys, Isa isa,
                                        bool expandDot) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  MLIRContext mlirContext(registry);
  OwningOpRef<ModuleOp> module =
      ModuleOp::create(UnknownLoc::get(&mlirContext));
  if (failed(generateKernels(*module, keys, isa, expandDot)))
    fail("generation failed");
  if (failed(verify(*module)))
    fail("the generated module is invalid");
  module->walk([](LLVM::LLVMFuncOp function) {
    function.setLinkage(LLVM::Linkage::External);
  });
  PassManager passes(&mlirContext);
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertVectorToLLVMPass());
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  if (failed(passes.run(*module)))
    fail("lowering failed");
  auto result = translateModuleToLLVMIR(*module, context);
  if (!result)
    fail("translation failed");
  return result;
}

std::unique_ptr<llvm::TargetMachine> targetMachine() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  std::string error;
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    fail(error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, "x86-64-v3", "", options, llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Default));
}

void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager calls;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(calls);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, calls, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2)
      .run(module, modules);
}

llvm::SmallVector<char, 0> compile(ArrayRef<KernelKey> keys, Isa isa,
                                   bool expandDot, llvm::CodeGenFileType type) {
  auto machine = targetMachine();
  llvm::LLVMContext context;
  auto module = translate(context, keys, isa, expandDot);
  optimize(*module, *machine);
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager codegen;
  if (machine->addPassesToEmitFile(codegen, stream, nullptr, type))
    fail("this target emits no such file");
  codegen.run(*module);
  return bytes;
}

} // namespace

struct CompiledKernels::Impl {
  Isa isa;
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

CompiledKernels::CompiledKernels(ArrayRef<KernelKey> keys, Isa isa,
                                 bool expandDot)
    : impl(new Impl{isa, nullptr}) {
  auto object =
      compile(keys, isa, expandDot, llvm::CodeGenFileType::ObjectFile);
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    fail(llvm::toString(jit.takeError()));
  impl->jit = std::move(*jit);
  if (auto error = impl->jit->addObjectFile(
          std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(object))))
    fail(llvm::toString(std::move(error)));
}
CompiledKernels::~CompiledKernels() = default;

void *CompiledKernels::address(const KernelKey &key) const {
  auto symbol = impl->jit->lookup(kernelName(key, impl->isa));
  if (!symbol)
    fail(llvm::toString(symbol.takeError()));
  return symbol->toPtr<void *>();
}

std::string assembly(ArrayRef<KernelKey> keys, Isa isa, bool expandDot) {
  auto text =
      compile(keys, isa, expandDot, llvm::CodeGenFileType::AssemblyFile);
  return std::string(text.begin(), text.end());
}

bool hasAvx512() {
  return __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512vnni");
}

} // namespace espalier::cpu
