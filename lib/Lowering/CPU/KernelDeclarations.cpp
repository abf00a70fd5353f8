//===- KernelDeclarations.cpp - Which kernels a module calls --*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Lowering/CPU/KernelDeclarations.h"

using namespace mlir;

namespace espalier::cpu {

std::string genericKernelName(const KernelKey &key) {
  std::string name = kernelName(key, Isa::AVX2);
  return name.substr(0, name.rfind('.'));
}

std::optional<KernelKey> declaredKernel(LLVM::LLVMFuncOp function) {
  auto attr = function->getAttrOfType<DenseI32ArrayAttr>(kernelAttrName);
  if (!attr || attr.size() != 8)
    return std::nullopt;
  ArrayRef<int32_t> fields = attr.asArrayRef();
  return KernelKey{Kernel(fields[0]),   Encoding(fields[1]),
                   unsigned(fields[2]), Encoding(fields[3]),
                   Encoding(fields[4]), Function(fields[5]),
                   fields[6] != 0,      fields[7] != 0};
}

LLVM::LLVMFuncOp declareKernel(OpBuilder &builder, ModuleOp module,
                               const KernelKey &key) {
  std::string name = genericKernelName(key);
  if (auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return function;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  auto function = LLVM::LLVMFuncOp::create(
      builder, module.getLoc(), name, kernelType(key, module.getContext()));
  function->setAttr(
      kernelAttrName,
      builder.getDenseI32ArrayAttr(
          {int32_t(key.kernel), int32_t(key.weights), int32_t(key.group),
           int32_t(key.activations), int32_t(key.cache), int32_t(key.function),
           int32_t(key.softCap), int32_t(key.alibi)}));
  return function;
}

} // namespace espalier::cpu
