//===- Granite.cpp - The family granite -----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The layer of llama with four multipliers: of the embedding, of the scores,
/// of what is added to the residual stream, and of the logits.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  parts::configureLlama(reader, config);
  config.attentionScale = 1;
  double divisor = 1;
  reader.number("embedding_multiplier", config.embeddingScale);
  reader.number("attention_multiplier", config.attentionScale);
  reader.number("residual_multiplier", config.residualScale);
  reader.number("logits_scaling", divisor);
  config.logitScale = 1 / divisor;
}

static void weights(const ModelConfig &c, WeightTable &t) {
  auto attention = WeightTable::biasIf(c.attentionBias);
  t.norm("attention_norm", {"input_layernorm"});
  parts::attentionWeights(c, t, attention, attention);
  t.norm("ffn_norm", {"post_attention_layernorm"});
  parts::gatedWeights(c, t, WeightTable::biasIf(c.mlpBias));
}

static Value layer(LayerBuilder &b, Value x) {
  Value n = b.rmsNorm(x, "attention_norm");
  Value q = b.linear(n, "q");
  Value k = b.linear(n, "k");
  Value v = b.linear(n, "v");
  Value attention = b.linear(parts::attend(b, q, k, v), "o");
  x = b.scale(attention, b.config.residualScale, x);
  Value ffn = parts::gatedFeedForward(b, b.rmsNorm(x, "ffn_norm"));
  return b.scale(ffn, b.config.residualScale, x);
}

const Family graniteFamily = {
    .name = "granite",
    .models = "Granite 3 (dense)",
    .remarks = "multipliers of embedding, scores, residuals and logits",
    .configure = configure,
    .weights = weights,
    .layer = layer,
    .begin = parts::scaleEmbedding,
};

} // namespace espalier
