//===- StableLM.cpp - The family stablelm ---------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Layer norms and a gated feed-forward, after attention or beside it; a part
/// of each head rotated; each head with a norm of its own, in the larger
/// models.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  reader.flag("use_qkv_bias", config.attentionBias);
  reader.flag("qk_layernorm", config.qkNorm);
  reader.flag("use_parallel_residual", config.parallelResidual);
  config.sharedNorm = config.parallelResidual;
  readPlainLayers(reader, config);
}

/// The norm of each head is a tensor.
static void headNorms(WeightTable &t, std::string_view symbol,
                      std::string_view name, uint64_t heads, uint64_t dim) {
  WeightSpec &weight =
      t.add(symbol, t.layerName({name}, ".norms.0.weight"), {heads * dim},
            /*layered=*/true);
  weight.sourceShape = {dim};
  weight.centre = 1;
  for (uint64_t h = 1; h < heads; ++h)
    weight.furtherSources.push_back(
        t.layerName({name}, ".norms." + std::to_string(h) + ".weight"));
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  t.norm("attention_norm", {"input_layernorm"}, {.bias = Bias::Present});
  parts::attentionWeights(c, t, WeightTable::biasIf(c.attentionBias),
                          Bias::None);
  if (c.qkNorm) {
    headNorms(t, "q_norm", "self_attn.q_layernorm", c.heads, c.headDim);
    headNorms(t, "k_norm", "self_attn.k_layernorm", c.kvHeads, c.headDim);
  }
  if (!c.sharedNorm)
    t.norm("ffn_norm", {"post_attention_layernorm"}, {.bias = Bias::Present});
  parts::gatedWeights(c, t, Bias::None);
  t.finalNorm({.bias = Bias::Present});
}

const Family stablelmFamily = {
    .name = "stablelm",
    .models = "StableLM 3B, StableLM 2",
    .remarks = "layer norms, parts of heads rotated, norms of heads",
    .keys = {.epsilon = "layer_norm_eps",
             .defaultPositions = 4096,
             .defaultKvHeads = 32,
             .nullKvHeads = false,
             .defaultEpsilon = 1e-5,
             .partial = true,
             .partialRotary = 0.25},
    .configure = configure,
    .weights = weights,
    .layer = parts::layerNormGatedLayer,
    .end = parts::finalLayerNorm,
};

} // namespace espalier
