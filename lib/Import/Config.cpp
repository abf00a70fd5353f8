//===- Config.cpp - config.json of a Hugging Face checkpoint --------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/ModelConfig.h"

#include <cmath>

namespace espalier {
namespace {

using json::Value;

Error wrongKind(std::string_view key, const char *wanted, const Value &value) {
  return Error{"'" + std::string(key) + "': expected " + wanted + ", got " +
               std::string(json::kindName(value.kind()))};
}

/// The value as a message shows it.
std::string shown(const Value &value) {
  if (const std::string *s = value.asString())
    return json::quote(s->substr(0, 80));
  if (auto b = value.asBool())
    return *b ? "true" : "false";
  if (auto i = value.asInteger())
    return std::to_string(*i);
  if (auto d = value.asDouble())
    return std::to_string(*d);
  return std::string(json::kindName(value.kind()));
}

Error unsupported(std::string_view key, const Value &value,
                  const std::string &instead) {
  return Error{"'" + std::string(key) + "': " + shown(value) +
               " is not supported; " + instead};
}

/// Members of one object. A member that is null counts as absent, as it does
/// for transformers.
class Members {
public:
  explicit Members(const Value &object) : object(object) {}

  const Value *find(std::string_view key) const {
    const Value *value = object.find(key);
    return value && !value->isNull() ? value : nullptr;
  }

  Result<std::optional<uint64_t>> count(std::string_view key) const {
    const Value *value = find(key);
    if (!value)
      return std::optional<uint64_t>();
    std::optional<uint64_t> number = value->asUnsigned();
    if (!number)
      return Error{"'" + std::string(key) +
                   "': expected a non-negative integer, got " + shown(*value)};
    return number;
  }

  Result<std::optional<double>> number(std::string_view key) const {
    const Value *value = find(key);
    if (!value)
      return std::optional<double>();
    std::optional<double> number = value->asDouble();
    if (!number)
      return wrongKind(key, "a number", *value);
    return number;
  }

  Result<bool> flag(std::string_view key, bool otherwise) const {
    const Value *value = find(key);
    if (!value)
      return otherwise;
    if (auto b = value->asBool())
      return *b;
    return wrongKind(key, "true or false", *value);
  }

  Status read(std::string_view key, uint64_t &into,
              std::optional<uint64_t> otherwise = {}) const {
    Result<std::optional<uint64_t>> value = count(key);
    if (!value)
      return value.takeError();
    if (!*value && !otherwise)
      return Error{"'" + std::string(key) +
                   "': expected a positive integer, but the key is missing"};
    into = *value ? **value : *otherwise;
    return {};
  }

