//===- RopeConfig.cpp - Keys of rotary position embeddings ----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ConfigReader.h"

#include <cmath>

namespace espalier {
namespace {

using json::Value;
using Kind = RopeConfig::Kind;

void readYarn(ConfigReader &rope, const ModelConfig &config, RopeConfig &out) {
  if (out.factor == 0) // published with a null factor: the ratio is meant
    out.factor = double(config.maxPositions) / out.originalPositions;
  // Zero stands for "not given", as in transformers.
  double fast = 0, slow = 0, mscale = 0, mscaleAll = 0;
  rope.number("beta_fast", fast);
  rope.number("beta_slow", slow);
  rope.number("mscale", mscale);
  rope.number("mscale_all_dim", mscaleAll);
  rope.flag("truncate", out.truncate);
  out.betaFast = fast != 0 ? fast : 32;
  out.betaSlow = slow != 0 ? slow : 1;
  auto magnitude = [&](double scale) {
    return out.factor <= 1 ? 1.0 : 0.1 * scale * std::log(out.factor) + 1.0;
  };
  out.attentionFactor = mscale != 0 && mscaleAll != 0
                            ? magnitude(mscale) / magnitude(mscaleAll)
                            : magnitude(1);
  rope.number("attention_factor", out.attentionFactor);
}

void readLongRope(ConfigReader &rope, const ModelConfig &config,
                  RopeConfig &out) {
  for (auto [key, into] : {std::pair("short_factor", &out.shortFactors),
                           std::pair("long_factor", &out.longFactors)}) {
    rope.numbers(key, *into);
    if (into->size() != out.dim / 2)
      rope.fail({"'" + std::string(key) + "': expected " +
                 std::to_string(out.dim / 2) +
                 " factors, one for each rotated pair, got " +
                 std::to_string(into->size())});
  }
  if (out.factor == 0)
    out.factor = double(config.maxPositions) / out.originalPositions;
  out.attentionFactor =
      out.factor <= 1 ? 1.0
                      : std::sqrt(1 + std::log(out.factor) /
                                          std::log(out.originalPositions));
  rope.number("attention_factor", out.attentionFactor);
}

std::string typeOf(ConfigReader &rope) {
  std::string name = "default";
  rope.text("type", name);
  rope.text("rope_type", name);
  // What phi3 called it first.
  bool isLong = name == "su" || (name == "yarn" && rope.has("short_factor"));
  return isLong ? "longrope" : name;
}

/// The parameters of one object; `key` is its name.
void readParameters(ConfigReader &top, ConfigReader &rope,
                    const std::string &key, const ModelConfig &config,
                    double partial, RopeConfig &out) {
  rope.number("rope_theta", out.theta);
  rope.number("partial_rotary_factor", partial);
  if (!(partial > 0 && partial <= 1))
    return rope.fail({"'partial_rotary_factor': expected more than 0 and at "
                      "most 1, got " +
                      std::to_string(partial)});
  if (partial != 1 && !config.partialRope)
    return rope.fail({"'partial_rotary_factor': " + std::to_string(partial) +
                      " is not supported; the family rotates whole heads"});
  out.dim = rotatedPart(config.headDim, partial);
  std::string name = typeOf(rope);
  if (rope.failed() || name == "default")
    return;
  static constexpr std::pair<std::string_view, Kind> kinds[] = {
      {"linear", Kind::Linear},   {"llama3", Kind::Llama3},
      {"yarn", Kind::Yarn},       {"longrope", Kind::LongRope},
      {"dynamic", Kind::Dynamic},
  };
  for (auto [known, kind] : kinds)
    if (name == known)
      out.kind = kind;
  if (out.kind == Kind::Default)
    return rope.unsupported(
        rope.has("rope_type") ? "rope_type" : "type",
        "default, linear, llama3, yarn, longrope and dynamic are");

  bool ratio = out.kind == Kind::Yarn || out.kind == Kind::LongRope;
  if (!rope.has("factor") && !ratio)
    return rope.fail({"'" + key + "': rope type " + name +
                      " expects 'factor', but the key is missing"});
  out.factor = 0;
  rope.number("factor", out.factor);
  if (out.originalPositions == 0)
    out.originalPositions = double(config.maxPositions);
  if (out.kind == Kind::Linear || out.kind == Kind::Dynamic)
    return;
  rope.number("original_max_position_embeddings", out.originalPositions);
  top.number("original_max_position_embeddings", out.originalPositions);
  if (out.kind == Kind::Yarn)
    return readYarn(rope, config, out);
  if (out.kind == Kind::LongRope)
    return readLongRope(rope, config, out);
  for (const char *needed : {"low_freq_factor", "high_freq_factor"})
    if (!rope.has(needed))
      return rope.fail({"'" + key + "': rope type llama3 expects '" + needed +
                        "', but the key is missing"});
  rope.number("low_freq_factor", out.lowFrequency);
  rope.number("high_freq_factor", out.highFrequency);
}

} // namespace

void readRope(ConfigReader &reader, const ModelConfig &config, RopeConfig &out,
              std::string_view layerType) {
  // What is rotated where no key says otherwise.
  double partial = rotatedShare(config.headDim, out.dim);
  reader.number("rope_theta", out.theta);
  reader.number("partial_rotary_factor", partial);
  std::string key =
      reader.has("rope_scaling") ? "rope_scaling" : "rope_parameters";
  const Value *object = reader.find(key);
  static const Value none = *json::parse("{}");
  if (!object)
    object = &none;
  if (!object->asObject())
    return reader.fail(wrongKind(key, "an object", *object));
  const Value *chosen = object;
  for (const auto &[name, member] : object->asObject()->members()) {
    if (!member.asObject())
      continue;
    if (layerType.empty())
      return reader.fail({"'" + key + "': one rotation for each layer type ('" +
                          name + "') is not supported"});
    if (name == layerType)
      chosen = &member;
  }
  ConfigReader rope(*chosen);
  readParameters(reader, rope, key, config, partial, out);
  if (Status s = rope.status(); !s)
    reader.fail(s.error());
}

void readRopeObject(ConfigReader &reader, const json::Value &object,
                    const ModelConfig &config, RopeConfig &out) {
  ConfigReader rope(object);
  readParameters(reader, rope, "rope_parameters", config,
                 rotatedShare(config.headDim, out.dim), out);
  if (Status s = rope.status(); !s)
    reader.fail(s.error());
}

} // namespace espalier
