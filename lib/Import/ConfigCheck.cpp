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

/// The longrope factors divide frequencies.
Status checkFactors(const char *name, const std::vector<double> &factors,
                    uint64_t count) {
  if (factors.size() != count)
    return Error{std::string(name) + ": expected " + std::to_string(count) +
                 " factors, got " + std::to_string(factors.size())};
  for (double factor : factors)
    if (Status s = checkNumber(name, factor, 1e-3, 1e6); !s)
      return s;
  return {};
}

Status checkRope(const RopeConfig &rope, uint64_t headDim) {
  if (rope.dim < 2 || rope.dim % 2 != 0 || rope.dim > headDim)
    return Error{"rotated part of a head: expected an even number of 2 to " +
                 std::to_string(headDim) + " elements, got " +
                 std::to_string(rope.dim)};
  // A base of 1 makes every frequency equal and yarn's logarithm zero.
  if (Status s = checkNumber("rope theta", rope.theta, 1.0001, 1e12); !s)
    return s;
  if (Status s = checkNumber("rope factor", rope.factor, 1e-3, 1e6); !s)
    return s;
  if (Status s =
          checkNumber("rope attention factor", rope.attentionFactor, 1e-3, 1e3);
      !s)
    return s;
  if (rope.kind != RopeConfig::Kind::Default &&
      rope.kind != RopeConfig::Kind::Linear)
    if (Status s = checkNumber("rope original_max_position_embeddings",
                               rope.originalPositions, 1, 1u << 30);
        !s)
      return s;
  if (rope.kind == RopeConfig::Kind::Llama3) {
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
  if (rope.kind == RopeConfig::Kind::Yarn) {
    if (Status s = checkNumber("rope beta_fast", rope.betaFast, 1e-6, 1e6); !s)
      return s;
    if (Status s = checkNumber("rope beta_slow", rope.betaSlow, 1e-6, 1e6); !s)
      return s;
  }
  if (rope.kind == RopeConfig::Kind::LongRope) {
    if (Status s =
            checkFactors("rope short_factor", rope.shortFactors, rope.dim / 2);
        !s)
      return s;
    if (Status s =
            checkFactors("rope long_factor", rope.longFactors, rope.dim / 2);
        !s)
      return s;
  }
  // The exponent is dim / (dim - 2).
  if (rope.kind == RopeConfig::Kind::Dynamic && rope.dim < 4)
    return Error{"rope type dynamic: expected at least 4 rotated elements"};
  return {};
}

/// The kernels know 1024 experts at most.
Status checkExperts(const ModelConfig &config) {
  auto check = [](const char *name, uint64_t value,
                  uint64_t largest) -> Status {
    if (value >= 1 && value <= largest)
      return {};
    return Error{std::string(name) + ": expected 1 to " +
                 std::to_string(largest) + ", got " + std::to_string(value)};
  };
  if (Status s = check("experts", config.experts, 1024); !s)
    return s;
  if (Status s =
          check("experts of a token", config.expertsPerToken, config.experts);
      !s)
    return s;
  return check("feed-forward size of an expert", config.expertFfn, 1u << 20);
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
  if (config.structure.size() != config.layers)
    return Error{"layers: expected the structure of " +
                 std::to_string(config.layers) + ", got " +
                 std::to_string(config.structure.size())};
  for (const RopeConfig &rope : config.ropes)
    if (Status s = checkRope(rope, config.headDim); !s)
      return s;
  for (const LayerStructure &layer : config.structure)
    if (layer.experts)
      if (Status s = checkExperts(config); !s)
        return s;
  for (const LayerStructure &layer : config.structure)
    if (layer.rope >= int32_t(config.ropes.size()))
      return Error{"a layer has no rope"};
  struct Number {
    const char *name;
    double value, smallest, largest;
  };
  for (const Number &n :
       {Number{"scale of the scores", config.attentionScale, 1e-6, 1e6},
        Number{"soft cap of the scores", config.attentionSoftCap, 0, 1e6},
        Number{"soft cap of the logits", config.logitSoftCap, 0, 1e6},
        Number{"scale of the embedding", config.embeddingScale, 1e-6, 1e6},
        Number{"scale of the residuals", config.residualScale, 1e-6, 1e6},
        Number{"scale of the logits", config.logitScale, 1e-6, 1e6}})
    if (Status s = checkNumber(n.name, n.value, n.smallest, n.largest); !s)
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
