//===- GPTNeoX.cpp - The family gpt_neox ----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Layer norms, q, k and v of each head in one matrix, a part of each head
/// rotated, attention and feed-forward side by side.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  config.attentionBias = config.parallelResidual = true;
  reader.flag("attention_bias", config.attentionBias);
  reader.flag("use_parallel_residual", config.parallelResidual);
  // Keys of older configurations.
  RopeConfig &rope = config.ropes[0];
  double rotated = 0.25;
  reader.number("rotary_pct", rotated);
  if (!(rotated > 0 && rotated <= 1))
    return reader.unsupported("rotary_pct", "more than 0 and at most 1 is");
  rope.dim = rotatedPart(config.headDim, rotated);
  reader.number("rotary_emb_base", rope.theta);
  readPlainLayers(reader, config);
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  Bias attention = WeightTable::biasIf(c.attentionBias);
  parts::fusedLayerWeights(c, t,
                           {.qkv = "attention.query_key_value",
                            .o = "attention.dense",
                            .attention = attention});
  t.finalNorm({.bias = Bias::Present});
}

const Family gptNeoXFamily = {
    .name = "gpt_neox",
    .models = "Pythia, GPT-NeoX-20B, Dolly 2, RedPajama-INCITE",
    .remarks = "layer norms, parts of heads rotated, attention and "
               "feed-forward side by side or not",
    .keys = {.kvHeads = "",
             .epsilon = "layer_norm_eps",
             .defaultEpsilon = 1e-5,
             .defaultActivation = Activation::Gelu,
             .partial = true,
             .partialRotary = 0.25},
    .names = {.prefixes = {"gpt_neox.", ""},
              .embedding = "embed_in",
              .finalNorm = "final_layer_norm",
              .outputs = {"embed_out", "lm_head"},
              .harmless = {"*.attention.bias", "*.attention.masked_bias"}},
    .configure = configure,
    .weights = weights,
    .layer = parts::layerNormLayer,
    .end = parts::finalLayerNorm,
};

} // namespace espalier
