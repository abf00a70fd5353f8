//===- KernelDeclarations.h - Which kernels a module calls ----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// `convert-xf-to-llvm` emits code for no instruction set in particular: a call
/// names the micro-kernel without the set, and the declaration carries the key.
/// The target clones the functions for each set and generates the kernels.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LOWERING_CPU_KERNELDECLARATIONS_H
#define ESPALIER_LOWERING_CPU_KERNELDECLARATIONS_H

#include "espalier/Lowering/CPU/MicroKernels.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <optional>
#include <string>

namespace espalier::cpu {

/// The attribute of a declaration that holds its key.
inline constexpr llvm::StringLiteral kernelAttrName = "espalier.kernel";

/// kernelName without the instruction set: "xf_linear_q4_1g32_a8".
std::string genericKernelName(const KernelKey &key);

/// The key of a declaration; nothing where the function is no micro-kernel.
std::optional<KernelKey> declaredKernel(mlir::LLVM::LLVMFuncOp function);

/// The declaration of `key` in `module`, made where it is missing.
mlir::LLVM::LLVMFuncOp declareKernel(mlir::OpBuilder &builder,
                                     mlir::ModuleOp module,
                                     const KernelKey &key);

} // namespace espalier::cpu

#endif // ESPALIER_LOWERING_CPU_KERNELDECLARATIONS_H
