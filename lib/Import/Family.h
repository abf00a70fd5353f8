//===- Family.h - What a family of models consists of -----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A family says which keys its configuration has, which weights there are
/// (`WeightTable`) and what a layer computes (`LayerBuilder`). That needs no
/// MLIR: the builder behind the interface makes the ops. See
/// docs/AddingAFamily.md.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_IMPORT_FAMILY_H
#define ESPALIER_LIB_IMPORT_FAMILY_H

#include "ConfigReader.h"
#include "espalier/Import/ModelConfig.h"
#include "espalier/Import/TensorSource.h"

#include <functional>

namespace espalier {

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// What the two formats call a tensor, without the layer's prefix
/// ("model.layers.{i}.", "blk.{i}.") in front and ".weight" or ".bias" behind.
struct TensorName {
  std::string_view huggingFace, gguf = {};
};

/// One thing that is done to a tensor when it is packed: see `#xf.recipe`.
struct RecipeStep {
  enum class Kind { Transpose, UnpermuteHeads, AddOne, SliceRows, SliceGroups };
  Kind kind;
  std::vector<int64_t> arguments = {};
};

/// One weight that a model has, and where it comes from.
struct WeightSpec {
  std::string symbol;
  std::string source; ///< name of the tensor; "{i}" stands for the layer
  /// Tensors of the same shape that follow it in the weight.
  std::vector<std::string> furtherSources;
  std::vector<uint64_t> shape;
  /// Of each tensor, where that is not the weight's.
  std::vector<uint64_t> sourceShape;
  std::vector<RecipeStep> recipe;
  bool layered = false;
  /// Not 0: a layer has the matrices of so many experts, each of `shape`.
  /// "{e}" in the source stands for the expert; a source without it is one
  /// tensor for all, whose first dimension counts them.
  uint64_t experts = 0;
  /// Which layers have it; empty: all. Layers of one kind agree.
  std::vector<bool> present;
  /// What a vector is made up around (`--random-weights`).
  float centre = 0;

  bool isMatrix() const { return shape.size() == 2; }
  bool isIn(uint64_t layer) const { return present.empty() || present[layer]; }
  /// Layer by layer for a layered weight, else once.
  uint64_t firstLayer() const;
  std::string nameIn(uint64_t layer, uint64_t expert = 0) const;
  /// All its tensors.
  std::vector<std::string> namesIn(uint64_t layer) const;
};

/// The weights of a model, declared before anything is built.
class WeightTable {
public:
  WeightTable(const ModelConfig &config, const Family &family,
              const TensorSource &tensors);

  /// `present`: as the configuration says; in a GGUF file, where the
  /// configuration does not say, the tensor decides.
  enum class Bias { None, Present };
  static Bias biasIf(bool present) {
    return present ? Bias::Present : Bias::None;
  }

  /// A norm's weight of every layer: `size` elements (0: hidden).
  struct NormOptions {
    uint64_t size = 0;
    Bias bias = Bias::None;
    bool addOne = false; ///< the tensor holds the weight less one
    /// Heads of `size` / rotatedHeads elements each that RoPE rotates.
    uint64_t rotatedHeads = 0;
  };
  void norm(std::string_view symbol, TensorName name) {
    norm(symbol, name, NormOptions());
  }
  void norm(std::string_view symbol, TensorName name,
            const NormOptions &options);

  /// A matrix [rows, columns] of every layer. `rotatedHeads`: the heads of a
  /// projection that RoPE rotates; where the tensor is stored for interleaved
  /// rotation, its rows and the bias are put back.
  void linear(std::string_view symbol, TensorName name, uint64_t rows,
              uint64_t columns, Bias bias, uint64_t rotatedHeads = 0);
  /// The same of a part of a tensor.
  struct MatrixOptions {
    Bias bias = Bias::None;
    bool transposed = false; ///< stored [columns, rows]
    std::optional<RecipeStep> slice = std::nullopt;
    uint64_t total = 0; ///< rows of the tensor, where it is sliced
  };
  void matrix(std::string_view symbol, TensorName name, uint64_t rows,
              uint64_t columns, const MatrixOptions &options);
  /// Rows `begin` .. `begin + rows` of a matrix of `total` rows.
  void rowsOf(std::string_view symbol, TensorName name, uint64_t begin,
              uint64_t rows, uint64_t total, uint64_t columns, Bias bias);

