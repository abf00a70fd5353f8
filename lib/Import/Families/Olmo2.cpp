//===- Olmo2.cpp - The family olmo2 ---------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Norms stand behind attention and feed-forward instead of before them; all
/// queries of a row, and all keys, are normalised together.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  reader.flag("attention_bias", config.attentionBias);
  readPlainLayers(reader, config);
}

static void weights(const ModelConfig &c, WeightTable &t) {
  auto attention = WeightTable::biasIf(c.attentionBias);
  parts::attentionWeights(c, t, attention, attention);
  t.norm("q_norm", {"self_attn.q_norm"}, {.size = c.heads * c.headDim});
  t.norm("k_norm", {"self_attn.k_norm"}, {.size = c.kvHeads * c.headDim});
  t.norm("attention_norm", {"post_attention_layernorm"});
  parts::gatedWeights(c, t, WeightTable::Bias::None);
  t.norm("ffn_norm", {"post_feedforward_layernorm"});
}

static Value layer(LayerBuilder &b, Value x) {
  Value q = b.rmsNorm(b.linear(x, "q"), "q_norm");
  Value k = b.rmsNorm(b.linear(x, "k"), "k_norm");
  Value v = b.linear(x, "v");
  Value attention = b.linear(parts::attend(b, q, k, v), "o");
  x = b.rmsNorm(attention, "attention_norm", x);
  return b.rmsNorm(parts::gatedFeedForward(b, x), "ffn_norm", x);
}

const Family olmo2Family = {
    .name = "olmo2",
    .models = "OLMo 2",
    .remarks = "norms behind attention and feed-forward only",
    .keys = {.defaultEpsilon = 1e-5},
    .configure = configure,
    .weights = weights,
    .layer = layer,
};

} // namespace espalier
