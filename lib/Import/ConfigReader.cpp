//===- ConfigReader.cpp - Members of a configuration ----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ConfigReader.h"

#include <cmath>

namespace espalier {

using json::Value;

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

Error wrongKind(std::string_view key, const char *wanted, const Value &value) {
  return Error{"'" + std::string(key) + "': expected " + wanted + ", got " +
               std::string(json::kindName(value.kind()))};
}

const Value *ConfigReader::find(std::string_view key) const {
  const Value *value = object.find(key);
  if (value && !value->isNull())
    return value;
  for (auto [name, other] : aliases)
    if (name == key)
      if (value = object.find(other); value && !value->isNull())
        return value;
  return nullptr;
}

bool ConfigReader::isNull(std::string_view key) const {
  const Value *value = object.find(key);
  return value && value->isNull();
}

void ConfigReader::fail(Error error) {
  if (!failure)
    failure = std::move(error);
}

Status ConfigReader::status() const {
  return failure ? Status(*failure) : Status();
}

void ConfigReader::count(std::string_view key, uint64_t &into) {
  const Value *value = find(key);
  if (!value)
    return;
  if (std::optional<uint64_t> number = value->asUnsigned())
    into = *number;
  else
    fail({"'" + std::string(key) + "': expected a non-negative integer, got " +
          shown(*value)});
}

void ConfigReader::required(std::string_view key, uint64_t &into) {
  if (!has(key))
    return fail({"'" + std::string(key) +
                 "': expected a positive integer, but the key is missing"});
  count(key, into);
}

void ConfigReader::countOrNone(std::string_view key, uint64_t &into) {
  if (isNull(key))
    into = 0;
  count(key, into);
}

void ConfigReader::numberOrNone(std::string_view key, double &into) {
  if (isNull(key))
    into = 0;
  number(key, into);
}

void ConfigReader::number(std::string_view key, double &into) {
  const Value *value = find(key);
  if (!value)
    return;
  if (std::optional<double> number = value->asDouble())
    into = *number;
  else
    fail(wrongKind(key, "a number", *value));
}

void ConfigReader::flag(std::string_view key, bool &into) {
  const Value *value = find(key);
  if (!value)
    return;
  if (auto b = value->asBool())
    into = *b;
  else
    fail(wrongKind(key, "true or false", *value));
}

void ConfigReader::text(std::string_view key, std::string &into) {
  const Value *value = find(key);
  if (!value)
    return;
  if (const std::string *s = value->asString())
    into = *s;
  else
    fail(wrongKind(key, "a string", *value));
}

void ConfigReader::numbers(std::string_view key, std::vector<double> &into) {
  const Value *value = find(key);
  if (!value)
    return;
  if (!value->asArray())
    return fail(wrongKind(key, "an array", *value));
  into.clear();
  for (const Value &entry : *value->asArray()) {
    std::optional<double> number = entry.asDouble();
    if (!number || !std::isfinite(*number))
      return fail({"'" + std::string(key) + "': expected numbers, got " +
                   shown(entry)});
    into.push_back(*number);
  }
}

void ConfigReader::activation(std::string_view key, Activation &into) {
  const Value *value = find(key);
  if (!value)
    return;
  static constexpr std::pair<std::string_view, Activation> names[] = {
      {"silu", Activation::Silu},
      {"swish", Activation::Silu},
      {"gelu", Activation::Gelu},
      {"gelu_new", Activation::GeluTanh},
      {"relu", Activation::Relu},
      {"relu2", Activation::ReluSquared},
      {"gelu_fast", Activation::GeluTanh},
      {"gelu_pytorch_tanh", Activation::GeluTanh}};
  if (const std::string *s = value->asString())
    for (auto [name, activation] : names)
      if (*s == name) {
        into = activation;
        return;
      }
  unsupported(key, "silu, gelu, gelu_pytorch_tanh, relu and relu2 are");
}

void ConfigReader::expect(std::string_view key, bool neutral) {
  bool got = neutral;
  flag(key, got);
  if (got != neutral)
    unsupported(key, neutral ? "true is" : "false is");
}

void ConfigReader::expect(std::string_view key, double neutral) {
  double got = neutral;
  number(key, got);
  if (!(got == neutral))
    unsupported(key, std::to_string(neutral) + " is");
}

void ConfigReader::refuse(std::string_view key, const std::string &instead) {
  unsupported(key, instead);
}

void ConfigReader::unsupported(std::string_view key,
                               const std::string &instead) {
  if (const Value *value = find(key))
    fail({"'" + std::string(key) + "': " + shown(*value) +
          " is not supported; " + instead});
}

void readPlainLayers(ConfigReader &reader, ModelConfig &config) {
  if (!config.ropes.empty())
    readRope(reader, config, config.ropes[0]);
  if (const Value *types = reader.find("layer_types")) {
    if (!types->asArray())
      return reader.fail(wrongKind("layer_types", "an array", *types));
    for (const Value &type : *types->asArray())
      if (!type.asString() || *type.asString() != "full_attention")
        return reader.fail({"'layer_types': " + shown(type) +
                            " is not supported; full_attention is"});
  }
}

void readWindow(ConfigReader &reader, ModelConfig &config, uint64_t window) {
  reader.countOrNone("sliding_window", window);
  if (window == 0 && reader.has("sliding_window"))
    reader.unsupported("sliding_window", "null and positive numbers are");
  for (LayerStructure &layer : config.structure)
    layer.window = window;
}

void readLayerTypes(ConfigReader &reader, ModelConfig &config, uint64_t window,
                    bool (*isSliding)(uint64_t layer, uint64_t figure),
                    uint64_t figure) {
  const Value *types = reader.find("layer_types");
  if (!types) {
    for (uint64_t i = 0; i < config.structure.size(); ++i)
      config.structure[i].window = isSliding(i, figure) ? window : 0;
    return;
  }
  if (!types->asArray())
    return reader.fail(wrongKind("layer_types", "an array", *types));
  if (types->asArray()->size() != config.structure.size())
    return reader.fail({"'layer_types': expected " +
                        std::to_string(config.layers) +
                        " types, one for each layer, got " +
                        std::to_string(types->asArray()->size())});
  uint64_t i = 0;
  for (const Value &type : *types->asArray()) {
    const std::string *name = type.asString();
    bool sliding = name && *name == "sliding_attention";
    if (!sliding && (!name || *name != "full_attention"))
      return reader.fail({"'layer_types': " + shown(type) +
                          " is not supported; full_attention and "
                          "sliding_attention are"});
    if (sliding && window == 0)
      return reader.fail({"'layer_types': \"sliding_attention\" expects "
                          "'sliding_window', but it is missing or off"});
    config.structure[i++].window = sliding ? window : 0;
  }
}

} // namespace espalier
