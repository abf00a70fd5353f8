//===- Config.cpp - config.json of a Hugging Face checkpoint --------------===//
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

using json::Value;

Result<int32_t> tokenId(std::string_view key, const Value &value) {
  std::optional<int64_t> id = value.asInteger();
  if (!id || *id < 0 || *id > INT32_MAX)
    return Error{"'" + std::string(key) + "': expected a token id, got " +
                 shown(value)};
  return int32_t(*id);
}

Status readTokens(const ConfigReader &members, ModelConfig &config) {
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

/// Shared keys that change what a model computes and that no family reads.
void refuseUnsupported(ConfigReader &reader) {
  if (const Value *quantization = reader.find("quantization_config")) {
    const Value *method = quantization->find("quant_method");
    reader.fail(
        {"'quantization_config': " + shown(method ? *method : *quantization) +
         " is not supported; convert the checkpoint to float16 or "
         "bfloat16, or to GGUF in Q8_0, Q4_0 or Q4_1"});
  }
  // It replaces any key, layer by layer.
  if (reader.has("per_layer_config"))
    reader.fail({"'per_layer_config' is not supported; layers that share one "
                 "configuration are"});
}

/// Null and a missing key are two things here: see ConfigKeys.
void readKvHeads(ConfigReader &reader, const ConfigKeys &keys,
                 ModelConfig &config) {
  config.kvHeads = keys.defaultKvHeads ? keys.defaultKvHeads : config.heads;
  if (keys.kvHeads.empty())
    return;
  if (reader.isNull(keys.kvHeads)) {
    if (!keys.nullKvHeads)
      return reader.fail({"'" + std::string(keys.kvHeads) +
                          "': expected a positive integer, got null"});
    config.kvHeads = config.heads;
  }
  reader.count(keys.kvHeads, config.kvHeads);
}

/// What many families have.
void readShared(ConfigReader &reader, const ConfigKeys &keys,
                ModelConfig &config) {
  auto required = [&](std::string_view key, uint64_t otherwise,
                      uint64_t &into) {
    into = otherwise;
    if (!key.empty() && (otherwise == 0 || reader.has(key)))
      reader.required(key, into);
  };
  required(keys.layers, keys.defaultLayers, config.layers);
  required(keys.hidden, keys.defaultHidden, config.hidden);
  required(keys.heads, keys.defaultHeads, config.heads);
  required(keys.ffn, keys.defaultFfn, config.ffn);
  required("vocab_size", keys.defaultVocab, config.vocab);
  readKvHeads(reader, keys, config);
  config.maxPositions = keys.defaultPositions;
  if (!keys.positions.empty())
    reader.count(keys.positions, config.maxPositions);
  if (reader.failed())
    return;
  config.headDim = keys.defaultHeadDim;
  reader.count("head_dim", config.headDim);
  if (config.headDim == 0 && !reader.has("head_dim")) {
    if (config.heads == 0 || config.hidden % config.heads != 0)
      return reader.fail(
          {"'" + std::string(keys.hidden) + "': expected a multiple of '" +
           std::string(keys.heads) + "' (" + std::to_string(config.heads) +
           ") where 'head_dim' is missing, got " +
           std::to_string(config.hidden)});
    config.headDim = config.hidden / config.heads;
  }
  config.normEpsilon = keys.defaultEpsilon;
  if (!keys.epsilon.empty())
    reader.number(keys.epsilon, config.normEpsilon);
  config.activation = keys.defaultActivation;
  if (!keys.activation.empty())
    reader.activation(keys.activation, config.activation);
  config.tied = keys.tied;
  reader.flag("tie_word_embeddings", config.tied);
  config.attentionScale = 1 / std::sqrt(double(config.headDim));
}

/// A layer's structure where the family has no key for it.
void startStructure(ConfigReader &reader, const ConfigKeys &keys,
                    ModelConfig &config) {
  // checkConfig refuses more; the list must not grow before.
  config.structure.resize(std::min<uint64_t>(config.layers, 1024));
  if (!keys.rope) {
    for (LayerStructure &layer : config.structure)
      layer.rope = -1;
    return;
  }
  config.partialRope = keys.partial;
  config.ropes.emplace_back();
  config.ropes[0].theta = keys.defaultTheta;
  config.ropes[0].dim = rotatedPart(config.headDim, keys.partialRotary);
}

/// What a model with a dynamic rope was made for is what its factor gives.
void stretchPositions(ModelConfig &config) {
  for (const RopeConfig &rope : config.ropes)
    if (rope.kind == RopeConfig::Kind::Dynamic && rope.factor > 1)
      config.maxPositions = uint64_t(
          std::min(rope.originalPositions * rope.factor, double(1u << 30)));
}

/// A window that no row reaches beyond is none.
void dropIdleWindows(ModelConfig &config) {
  for (LayerStructure &layer : config.structure)
    if (layer.window >= config.maxPositions)
      layer.window = 0;
}

void readElementType(const ConfigReader &reader, ModelConfig &config) {
  const Value *type = reader.find("dtype");
  if (!type)
    type = reader.find("torch_dtype");
  if (!type || !type->asString())
    return;
  const std::string &name = *type->asString();
  if (name == "float32")
    config.declaredType = Encoding::F32;
  else if (name == "float16")
    config.declaredType = Encoding::F16;
  else if (name == "bfloat16")
    config.declaredType = Encoding::BF16;
}

} // namespace

Result<ModelConfig> readHuggingFaceConfig(const json::Value &root,
                                          const json::Value *generation) {
  if (!root.asObject())
    return Error{"expected an object, got " +
                 std::string(json::kindName(root.kind()))};
  ModelConfig config;
  const json::Value *name = root.find("model_type");
  if (!name || !name->asString())
    return Error{"'model_type': expected the name of a model family, but the "
                 "key is missing"};
  config.family = *name->asString();
  const Family *family = findFamily(config.family);
  if (!family)
    return Error{"'model_type': " + shown(*name) + " is not supported; " +
                 familyNames() + " are"};
  ConfigReader outer(root);
  const json::Value *inner = &root;
  if (!family->nested.empty()) {
    inner = outer.find(family->nested);
    if (!inner || !inner->asObject())
      return Error{"'" + std::string(family->nested) +
                   "': expected an object with the configuration of the "
                   "decoder"};
  }
  ConfigReader reader(*inner, family->keys.aliases);
  refuseUnsupported(outer);
  if (Status s = outer.status(); !s)
    return s.takeError();
  refuseUnsupported(reader);
  readShared(reader, family->keys, config);
  if (Status s = reader.status(); !s)
    return s.takeError();
  startStructure(reader, family->keys, config);
  if (family->configure)
    family->configure(reader, config);
  else
    readPlainLayers(reader, config);
  if (Status s = reader.status(); !s)
    return s.takeError();
  stretchPositions(config);
  dropIdleWindows(config);

  readElementType(reader, config);
  if (Status s = readTokens(reader, config); !s)
    return s.takeError();
  if (!family->nested.empty()) {
    outer.flag("tie_word_embeddings", config.tied);
    if (Status s = outer.status(); !s)
      return s.takeError();
    readElementType(outer, config);
    if (Status s = readTokens(outer, config); !s)
      return s.takeError();
  }
  if (generation) {
    if (!generation->asObject())
      return Error{"generation_config.json: expected an object, got " +
                   std::string(json::kindName(generation->kind()))};
    if (Status s = readTokens(ConfigReader(*generation), config); !s)
      return s.takeError().within("generation_config.json");
  }
  if (Status s = checkConfig(config); !s)
    return s.takeError();
  return config;
}

} // namespace espalier
