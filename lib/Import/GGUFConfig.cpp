//===- GGUFConfig.cpp - Metadata of a GGUF file ---------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Family.h"

#include <algorithm>
#include <cmath>

namespace espalier {
namespace {

/// The keys of the file's architecture. Each getter leaves `into` as
/// it is where the key is missing.
class Keys {
public:
  Keys(const GgufFile &file, std::string_view architecture)
      : file(file), prefix(std::string(architecture) + ".") {}

  std::string full(std::string_view key) const {
    return prefix + std::string(key);
  }
  const GgufValue *find(std::string_view key) const {
    return file.find(full(key));
  }

  Status count(std::string_view key, uint64_t &into,
               bool required = false) const {
    if (!find(key) && !required)
      return {};
    Result<uint64_t> value = file.getUnsigned(full(key));
    if (!value)
      return value.takeError();
    into = *value;
    return {};
  }

  /// A count that may be given layer by layer, if all layers agree.
  Status countOfLayers(std::string_view key, uint64_t layers, uint64_t &into,
                       bool required = false) const {
    const GgufValue *value = find(key);
    if (!value || !value->isArray())
      return count(key, into, required);
    Result<std::vector<int64_t>> all = file.getIntegers(full(key), layers);
    if (!all)
      return all.takeError();
    for (int64_t one : *all)
      if (one < 0 || one != all->front())
        return Error{"'" + full(key) + "': " + std::to_string(one) + " after " +
                     std::to_string(all->front()) +
                     " is not supported; all layers must agree"};
    if (!all->empty())
      into = uint64_t(all->front());
    return {};
  }

