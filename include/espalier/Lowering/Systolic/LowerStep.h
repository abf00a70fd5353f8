//===- LowerStep.h - From a model's step to a sequence ----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// `@step`, after `xf-select-kv-layout` and `xf-round-for-array`, as a sequence
/// of instructions for one bucket of rows and of context. A step takes one
/// sequence's chain of rows.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LOWERING_SYSTOLIC_LOWERSTEP_H
#define ESPALIER_LOWERING_SYSTOLIC_LOWERSTEP_H

#include "espalier/Hardware/SystolicMachine.h"
#include "espalier/Lowering/Systolic/Image.h"
#include "espalier/Lowering/Systolic/Program.h"

#include "mlir/IR/BuiltinOps.h"

namespace espalier::systolic {

/// Where a model with a cache for `cacheRows` tokens has what in DRAM. Fails,
/// naming the operation, on what the accelerator's lowering does not take.
Result<ModelImage> planImage(mlir::ModuleOp module,
                             const hardware::SystolicMachine &machine,
                             uint32_t cacheRows);

/// A mark "layers FIRST-LAST" begins the body of a loop, "output" what follows
/// the last one; others name what is computed: "linear", "attention", ... with
/// what is done to rows before it. They stand in the queue of the array.
inline constexpr const char *layersMark = "layers ", *outputMark = "output";

struct StepBucket {
  uint32_t rows = 1;    ///< of one call
  uint32_t context = 0; ///< cache rows that it sees; at most image.cacheRows
};

/// The regions of the sequence have their sizes, but no contents. Fails, with
/// the figures, where a bucket's values do not fit the scratchpad.
Result<Sequence> lowerStep(mlir::ModuleOp module,
                           const hardware::SystolicMachine &machine,
                           const ModelImage &image, const StepBucket &bucket);

} // namespace espalier::systolic

#endif // ESPALIER_LOWERING_SYSTOLIC_LOWERSTEP_H
