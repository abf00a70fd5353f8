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

/// How the angles of the rotary position embedding are stretched.
struct RopeScaling {
  enum class Kind { Default, Linear, Llama3, Yarn };
  Kind kind = Kind::Default;
  double factor = 1;
  double originalPositions = 0;               ///< llama3, yarn
  double lowFrequency = 1, highFrequency = 4; ///< llama3
  double betaFast = 32, betaSlow = 1;         ///< yarn
  bool truncate = true;       ///< yarn: whole correction dimensions
  double attentionFactor = 1; ///< yarn: scales cosines and sines
};

/// A decoder of the llama shape. Every figure was checked by `checkConfig`.
struct ModelConfig {
  std::string family; ///< model_type, or general.architecture
  uint64_t layers = 0, hidden = 0, heads = 0, kvHeads = 0, headDim = 0;
  uint64_t ffn = 0, vocab = 0, maxPositions = 0;
  double normEpsilon = 0;
  double ropeTheta = 10000;
  RopeScaling rope;
  bool tied = false; ///< logits use the embedding
  /// q, k, v and o have biases; gate, up and down have. A GGUF file does not
  /// say: there the tensors do.
  bool attentionBias = false, mlpBias = false;
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

/// Reads the metadata of a GGUF file of architecture llama.
Result<ModelConfig> readGGUFConfig(const GgufFile &file);

/// The tokenizer metadata of a GGUF file; nothing where it has none.
Result<std::optional<GGUFTokenizer>> readGGUFTokenizer(const GgufFile &file);

/// The angle per position of each rotated pair, `headDim / 2` of them, rounded
/// where transformers rounds to float32.
std::vector<float> ropeFrequencies(const ModelConfig &config);

} // namespace espalier

#endif // ESPALIER_IMPORT_MODELCONFIG_H