  Status number(std::string_view key, double &into,
                bool required = false) const {
    if (!find(key) && !required)
      return {};
    Result<double> value = file.getFloat(full(key));
    if (!value)
      return value.takeError();
    into = *value;
    return {};
  }

private:
  const GgufFile &file;
  std::string prefix;
};

/// Keys that change what the model computes, and the value with which they do
/// not.
Status refuseUnsupported(const GgufFile &file, const Keys &keys) {
  struct Neutral {
    const char *key;
    double value;
  };
  for (const Neutral &n :
       {Neutral{"expert_count", 0}, Neutral{"attention.sliding_window", 0},
        Neutral{"attention.scale", 0}, Neutral{"attention.clamp_kqv", 0},
        Neutral{"attention.max_alibi_bias", 0},
        Neutral{"attn_logit_softcapping", 0},
        Neutral{"final_logit_softcapping", 0}, Neutral{"logit_scale", 0},
        Neutral{"residual_scale", 0}, Neutral{"embedding_scale", 0},
        Neutral{"attention.causal", 1}, Neutral{"use_parallel_residual", 0},
        Neutral{"rope.scaling.yarn_log_multiplier", 0},
        Neutral{"rope.scaling.yarn_ext_factor", 1},
        Neutral{"rope.scaling.yarn_attn_factor", 1}}) {
    std::string key = keys.full(n.key);
    const GgufValue *value = file.find(key);
    if (!value)
      continue;
    double number = 0;
    if (auto u = value->asUnsigned())
      number = double(*u);
    else if (auto f = value->asFloat())
      number = *f;
    else if (auto b = value->asBool())
      number = *b;
    else
      return Error{"'" + key + "': expected a number, got " +
                   value->describe()};
    if (number != n.value)
      return Error{"'" + key + "': " + std::to_string(number) +
                   " is not supported"};
  }
  return {};
}

Status readRope(const GgufFile &file, const Keys &keys, ModelConfig &config) {
  RopeConfig &out = config.ropes.emplace_back();
  out.dim = config.headDim;
  if (Status s = keys.number("rope.freq_base", out.theta); !s)
    return s;
  uint64_t rotated = config.headDim;
  if (Status s = keys.count("rope.dimension_count", rotated); !s)
    return s;
  if (rotated != config.headDim)
    return Error{"'" + keys.full("rope.dimension_count") +
                 "': " + std::to_string(rotated) + " of " +
                 std::to_string(config.headDim) +
                 " is not supported; only whole heads can be rotated"};

  double factor = 0;
  if (Status s = keys.number("rope.scale_linear", factor); !s)
    return s;
  bool legacy = factor != 0;
  if (Status s = keys.number("rope.scaling.factor", factor); !s)
    return s;
  // The format's own factor of cosines and sines.
  double attention = 1;
  if (Status s = keys.number("rope.scaling.attn_factor", attention); !s)
    return s;
  std::string type = legacy ? "linear" : "none";
  if (keys.find("rope.scaling.type")) {
    Result<std::string_view> name =
        file.getString(keys.full("rope.scaling.type"));
    if (!name)
      return name.takeError();
    type = *name;
  } else if (factor != 0) {
    type = "linear"; // what a factor alone means in this format
  }
  if (type != "none" && type != "linear" && type != "yarn")
    return Error{"'" + keys.full("rope.scaling.type") + "': \"" +
                 type.substr(0, 80) +
                 "\" is not supported; none, linear and yarn are"};
  if (attention != 1 && (type != "yarn" || factor == 0))
    return Error{"'" + keys.full("rope.scaling.attn_factor") +
                 "': " + std::to_string(attention) +
                 " is not supported without a scaling of type yarn"};
  if (type == "none")
    return {};
  if (factor == 0) // zero and absent both mean no scaling
    return {};
  out.factor = factor;
  if (type == "linear") {
    out.kind = RopeConfig::Kind::Linear;
    return {};
  }
  out.kind = RopeConfig::Kind::Yarn;
  uint64_t original = config.maxPositions;
  if (Status s = keys.count("rope.scaling.original_context_length", original);
      !s)
    return s;
  out.originalPositions = double(original);
  for (auto [key, into] :
       {std::pair("rope.scaling.yarn_beta_fast", &out.betaFast),
        std::pair("rope.scaling.yarn_beta_slow", &out.betaSlow)})
    if (Status s = keys.number(key, *into); !s)
      return s;
  // It multiplies the one that follows from the scaling.
  out.attentionFactor =
      attention * (factor <= 1 ? 1.0 : 0.1 * std::log(factor) + 1.0);
  return {};
}

Status readToken(const GgufFile &file, std::string_view key,
                 std::optional<int32_t> &into) {
  if (!file.find(key))
    return {};
  Result<uint64_t> id = file.getUnsigned(key);
  if (!id)
    return id.takeError();
  if (*id > INT32_MAX)
    return Error{"'" + std::string(key) + "': expected a token id, got " +
                 std::to_string(*id)};
  into = int32_t(*id);
  return {};
}

Status readVocabulary(const GgufFile &file, const Keys &keys,
                      ModelConfig &config) {
  // The embedding decides; a stated size must agree with it (the tensors are
  // compared with the configuration later).
  const GgufTensor *embedding = file.findTensor("token_embd.weight");
  if (!embedding)
    return Error{"tensor 'token_embd.weight' is missing"};
  if (embedding->dims.size() != 2)
    return Error{"tensor 'token_embd.weight': expected 2 dimensions, got " +
                 std::to_string(embedding->dims.size())};
  config.vocab = embedding->dims[1];
  if (Status s = keys.count("vocab_size", config.vocab); !s)
    return s;

  std::optional<int32_t> eos;
  if (Status s = readToken(file, "tokenizer.ggml.bos_token_id", config.bos); !s)
    return s;
  if (Status s = readToken(file, "tokenizer.ggml.eos_token_id", eos); !s)
    return s;
  if (eos)
    config.eos.push_back(*eos);
  for (const char *key :
       {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    std::optional<int32_t> id;
    if (Status s = readToken(file, key, id); !s)
      return s;
    if (id && id != eos)
      config.eos.push_back(*id);
  }
  return {};
}

std::string ggufFamilyNames() {
  std::string names;
  for (const Family *family : allFamilies())
    if (family->inGGUF) {
      names += names.empty() ? "" : ", ";
      names += family->name;
    }
  return names;
}

} // namespace

Result<ModelConfig> readGGUFConfig(const GgufFile &file) {
  Result<std::string_view> architecture =
      file.getString("general.architecture");
  if (!architecture)
    return architecture.takeError();
  const Family *family = findFamily(*architecture);
  if (!family || !family->inGGUF)
    return Error{"'general.architecture': \"" +
                 std::string(architecture->substr(0, 80)) +
                 "\" is not supported; " + ggufFamilyNames() + " are"};
  Keys keys(file, *architecture);
  if (Status s = refuseUnsupported(file, keys); !s)
    return s.takeError();

  ModelConfig config;
  config.family = *architecture;
  if (Status s = keys.count("block_count", config.layers, true); !s)
    return s.takeError();
  if (Status s = keys.count("embedding_length", config.hidden, true); !s)
    return s.takeError();
  if (Status s = keys.count("context_length", config.maxPositions, true); !s)
    return s.takeError();
  if (Status s = keys.countOfLayers("attention.head_count", config.layers,
                                    config.heads, true);
      !s)
    return s.takeError();
  config.kvHeads = config.heads;
  if (Status s = keys.countOfLayers("attention.head_count_kv", config.layers,
                                    config.kvHeads);
      !s)
    return s.takeError();
  if (Status s = keys.countOfLayers("feed_forward_length", config.layers,
                                    config.ffn, true);
      !s)
    return s.takeError();
  if (keys.find("attention.key_length")) {
    if (Status s = keys.count("attention.key_length", config.headDim); !s)
      return s.takeError();
  } else {
    if (config.heads == 0 || config.hidden % config.heads != 0)
      return Error{"'" + keys.full("embedding_length") +
                   "': expected a multiple of the " +
                   std::to_string(config.heads) + " heads, got " +
                   std::to_string(config.hidden)};
    config.headDim = config.hidden / config.heads;
  }
  uint64_t valueDim = config.headDim;
  if (Status s = keys.count("attention.value_length", valueDim); !s)
    return s.takeError();
  if (valueDim != config.headDim)
    return Error{"'" + keys.full("attention.value_length") +
                 "': " + std::to_string(valueDim) +
                 " is not supported; it must equal the length of the keys, " +
                 std::to_string(config.headDim)};
  if (Status s = keys.number("attention.layer_norm_rms_epsilon",
                             config.normEpsilon, true);
      !s)
    return s.takeError();
  // checkConfig refuses more; the list must not grow before.
  config.structure.resize(std::min<uint64_t>(config.layers, 1024));
  config.attentionScale = 1 / std::sqrt(double(config.headDim));
  // Files of this architecture hold q and k for interleaved rotation.
  config.interleavedRope = family->interleavedInGGUF;
  if (Status s = readRope(file, keys, config); !s)
    return s.takeError();
  if (Status s = readVocabulary(file, keys, config); !s)
    return s.takeError();
  config.tied = !file.findTensor("output.weight");
  if (Status s = checkConfig(config); !s)
    return s.takeError();
  return config;
}

Result<std::optional<GGUFTokenizer>> readGGUFTokenizer(const GgufFile &file) {
  if (!file.find("tokenizer.ggml.model"))
    return std::optional<GGUFTokenizer>();
  GGUFTokenizer out;
  Result<std::string_view> model = file.getString("tokenizer.ggml.model");
  if (!model)
    return model.takeError();
  out.model = *model;
  if (file.find("tokenizer.ggml.pre")) {
    Result<std::string_view> pre = file.getString("tokenizer.ggml.pre");
    if (!pre)
      return pre.takeError();
    out.pre = std::string(*pre);
  }
  Result<std::vector<std::string_view>> tokens =
      file.getStrings("tokenizer.ggml.tokens");
  if (!tokens)
    return tokens.takeError();
  out.tokens.assign(tokens->begin(), tokens->end());
  if (file.find("tokenizer.ggml.token_type")) {
    Result<std::vector<int64_t>> types =
        file.getIntegers("tokenizer.ggml.token_type", tokens->size());
    if (!types)
      return types.takeError();
    for (int64_t type : *types) {
      if (type < 0 || type > 255)
        return Error{"'tokenizer.ggml.token_type': expected small numbers, "
                     "got " +
                     std::to_string(type)};
      out.types.push_back(int32_t(type));
    }
  }
  if (file.find("tokenizer.ggml.scores")) {
    Result<std::vector<float>> scores =
        file.getFloats("tokenizer.ggml.scores", tokens->size());
    if (!scores)
      return scores.takeError();
    out.scores = std::move(*scores);
  }
  if (file.find("tokenizer.ggml.merges")) {
    Result<std::vector<std::string_view>> merges =
        file.getStrings("tokenizer.ggml.merges");
    if (!merges)
      return merges.takeError();
    out.merges.assign(merges->begin(), merges->end());
  }
  auto id = [&](const char *key, std::optional<uint32_t> &into) -> Status {
    std::optional<int32_t> value;
    if (Status s = readToken(file, key, value); !s)
      return s;
    if (value)
      into = uint32_t(*value);
    return {};
  };
  if (Status s = id("tokenizer.ggml.bos_token_id", out.bos); !s)
    return s.takeError();
  if (Status s = id("tokenizer.ggml.eos_token_id", out.eos); !s)
    return s.takeError();
  if (Status s = id("tokenizer.ggml.unknown_token_id", out.unknown); !s)
    return s.takeError();
  auto flag = [&](const char *key, std::optional<bool> &into) -> Status {
    if (!file.find(key))
      return {};
    Result<bool> value = file.getBool(key);
    if (!value)
      return value.takeError();
    into = *value;
    return {};
  };
  if (Status s = flag("tokenizer.ggml.add_bos_token", out.addBos); !s)
    return s.takeError();
  if (Status s = flag("tokenizer.ggml.add_eos_token", out.addEos); !s)
    return s.takeError();
  if (Status s = flag("tokenizer.ggml.add_space_prefix", out.addSpacePrefix);
      !s)
    return s.takeError();
  return std::optional<GGUFTokenizer>(std::move(out));
}

} // namespace espalier
