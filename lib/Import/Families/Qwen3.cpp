//===- Qwen3.cpp - The family qwen3 ---------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The layer of llama whose queries and keys are normalised head by head.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void weights(const ModelConfig &c, WeightTable &t) {
  auto attention = WeightTable::biasIf(c.attentionBias);
  t.norm("attention_norm", {"input_layernorm", "attn_norm"});
  parts::attentionWeights(c, t, attention, attention);
  t.norm("q_norm", {"self_attn.q_norm", "attn_q_norm"}, {.size = c.headDim});
  t.norm("k_norm", {"self_attn.k_norm", "attn_k_norm"}, {.size = c.headDim});
  t.norm("ffn_norm", {"post_attention_layernorm", "ffn_norm"});
  parts::gatedWeights(c, t, WeightTable::Bias::None);
}

static Value layer(LayerBuilder &b, Value x) {
  x = parts::normedHeadsAttention(b, x);
  return parts::gatedFeedForward(b, b.rmsNorm(x, "ffn_norm"), x);
}

static void configure(ConfigReader &reader, ModelConfig &config) {
  reader.flag("attention_bias", config.attentionBias);
  parts::configureQwenLayers(reader, config);
}

const Family qwen3Family = {
    .name = "qwen3",
    .models = "Qwen3 (dense)",
    .remarks = "queries and keys normalised head by head",
    .inGGUF = true,
    .keys = {.defaultPositions = 32768,
             .defaultKvHeads = 32,
             .defaultHeadDim = 128},
    .configure = configure,
    .weights = weights,
    .layer = layer,
};

} // namespace espalier