  /// The matrices [rows, columns] of all experts of a layer, each a tensor of
  /// its own: "{e}" in the name stands for the expert.
  void eachExpert(std::string_view symbol, TensorName name, uint64_t rows,
                  uint64_t columns);
  /// The same from one tensor [experts, total, columns], whose name has no
  /// suffix: rows `begin` .. `begin + rows` of each.
  void allExperts(std::string_view symbol, TensorName name, uint64_t begin,
                  uint64_t rows, uint64_t total, uint64_t columns);
  /// The checkpoint has such a tensor in the first layer of those that are
  /// declared for.
  bool has(TensorName name, std::string_view suffix) const;

  /// The whole model's: `name` holds the full name in a GGUF file, with its
  /// suffix, and what follows the model's prefix in a Hugging Face checkpoint.
  WeightSpec &whole(std::string_view symbol, TensorName name,
                    std::vector<uint64_t> shape);
  /// A norm of the whole model, [hidden].
  void wholeNorm(std::string_view symbol, TensorName name,
                 const NormOptions &options);
  /// The final norm under the family's name, with a bias or without.
  void finalNorm(const NormOptions &options);

  /// What is declared from here on belongs to the layers of which `filter`
  /// holds; null: to all layers.
  void only(std::function<bool(const LayerStructure &)> filter);

  /// The primitive: declares one weight, to be completed by the caller.
  WeightSpec &add(std::string_view symbol, std::string source,
                  std::vector<uint64_t> shape, bool layered);
  /// "model.layers.{i}." + name + suffix.
  std::string layerName(TensorName name, std::string_view suffix) const;
  bool isGGUF() const { return tensors.isGGUF(); }
  const TensorSource &source() const { return tensors; }
  const ModelConfig &model() const { return config; }
  const std::string &modelPrefix() const { return prefix; }

  const std::vector<WeightSpec> &all() const { return specs; }
  /// What was declared last, to be completed.
  WeightSpec &last() { return specs.back(); }

private:
  bool hasBias(const std::string &source, Bias bias) const;
  std::optional<RecipeStep> unpermute(uint64_t heads) const;

  const ModelConfig &config;
  const Family &family;
  const TensorSource &tensors;
  std::string prefix;
  std::vector<WeightSpec> specs;
  std::vector<bool> present;
};

//===----------------------------------------------------------------------===//
// What is computed
//===----------------------------------------------------------------------===//

/// Rows of the step that is being built.
struct Value {
  void *impl = nullptr;
  explicit operator bool() const { return impl != nullptr; }
};

/// Builds the ops of one kind of layer, and those before the first and after
/// the last one. Each call appends what computes the name of the current rows.
class LayerBuilder {
public:
  virtual ~LayerBuilder() = default;
  const ModelConfig &config;
  /// Of the layers that are being built; the default outside of layers.
  LayerStructure structure;

