//===- WeightLayout.h - Where each packed weight lies -----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Where the packed weights lie in the data section of their container. The
/// layout follows from the types of the `xf.weight` ops alone, in the order of
/// the module, so that the code can be compiled while the weights are packed.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TARGET_WEIGHTLAYOUT_H
#define ESPALIER_TARGET_WEIGHTLAYOUT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace espalier {

namespace xf {
class WeightOp;
}

/// Weights begin at multiples of this many bytes, each layer of them too.
inline constexpr uint64_t weightAlignment = 64;

/// One weight: its layers one after the other, a single one where the weight
/// belongs to no layer.
struct WeightPlacement {
  mlir::StringAttr symbol;
  /// Bytes from the start of the data section to the first layer.
  uint64_t offset;
  /// Bytes of one layer's panels or elements.
  uint64_t bytes;
  /// Bytes from one layer to the next: `bytes` rounded up to 64, the rest zero.
  uint64_t stride;
  uint64_t layers;
};

struct WeightLayout {
  /// In the order of the module's `xf.weight` ops.
  std::vector<WeightPlacement> weights;
  /// Of the whole data section.
  uint64_t bytes = 0;
};

/// Fails, with a diagnostic, where a weight's element has no size in bytes or
/// the sizes overflow.
mlir::FailureOr<WeightLayout> computeWeightLayout(mlir::ModuleOp module);

/// The layout as the attribute that the CPU lowering reads: for each symbol
/// `[offset, stride]`.
inline constexpr llvm::StringLiteral weightLayoutAttrName = "xf.weight_layout";
mlir::DictionaryAttr weightLayoutAttr(mlir::MLIRContext *context,
                                      const WeightLayout &layout);

/// `xf-layout-weights`: sets that attribute on the module.
std::unique_ptr<mlir::Pass> createLayoutWeightsPass();
void registerLayoutWeightsPass();

} // namespace espalier

#endif // ESPALIER_TARGET_WEIGHTLAYOUT_H
