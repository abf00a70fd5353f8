//===- ModelConfig.h - The figures of a model -------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What config.json or the metadata of a GGUF file says about a model, checked.
/// Both readers are pure: they see parsed values, never files.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_IMPORT_MODELCONFIG_H
#define ESPALIER_IMPORT_MODELCONFIG_H

#include "espalier/Import/GGUF.h"
#include "espalier/Import/Tokenizer.h"
#include "espalier/Support/Json.h"
#include "espalier/Support/Result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace espalier {

struct Family;

/// A rotary position embedding: which part of a head is rotated, and how the
/// angles are stretched.
struct RopeConfig {
  enum class Kind { Default, Linear, Llama3, Yarn, LongRope, Dynamic };
  Kind kind = Kind::Default;
  double theta = 10000;
  uint64_t dim = 0; ///< rotated elements of a head, the first ones; even
  double factor = 1;
  /// llama3, yarn: of the unstretched model. longrope, dynamic: the longest
  /// context with the short factors, or without any.
  double originalPositions = 0;
  double lowFrequency = 1, highFrequency = 4; ///< llama3
  double betaFast = 32, betaSlow = 1;         ///< yarn
  bool truncate = true;       ///< yarn: whole correction dimensions
  double attentionFactor = 1; ///< yarn, longrope: scales cosines and sines
  std::vector<double> shortFactors, longFactors; ///< longrope, dim / 2 each

  /// The factors depend on the context for which a model is opened.
  bool dependsOnContext() const {
    return kind == Kind::LongRope || kind == Kind::Dynamic;
  }
};

enum class Activation { Silu, Gelu, GeluTanh, Relu, ReluSquared };

/// How a layer's parts are put together. Layers that differ are of different
/// kinds.
struct LayerStructure {
  uint64_t window = 0; ///< positions that a row sees; 0: all
  int32_t rope = 0;    ///< which of the model's ropes; -1: no rotation
  bool experts = false;
  auto operator<=>(const LayerStructure &) const = default;
};

/// A decoder. Every figure was checked by `checkConfig`.
struct ModelConfig {
  std::string family; ///< model_type, or general.architecture
  uint64_t layers = 0, hidden = 0, heads = 0, kvHeads = 0, headDim = 0;
  uint64_t ffn = 0, vocab = 0, maxPositions = 0;
  /// Of layers with experts: how many there are, to how many of them a row
  /// goes, how wide each is, and whether the weights of those sum to one.
  uint64_t experts = 0, expertsPerToken = 0, expertFfn = 0;
  bool renormalizeExperts = false;
  double normEpsilon = 0;
  std::vector<RopeConfig> ropes;         ///< none: no rotation anywhere
  std::vector<LayerStructure> structure; ///< of each layer
  Activation activation = Activation::Silu;
  bool tied = false; ///< logits use the embedding
  /// q, k, v and o have biases; gate, up and down have. A GGUF file does not
  /// say: there the tensors do.
  bool attentionBias = false, mlpBias = false;
  bool outputBias = false;
  /// The rows of q and k are stored for interleaved rotation (pairs 2j, 2j + 1)
  /// and are put back to half-split order when they are packed.
  bool interleavedRope = false;
  bool partialRope = false;      ///< the family may rotate a part of a head
  bool qkNorm = false;           ///< queries and keys are normalised
  bool parallelResidual = false; ///< attention and feed-forward side by side
  bool sharedNorm = false;       ///< side by side, both read the same norm
  double attentionScale = 0;     ///< of the scores
  /// alibi: the slope of each query head; none: the scores depend on no
  /// distance.
  std::vector<float> alibiSlopes;
  double attentionSoftCap = 0, logitSoftCap = 0; ///< 0: none
  double embeddingScale = 1, residualScale = 1, logitScale = 1;
  std::optional<int32_t> bos;
  std::vector<int32_t> eos;
  /// What config.json calls the element type; only weights that are made up
  /// (`--random-weights`) follow it, since real tensors say theirs.
  std::optional<Encoding> declaredType;
};

/// Bounds of every figure and the relations between them, whatever file they
/// came from.
Status checkConfig(const ModelConfig &config);

/// Reads a parsed config.json in the spelling of transformers 5
/// (`rope_parameters`, `dtype`) or an earlier one (`rope_theta`,
/// `rope_scaling`, `torch_dtype`), and, unless null, generation_config.json,
/// whose token ids go first. Messages name key and value, not the file.
Result<ModelConfig> readHuggingFaceConfig(const json::Value &config,
                                          const json::Value *generation);

/// Reads the metadata of a GGUF file whose architecture is a family.
Result<ModelConfig> readGGUFConfig(const GgufFile &file);

/// The tokenizer metadata of a GGUF file; nothing where it has none.
Result<std::optional<GGUFTokenizer>> readGGUFTokenizer(const GgufFile &file);

/// The angle per position of each rotated pair, `dim / 2` of them, rounded
/// where transformers rounds to float32. Of a rope that depends on the context:
/// those of short contexts.
std::vector<float> ropeFrequencies(const RopeConfig &rope);
/// longrope: those of contexts beyond the original one.
std::vector<float> longRopeFrequencies(const RopeConfig &rope);

/// Null: no such family.
const Family *findFamily(std::string_view name);
/// "llama, qwen2".
std::string familyNames();
/// docs/families.md.
std::string familyTable();

} // namespace espalier

#endif // ESPALIER_IMPORT_MODELCONFIG_H
