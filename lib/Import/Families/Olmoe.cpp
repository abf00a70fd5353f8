//===- Olmoe.cpp - The family olmoe ---------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The layer of llama with experts in the place of the feed-forward; all
/// queries of a row, and all keys, are normalised together.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  reader.flag("attention_bias", config.attentionBias);
  reader.unsupported("clip_qkv",
                     "only models whose queries, keys and values are not "
                     "clipped are");
  readPlainLayers(reader, config);
  parts::readExperts(reader, config, 64, 8);
  config.expertFfn = config.ffn;
  reader.flag("norm_topk_prob", config.renormalizeExperts);
  for (LayerStructure &layer : config.structure)
    layer.experts = true;
}

static void weights(const ModelConfig &c, WeightTable &t) {
  auto attention = WeightTable::biasIf(c.attentionBias);
  t.norm("attention_norm", {"input_layernorm"});
  parts::attentionWeights(c, t, attention, attention);
  t.norm("q_norm", {"self_attn.q_norm"}, {.size = c.heads * c.headDim});
  t.norm("k_norm", {"self_attn.k_norm"}, {.size = c.kvHeads * c.headDim});
  t.norm("ffn_norm", {"post_attention_layernorm"});
  parts::expertWeights(c, t,
                       {"mlp.gate", "mlp.experts.{e}.gate_proj",
                        "mlp.experts.{e}.up_proj",
                        "mlp.experts.{e}.down_proj"});
}

static Value layer(LayerBuilder &b, Value x) {
  Value n = b.rmsNorm(x, "attention_norm");
  Value q = b.rmsNorm(b.linear(n, "q"), "q_norm");
  Value k = b.rmsNorm(b.linear(n, "k"), "k_norm");
  Value v = b.linear(n, "v");
  x = b.linear(parts::attend(b, q, k, v), "o", x);
  return b.experts(b.rmsNorm(x, "ffn_norm"), x);
}

const Family olmoeFamily = {
    .name = "olmoe",
    .models = "OLMoE",
    .remarks = "`clip_qkv` is refused",
    .keys = {.defaultPositions = 4096, .defaultEpsilon = 1e-5},
    .configure = configure,
    .weights = weights,
    .layer = layer,
};

} // namespace espalier