  /// Each run of `segment` columns alone (0: the whole row); added to
  /// `residual`, if given.
  virtual Value rmsNorm(Value x, std::string_view weight, Value residual = {},
                        uint64_t segment = 0) = 0;
  /// With the weight's bias, where it has one; added to `residual`, if given.
  virtual Value linear(Value x, std::string_view weight,
                       Value residual = {}) = 0;
  /// With the layer's rope; x itself where the layer has none.
  virtual Value rope(Value x) = 0;
  virtual void appendKeys(Value x) = 0;
  virtual void appendValues(Value x) = 0;
  virtual Value attention(Value q) = 0;
  /// The configuration's activation of `gate`, times `up`.
  virtual Value glu(Value gate, Value up) = 0;
  /// A mixture of experts, added to `residual`, if given: "router" scores them,
  /// each computes "expert_down"(glu("expert_gate"(x), "expert_up"(x))).
  virtual Value experts(Value x, Value residual = {}) = 0;
  virtual Value activation(Value x) = 0;
  /// With the weight's bias, where it has one; each run of `segment` columns
  /// alone (0: the whole row).
  virtual Value layerNorm(Value x, std::string_view weight,
                          uint64_t segment = 0) = 0;
  /// factor * x, added to `residual`, if given.
  virtual Value scale(Value x, double factor, Value residual = {}) = 0;
  /// x plus entry position + offset of a table.
  virtual Value positionEmbedding(Value x, std::string_view table,
                                  uint64_t offset = 0) = 0;

protected:
  explicit LayerBuilder(const ModelConfig &config) : config(config) {}
};

//===----------------------------------------------------------------------===//
// Family
//===----------------------------------------------------------------------===//

/// Keys that many families have, under the names and with the defaults of
/// transformers' configuration class. An empty name: the family has no such
/// key, and its hook says what counts.
struct ConfigKeys {
  std::string_view layers = "num_hidden_layers", hidden = "hidden_size",
                   heads = "num_attention_heads",
                   kvHeads = "num_key_value_heads", ffn = "intermediate_size",
                   positions = "max_position_embeddings",
                   epsilon = "rms_norm_eps", activation = "hidden_act";
  uint64_t defaultPositions = 2048;
  /// 0: the key must be there, as it is in all published configurations.
  uint64_t defaultLayers = 0, defaultHidden = 0, defaultHeads = 0,
           defaultKvHeads = 0, defaultFfn = 0, defaultVocab = 0;
  uint64_t defaultHeadDim = 0; ///< 0: hidden / heads
  /// Whether the configuration class takes null for the key/value heads, and
  /// means as many as attention heads by it. (A missing key is another thing:
  /// it means defaultKvHeads, or, where that is 0, as many.)
  bool nullKvHeads = true;
  double defaultEpsilon = 1e-6;
  Activation defaultActivation = Activation::Silu;
  bool tied = false;
  bool rope = true;
  double defaultTheta = 10000;
  bool partial = false; ///< a part of a head may be rotated
  double partialRotary = 1;
  /// Keys and the names that they have in other configurations.
  std::vector<std::pair<std::string_view, std::string_view>> aliases = {};
};

/// Names of a checkpoint's tensors.
struct ModelNames {
  /// In front of all but the output; the one under which the embedding is
  /// found.
  std::vector<std::string_view> prefixes = {"model."};
  std::string_view layer = "layers.{i}.", embedding = "embed_tokens",
                   finalNorm = "norm";
  /// The output has one of these names.
  std::vector<std::string_view> outputs = {"lm_head"};
  /// Tensors that no model needs: "*SUFFIX" or "PREFIX*".
  std::vector<std::string_view> harmless = {};
};

struct Family {
  std::string_view name;          ///< model_type
  std::string_view models;        ///< published models, for docs/families.md
  std::string_view remarks;       ///< what is particular, and what is refused
  bool inGGUF = false;            ///< also the architecture of GGUF files
  bool interleavedInGGUF = false; ///< whose q and k are stored interleaved
  /// The member of config.json that holds the decoder's configuration.
  std::string_view nested = {};
  ConfigKeys keys = {};
  ModelNames names = {};
  /// Reads the keys that only this family has, after the shared ones.
  void (*configure)(ConfigReader &, ModelConfig &) = nullptr;
  void (*weights)(const ModelConfig &, WeightTable &) = nullptr;
  /// Takes the residual stream to what leaves the layer.
  Value (*layer)(LayerBuilder &, Value) = nullptr;
  /// Between the embedding and the first layer.
  Value (*begin)(LayerBuilder &, Value) = nullptr;
  /// Between the last layer and the logits, on the wanted rows. Null: an RMS
  /// norm, "final_norm", which is declared for the family. A family with the
  /// hook declares its own.
  Value (*end)(LayerBuilder &, Value) = nullptr;
};

/// The registry, in the order of docs/families.md.
const std::vector<const Family *> &allFamilies();

} // namespace espalier

#endif // ESPALIER_LIB_IMPORT_FAMILY_H
