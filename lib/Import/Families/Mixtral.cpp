//===- Mixtral.cpp - The family mixtral -----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The layer of mistral with experts in the place of the feed-forward; their
/// weights are renormalised.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  readPlainLayers(reader, config);
  readWindow(reader, config, 0);
  parts::readExperts(reader, config, 8, 2);
  config.expertFfn = config.ffn;
  config.renormalizeExperts = true;
  for (LayerStructure &layer : config.structure)
    layer.experts = true;
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  t.norm("attention_norm", {"input_layernorm"});
  parts::attentionWeights(c, t, Bias::None, Bias::None);
  t.norm("ffn_norm", {"post_attention_layernorm"});
  parts::expertWeights(
      c, t,
      {"block_sparse_moe.gate", "block_sparse_moe.experts.{e}.w1",
       "block_sparse_moe.experts.{e}.w3", "block_sparse_moe.experts.{e}.w2"});
}

static Value layer(LayerBuilder &b, Value x) {
  Value n = b.rmsNorm(x, "attention_norm");
  Value q = b.linear(n, "q");
  Value k = b.linear(n, "k");
  Value v = b.linear(n, "v");
  x = b.linear(parts::attend(b, q, k, v), "o", x);
  return b.experts(b.rmsNorm(x, "ffn_norm"), x);
}

const Family mixtralFamily = {
    .name = "mixtral",
    .models = "Mixtral 8x7B, Mixtral 8x22B",
    .remarks = "experts as published, or one tensor for all",
    .keys = {.defaultPositions = 4096 * 32,
             .defaultKvHeads = 8,
             .defaultEpsilon = 1e-5,
             .defaultTheta = 1e6},
    .configure = configure,
    .weights = weights,
    .layer = layer,
};

} // namespace espalier
