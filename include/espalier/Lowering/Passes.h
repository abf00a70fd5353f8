//===- Passes.h - From xf to what a machine runs ----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LOWERING_PASSES_H
#define ESPALIER_LOWERING_PASSES_H

#include "espalier/Dialect/SPMD/SPMD.h"
#include "espalier/Dialect/Systolic/Systolic.h"
#include "espalier/Dialect/XF/XF.h"
#include "mlir/Pass/Pass.h"

namespace espalier {

#define GEN_PASS_DECL
#include "espalier/Lowering/Passes.h.inc"

/// Appends the passes from an xf module with packed weights to bufferised step
/// functions with barriers and arenas: partition, repeat, one-shot
/// bufferisation, buffers, barriers. Registered as `espalier-spmd`.
void buildSPMDPipeline(mlir::OpPassManager &manager);
void registerSPMDPipeline();

/// Appends the passes from there to functions of the LLVM dialect that call
/// micro-kernels. Registered as `espalier-cpu-lowering`.
void buildCPULoweringPipeline(mlir::OpPassManager &manager);
void registerCPULoweringPipeline();

#define GEN_PASS_REGISTRATION
#include "espalier/Lowering/Passes.h.inc"

} // namespace espalier

#endif // ESPALIER_LOWERING_PASSES_H
