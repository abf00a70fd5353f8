//===- Accelerator.h - What a model takes on an accelerator -----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The compiler's prediction for `espalier explain`. Nothing of LLVM.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_ACCELERATOR_H
#define ESPALIER_TOOLS_ACCELERATOR_H

#include "Artefact.h"

namespace espalier::tool {

/// One step of so many rows that sees so many cached tokens.
struct AcceleratorBucket {
  uint32_t rows = 0, context = 0;
  std::string refused; ///< why there is none; empty: there is
  uint64_t cycles = 0;
  /// Cycles in which the units work: the bus to memory, the array's stream and
  /// its loading of weights, both vector units.
  uint64_t bus = 0, stream = 0, loading = 0, vectorA = 0, vectorB = 0;
  uint64_t instructions = 0;
  /// Cycles of what is computed, all layers together.
  std::vector<std::pair<std::string, uint64_t>> phases;
};

struct AcceleratorPlan {
  std::string machine;
  uint32_t rows = 0, columns = 0, bytesPerCycle = 0, context = 0;
  double clock = 0;
  /// Cycles in which a tile of bf16 weights loads, and in which it comes from
  /// memory: as many rows are free.
  uint64_t loadCycles = 0, tileCycles = 0;
  std::vector<AcceleratorBucket> buckets;
};

/// Whether `options` name an accelerator of the catalogue, or a file whose
/// target is one; the rest of it may be wrong.
bool namesAccelerator(const ModelOptions &options);

/// Lowers the model's step for every bucket of rows and of context up to
/// `context` tokens (0: the smaller of the model's and 4096; more than the
/// model's are an error), and predicts its cycles. Each program is written to
/// `programs`, a folder, unless that is empty: rows-16-context-256.bin.
Result<AcceleratorPlan> planAccelerator(const std::string &model,
                                        const ModelOptions &options,
                                        uint32_t context,
                                        const std::string &programs);

void printAcceleratorPlan(const AcceleratorPlan &plan);
/// One JSON object.
std::string acceleratorPlanJson(const AcceleratorPlan &plan);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_ACCELERATOR_H
