//===- ModelBuilder.h - From figures and tensors to xf ----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What all families share: which weights there are and whether the checkpoint
/// has them, which layers are of one kind, and the module around the layer. A
/// family says what its layer holds (`WeightTable`) and computes
/// (`LayerBuilder`): see Family.h and docs/AddingAFamily.md.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_IMPORT_MODELBUILDER_H
#define ESPALIER_LIB_IMPORT_MODELBUILDER_H

#include "Family.h"
#include "espalier/Dialect/XF/XF.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/StringMap.h"

namespace espalier {

/// Makes the module of one model.
class ModelBuilder {
public:
  /// Made-up tensors are declared in `tensors`. `divisors`: of the frequencies
  /// of the first rope, where a GGUF file has them as a tensor.
  ModelBuilder(const ModelConfig &config, const Family &family,
               TensorSource &tensors, llvm::ArrayRef<float> divisors,
               mlir::MLIRContext *context);

  /// Compares the weights with the tensors and finds the kinds of layers.
  Status check();
  /// The file name is for the card.
  mlir::OwningOpRef<mlir::ModuleOp> build(mlir::Type cacheElement,
                                          llvm::StringRef source);

  /// The element type of the cache where nobody chose one: float32 for a
  /// checkpoint in float32, else float16.
  mlir::Type defaultCacheElement() const;

private:
  friend class OpsBuilder;
  Status checkTensors(const WeightSpec &spec, uint64_t layer);
  Status checkTensor(const WeightSpec &spec, const std::string &name);
  Status checkUnused();
  Status computeFrequencies();
  void findKinds();
  /// The type of a weight in layer `layer`.
  mlir::RankedTensorType typeOf(const WeightSpec &spec, uint64_t layer) const;
  std::string symbolOf(const WeightSpec &spec, unsigned kind) const;
  const WeightSpec *spec(llvm::StringRef symbol) const;
  void emitWeights(mlir::ImplicitLocOpBuilder &b);
  void emitRopes(mlir::ImplicitLocOpBuilder &b);
  void emitStep(mlir::ImplicitLocOpBuilder &b);
  void emitCommit(mlir::ImplicitLocOpBuilder &b);
  mlir::DictionaryAttr card(llvm::StringRef source) const;

  const ModelConfig &config;
  const Family &family;
  TensorSource &tensors;
  llvm::ArrayRef<float> divisors;
  mlir::MLIRContext *context;
  WeightTable table;
  llvm::StringMap<size_t> bySymbol;
  std::vector<std::vector<float>> frequencies; ///< of each rope
  std::vector<int32_t> kindOfLayer;
  std::vector<std::vector<int32_t>> layersOfKind;
  xf::KVCacheType cacheType;
};

} // namespace espalier

#endif // ESPALIER_LIB_IMPORT_MODELBUILDER_H
