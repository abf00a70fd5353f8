//===- PackWeights.h - The weights of a module, packed ----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TARGET_PACKWEIGHTS_H
#define ESPALIER_TARGET_PACKWEIGHTS_H

#include "espalier/Import/TensorSource.h"
#include "espalier/Support/Result.h"
#include "espalier/Target/PackedWeights.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace espalier {

/// Evaluates the recipes of a module that `xf-pack-weights` has run on, and
/// writes the container to `path`: first under another name in the same folder,
/// then renamed, so that `path` is whole or untouched. Memory does not depend
/// on the size of the model. Fails where a tensor does not fit its recipe,
/// holds what cannot be packed (a q8_0 code of -128, a scale that is not
/// finite), or changed since it was opened.
Result<PackedWeights> packWeights(mlir::ModuleOp module,
                                  const TensorSource &source,
                                  const std::string &path,
                                  const PackOptions &options = {});

/// The same into an open file, from `offset` (a multiple of 4096) on: what a
/// bundle needs.
Result<PackedWeights> packWeightsInto(mlir::ModuleOp module,
                                      const TensorSource &source, int fd,
                                      uint64_t offset,
                                      const PackOptions &options = {});

} // namespace espalier

#endif // ESPALIER_TARGET_PACKWEIGHTS_H