  Status read(std::string_view key, double &into) const {
    Result<std::optional<double>> value = number(key);
    if (!value)
      return value.takeError();
    if (*value)
      into = **value;
    return {};
  }

private:
  const Value &object;
};

Result<int32_t> tokenId(std::string_view key, const Value &value) {
  std::optional<int64_t> id = value.asInteger();
  if (!id || *id < 0 || *id > INT32_MAX)
    return Error{"'" + std::string(key) + "': expected a token id, got " +
                 shown(value)};
  return int32_t(*id);
}

Status readTokens(const Members &members, ModelConfig &config) {
  if (const Value *bos = members.find("bos_token_id")) {
    // Some configurations give a list; its first entry begins a text.
    const json::Array *list = bos->asArray();
    if (list && list->empty())
      return wrongKind("bos_token_id", "a token id", *bos);
    Result<int32_t> id = tokenId("bos_token_id", list ? list->front() : *bos);
    if (!id)
      return id.takeError();
    config.bos = *id;
  }
  const Value *eos = members.find("eos_token_id");
  if (!eos)
    return {};
  config.eos.clear();
  if (const json::Array *list = eos->asArray()) {
    for (const Value &entry : *list) {
      Result<int32_t> id = tokenId("eos_token_id", entry);
      if (!id)
        return id.takeError();
      config.eos.push_back(*id);
    }
    return {};
  }
  Result<int32_t> id = tokenId("eos_token_id", *eos);
  if (!id)
    return id.takeError();
  config.eos.push_back(*id);
  return {};
}

Status readYarn(const Members &rope, const ModelConfig &config,
                RopeScaling &out) {
  if (out.factor == 0) // published with a null factor: the ratio is meant
    out.factor = double(config.maxPositions) / out.originalPositions;
  // Zero stands for "not given", as in transformers.
  double fast = 0, slow = 0, mscale = 0, mscaleAll = 0, attention = 0;
  for (auto [key, into] :
       {std::pair("beta_fast", &fast), std::pair("beta_slow", &slow),
        std::pair("mscale", &mscale), std::pair("mscale_all_dim", &mscaleAll),
        std::pair("attention_factor", &attention)})
    if (Status s = rope.read(key, *into); !s)
      return s;
  out.betaFast = fast != 0 ? fast : 32;
  out.betaSlow = slow != 0 ? slow : 1;
  Result<bool> truncate = rope.flag("truncate", true);
  if (!truncate)
    return truncate.takeError();
  out.truncate = *truncate;
  auto magnitude = [&](double scale) {
    return out.factor <= 1 ? 1.0 : 0.1 * scale * std::log(out.factor) + 1.0;
  };
  if (rope.find("attention_factor"))
    out.attentionFactor = attention;
  else if (mscale != 0 && mscaleAll != 0)
    out.attentionFactor = magnitude(mscale) / magnitude(mscaleAll);
  else
    out.attentionFactor = magnitude(1);
  return {};
}

Status readRope(const Value &root, ModelConfig &config) {
  Members top(root);
  double partial = 1;
  if (Status s = top.read("rope_theta", config.ropeTheta); !s)
    return s;
  if (Status s = top.read("partial_rotary_factor", partial); !s)
    return s;
  const char *key = "rope_scaling";
  const Value *object = top.find(key);
  if (!object) {
    key = "rope_parameters";
    object = top.find(key);
  }
  if (!object) {
    if (partial != 1)
      return unsupported("partial_rotary_factor",
                         *top.find("partial_rotary_factor"),
                         "only whole heads can be rotated");
    return {};
  }
  if (!object->asObject())
    return wrongKind(key, "an object", *object);
  for (const auto &[name, member] : object->asObject()->members())
    if (member.asObject())
      return Error{"'" + std::string(key) +
                   "': one rotation for each layer type ('" + name +
                   "') is not supported"};

  Members rope(*object);
  if (Status s = rope.read("rope_theta", config.ropeTheta); !s)
    return s;
  if (Status s = rope.read("partial_rotary_factor", partial); !s)
    return s;
  if (partial != 1)
    return Error{"'partial_rotary_factor': " + std::to_string(partial) +
                 " is not supported; only whole heads can be rotated"};
  const Value *type = rope.find("rope_type");
  if (!type)
    type = rope.find("type");
  if (type && !type->asString())
    return wrongKind("rope_type", "a string", *type);
  std::string name = type ? *type->asString() : "default";

  RopeScaling &out = config.rope;
  if (name == "default")
    return {};
  if (name == "linear")
    out.kind = RopeScaling::Kind::Linear;
  else if (name == "llama3")
    out.kind = RopeScaling::Kind::Llama3;
  else if (name == "yarn")
    out.kind = RopeScaling::Kind::Yarn;
  else
    return unsupported("rope_type", *type,
                       "default, linear, llama3 and yarn are");

  Result<std::optional<double>> factor = rope.number("factor");
  if (!factor)
    return factor.takeError();
  if (!*factor && out.kind != RopeScaling::Kind::Yarn)
    return Error{std::string("'") + key + "': rope type " + name +
                 " expects 'factor', but the key is missing"};
  out.factor = factor->value_or(0);
  if (out.kind == RopeScaling::Kind::Linear)
    return {};

  out.originalPositions = double(config.maxPositions);
  if (Status s =
          rope.read("original_max_position_embeddings", out.originalPositions);
      !s)
    return s;
  if (Status s =
          top.read("original_max_position_embeddings", out.originalPositions);
      !s)
    return s;
  if (out.kind == RopeScaling::Kind::Yarn)
    return readYarn(rope, config, out);
  for (const char *needed : {"low_freq_factor", "high_freq_factor"})
    if (!rope.find(needed))
      return Error{std::string("'") + key + "': rope type llama3 expects '" +
                   needed + "', but the key is missing"};
  if (Status s = rope.read("low_freq_factor", out.lowFrequency); !s)
    return s;
  return rope.read("high_freq_factor", out.highFrequency);
}

/// Keys that change what a model computes and that no supported family has.
Status refuseUnsupported(const Value &root, const ModelConfig &config) {
  Members members(root);
  if (const Value *act = members.find("hidden_act"))
    if (!act->asString() ||
        (*act->asString() != "silu" && *act->asString() != "swish"))
      return unsupported("hidden_act", *act, "silu is");
  if (const Value *quantization = members.find("quantization_config")) {
    const Value *method = quantization->find("quant_method");
    return unsupported("quantization_config", method ? *method : *quantization,
                       "convert the checkpoint to float16 or bfloat16, or to "
                       "GGUF in Q8_0, Q4_0 or Q4_1");
  }
  if (const Value *types = members.find("layer_types")) {
    if (!types->asArray())
      return wrongKind("layer_types", "an array", *types);
    for (const Value &type : *types->asArray())
      if (!type.asString() || *type.asString() != "full_attention")
        return unsupported("layer_types", type, "full_attention is");
  }
  // qwen2 states a window that only `use_sliding_window` switches on; llama
  // has none, and transformers does not look at the key.
  if (config.family == "qwen2") {
    Result<bool> window = members.flag("use_sliding_window", false);
    if (!window)
      return window.takeError();
    if (*window && members.find("sliding_window"))
      return unsupported("sliding_window", *members.find("sliding_window"),
                         "only models without a window are");
  }
  return {};
}

} // namespace

Result<ModelConfig> readHuggingFaceConfig(const Value &root,
                                          const Value *generation) {
  if (!root.asObject())
    return Error{"expected an object, got " +
                 std::string(json::kindName(root.kind()))};
  Members members(root);
  ModelConfig config;
  const Value *family = members.find("model_type");
  if (!family || !family->asString())
    return Error{"'model_type': expected the name of a model family, but the "
                 "key is missing"};
  config.family = *family->asString();
  if (Status s = refuseUnsupported(root, config); !s)
    return s.takeError();

  struct Count {
    const char *key;
    uint64_t *into;
  };
  for (const Count &c : {Count{"num_hidden_layers", &config.layers},
                         Count{"hidden_size", &config.hidden},
                         Count{"num_attention_heads", &config.heads},
                         Count{"intermediate_size", &config.ffn},
                         Count{"vocab_size", &config.vocab}})
    if (Status s = members.read(c.key, *c.into); !s)
      return s.takeError();
  if (Status s =
          members.read("num_key_value_heads", config.kvHeads, config.heads);
      !s)
    return s.takeError();
  if (Status s = members.read("max_position_embeddings", config.maxPositions,
                              config.family == "qwen2" ? 32768 : 2048);
      !s)
    return s.takeError();
  if (members.find("head_dim")) {
    if (Status s = members.read("head_dim", config.headDim); !s)
      return s.takeError();
  } else {
    if (config.heads == 0 || config.hidden % config.heads != 0)
      return Error{"'hidden_size': expected a multiple of "
                   "'num_attention_heads' (" +
                   std::to_string(config.heads) +
                   ") where 'head_dim' is "
                   "missing, got " +
                   std::to_string(config.hidden)};
    config.headDim = config.hidden / config.heads;
  }
  config.normEpsilon = 1e-6;
  if (Status s = members.read("rms_norm_eps", config.normEpsilon); !s)
    return s.takeError();
  if (Status s = readRope(root, config); !s)
    return s.takeError();

  for (auto [key, into] : {std::pair("tie_word_embeddings", &config.tied),
                           std::pair("attention_bias", &config.attentionBias),
                           std::pair("mlp_bias", &config.mlpBias)}) {
    Result<bool> flag = members.flag(key, false);
    if (!flag)
      return flag.takeError();
    *into = *flag;
  }
  if (Status s = readTokens(members, config); !s)
    return s.takeError();
  if (generation) {
    if (!generation->asObject())
      return Error{"generation_config.json: expected an object, got " +
                   std::string(json::kindName(generation->kind()))};
    if (Status s = readTokens(Members(*generation), config); !s)
      return s.takeError().within("generation_config.json");
  }
  const Value *type = members.find("dtype");
  if (!type)
    type = members.find("torch_dtype");
  if (type && type->asString()) {
    const std::string &name = *type->asString();
    if (name == "float32")
      config.declaredType = Encoding::F32;
    else if (name == "float16")
      config.declaredType = Encoding::F16;
    else if (name == "bfloat16")
      config.declaredType = Encoding::BF16;
  }
  if (Status s = checkConfig(config); !s)
    return s.takeError();
  return config;
}

} // namespace espalier
