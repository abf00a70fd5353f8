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
/// (`LayerBuilder`): see docs/AddingAFamily.md.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_IMPORT_MODELBUILDER_H
#define ESPALIER_LIB_IMPORT_MODELBUILDER_H

#include "espalier/Dialect/XF/XF.h"
#include "espalier/Import/ModelConfig.h"
#include "espalier/Import/TensorSource.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/StringMap.h"

namespace espalier {

/// What the two formats call a tensor, without "model.layers.{i}." or
/// "blk.{i}." in front and ".weight" behind.
struct TensorName {
  llvm::StringRef huggingFace, gguf;
};

/// One weight that a model has, and where it comes from.
struct WeightSpec {
  std::string symbol;
  std::string source; ///< name of the tensor; "{i}" stands for the layer
  std::vector<uint64_t> shape;
  bool layered = false;
  /// The rows of this many heads are stored for interleaved rotation.
  uint64_t interleavedHeads = 0;
  /// What a vector is made up around (`--random-weights`).
  float centre = 0;

  bool isMatrix() const { return shape.size() == 2; }
  std::string nameIn(uint64_t layer) const;
};

/// The weights of a model, declared before anything is built.
class WeightTable {
public:
  WeightTable(const ModelConfig &config, const TensorSource &tensors)
      : config(config), tensors(tensors) {}

  /// A norm's weight, [hidden], of every layer.
  void norm(llvm::StringRef symbol, TensorName name);

  enum class Bias { None, Present };
  /// A matrix [rows, columns] of every layer. `bias`: as the configuration
  /// says; in a GGUF file, where the configuration does not say, the tensor
  /// decides. `rotatedHeads`: the heads of a projection that RoPE rotates.
  void linear(llvm::StringRef symbol, TensorName name, uint64_t rows,
              uint64_t columns, Bias bias, uint64_t rotatedHeads = 0);

  const std::vector<WeightSpec> &all() const { return specs; }

private:
  friend class ModelBuilder;
  void whole(llvm::StringRef symbol, TensorName name,
             std::vector<uint64_t> shape);
  std::string layerName(TensorName name, llvm::StringRef suffix) const;

  const ModelConfig &config;
  const TensorSource &tensors;
  std::vector<WeightSpec> specs;
};

/// Builds the ops of one kind of layer. Each call appends an op that computes
/// what its name says of the current rows.
class LayerBuilder {
public:
  mlir::Value rmsNorm(mlir::Value x, llvm::StringRef weight);
  /// With the weight's bias, where it has one; added to `residual`, if given.
  mlir::Value linear(mlir::Value x, llvm::StringRef weight,
                     mlir::Value residual = {});
  mlir::Value rope(mlir::Value x);
  void append(xf::CachePart part, mlir::Value x);
  mlir::Value attention(mlir::Value q);
  mlir::Value glu(mlir::Value gate, mlir::Value up);

private:
  friend class ModelBuilder;
  LayerBuilder(class ModelBuilder &model, mlir::ImplicitLocOpBuilder &b)
      : model(model), b(b) {}
  mlir::Value empty(int64_t columns);
  mlir::Value weight(llvm::StringRef name);

  ModelBuilder &model;
  mlir::ImplicitLocOpBuilder &b;
  mlir::Value rows, count, zero, layer, number, cache;
  unsigned kind = 0;
};

/// What a family consists of.
struct Family {
  llvm::StringRef name; ///< model_type
  bool inGGUF;          ///< also the architecture of GGUF files
  void (*weights)(const ModelConfig &, WeightTable &);
  /// Takes the residual stream to what leaves the layer.
  mlir::Value (*layer)(LayerBuilder &, mlir::Value);
};

/// Null: no such family.
const Family *findFamily(llvm::StringRef name);
/// "llama, qwen2".
std::string familyNames();

/// Makes the module of one model.
class ModelBuilder {
public:
  /// Made-up tensors are declared in `tensors`.
  ModelBuilder(const ModelConfig &config, const Family &family,
               TensorSource &tensors, mlir::MLIRContext *context);

  /// Compares the weights with the tensors and finds the kinds of layers.
  Status check();
  /// `frequencies` of the rope table; the file name for the card.
  mlir::OwningOpRef<mlir::ModuleOp> build(llvm::ArrayRef<float> frequencies,
                                          mlir::Type cacheElement,
                                          llvm::StringRef source);

  /// The element type of the cache where nobody chose one: float32 for a
  /// checkpoint in float32, else float16.
  mlir::Type defaultCacheElement() const;

private:
  friend class LayerBuilder;
  Status checkTensor(const WeightSpec &spec, uint64_t layer);
  Status checkUnused();
  void findKinds();
  /// The type of a weight in layer `layer`.
  mlir::RankedTensorType typeOf(const WeightSpec &spec, uint64_t layer) const;
  std::string symbolOf(const WeightSpec &spec, unsigned kind) const;
  const WeightSpec *spec(llvm::StringRef symbol) const;
  void emitWeights(mlir::ImplicitLocOpBuilder &b);
  void emitStep(mlir::ImplicitLocOpBuilder &b);
  void emitCommit(mlir::ImplicitLocOpBuilder &b);
  mlir::DictionaryAttr card(llvm::StringRef source) const;

  const ModelConfig &config;
  const Family &family;
  TensorSource &tensors;
  mlir::MLIRContext *context;
  WeightTable table;
  llvm::StringMap<size_t> bySymbol;
  std::vector<int32_t> kindOfLayer;
  std::vector<std::vector<int32_t>> layersOfKind;
  xf::KVCacheType cacheType;
};

} // namespace espalier

#endif // ESPALIER_LIB_IMPORT_MODELBUILDER_H
