//===- ConfigCheck.cpp - Bounds of a model's figures ----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/ModelConfig.h"

#include <cmath>
#include <cstdio>

namespace espalier {
namespace {

/// The bounds are far above every published model. They keep all products of
/// two figures within 64 bits and the work of a compilation bounded.
struct Bound {
  const char *name;
  uint64_t ModelConfig::*field;
  uint64_t largest;
};
constexpr Bound bounds[] = {
    {"layers", &ModelConfig::layers, 1024},
    {"hidden size", &ModelConfig::hidden, 1u << 20},
    {"attention heads", &ModelConfig::heads, 4096},
    {"key/value heads", &ModelConfig::kvHeads, 4096},
    {"head dimension", &ModelConfig::headDim, 1024},
    {"feed-forward size", &ModelConfig::ffn, 1u << 22},
    {"vocabulary", &ModelConfig::vocab, 1u << 24},
    {"positions", &ModelConfig::maxPositions, 1u << 30},
};

std::string shown(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

Status checkNumber(const char *name, double value, double smallest,
                   double largest) {
  // Written so that a NaN fails.
  if (value >= smallest && value <= largest)
    return {};
  return Error{std::string(name) + ": expected " + shown(smallest) + " to " +
               shown(largest) + ", got " + shown(value)};
}

Status checkRope(const RopeScaling &rope) {
  if (Status s = checkNumber("rope factor", rope.factor, 1e-3, 1e6); !s)
    return s;
  if (Status s =
          checkNumber("rope attention factor", rope.attentionFactor, 1e-3, 1e3);
      !s)
    return s;
  if (rope.kind == RopeScaling::Kind::Llama3 ||
      rope.kind == RopeScaling::Kind::Yarn)
    if (Status s = checkNumber("rope original_max_position_embeddings",
                               rope.originalPositions, 1, 1u << 30);
        !s)
      return s;
  if (rope.kind == RopeScaling::Kind::Llama3) {
    if (Status s =
            checkNumber("rope low_freq_factor", rope.lowFrequency, 1e-6, 1e6);
        !s)
      return s;
    if (Status s =
            checkNumber("rope high_freq_factor", rope.highFrequency, 1e-6, 1e6);
        !s)
      return s;
    if (!(rope.highFrequency > rope.lowFrequency))
      return Error{
          "rope high_freq_factor: expected more than low_freq_factor " +
          shown(rope.lowFrequency) + ", got " + shown(rope.highFrequency)};
  }
  if (rope.kind == RopeScaling::Kind::Yarn) {
    if (Status s = checkNumber("rope beta_fast", rope.betaFast, 1e-6, 1e6); !s)
      return s;
    if (Status s = checkNumber("rope beta_slow", rope.betaSlow, 1e-6, 1e6); !s)
      return s;
  }
  return {};
}

} // namespace

Status checkConfig(const ModelConfig &config) {
  for (const Bound &bound : bounds) {
    uint64_t value = config.*bound.field;
    if (value < 1 || value > bound.largest)
      return Error{std::string(bound.name) + ": expected 1 to " +
                   std::to_string(bound.largest) + ", got " +
                   std::to_string(value)};
  }
  if (config.heads % config.kvHeads != 0)
    return Error{"key/value heads: expected a divisor of the " +
                 std::to_string(config.heads) + " attention heads, got " +
                 std::to_string(config.kvHeads)};
  if (config.headDim % 2 != 0)
    return Error{"head dimension: expected an even number, got " +
                 std::to_string(config.headDim)};
  if (Status s = checkNumber("norm epsilon", config.normEpsilon, 1e-12, 1e-1);
      !s)
    return s;
  // A base of 1 makes every frequency equal and yarn's logarithm zero.
  if (Status s = checkNumber("rope theta", config.ropeTheta, 1.0001, 1e12); !s)
    return s;
  if (Status s = checkRope(config.rope); !s)
    return s;
  auto checkToken = [&](const char *name, int32_t id) -> Status {
    if (id >= 0 && uint64_t(id) < config.vocab)
      return {};
    return Error{std::string(name) +
                 ": expected a token of the vocabulary of " +
                 std::to_string(config.vocab) + ", got " + std::to_string(id)};
  };
  if (config.bos)
    if (Status s = checkToken("bos_token_id", *config.bos); !s)
      return s;
  if (config.eos.size() > 256)
    return Error{"eos_token_id: expected at most 256 tokens, got " +
                 std::to_string(config.eos.size())};
  for (int32_t id : config.eos)
    if (Status s = checkToken("eos_token_id", id); !s)
      return s;
  return {};
}

} // namespace espalier
