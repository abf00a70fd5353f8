//===- Starcoder2.cpp - The family starcoder2 -----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Layer norms, and a feed-forward part without a gate.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  config.attentionBias = true;
  reader.flag("use_bias", config.attentionBias);
  readPlainLayers(reader, config);
  readWindow(reader, config, 0);
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  auto bias = WeightTable::biasIf(c.attentionBias);
  t.norm("attention_norm", {"input_layernorm"}, {.bias = Bias::Present});
  parts::attentionWeights(c, t, bias, bias);
  t.norm("ffn_norm", {"post_attention_layernorm"}, {.bias = Bias::Present});
  t.linear("up", {"mlp.c_fc"}, c.ffn, c.hidden, bias);
  t.linear("down", {"mlp.c_proj"}, c.hidden, c.ffn, bias);
  t.finalNorm({.bias = Bias::Present});
}

static Value layer(LayerBuilder &b, Value x) {
  Value n = b.layerNorm(x, "attention_norm");
  Value q = b.linear(n, "q");
  Value k = b.linear(n, "k");
  Value v = b.linear(n, "v");
  x = b.linear(parts::attend(b, q, k, v), "o", x);
  return parts::plainFeedForward(b, b.layerNorm(x, "ffn_norm"), x);
}

const Family starcoder2Family = {
    .name = "starcoder2",
    .models = "StarCoder2",
    .remarks = "layer norms, feed-forward without a gate",
    .keys = {.epsilon = "norm_epsilon",
             .defaultPositions = 4096,
             .defaultKvHeads = 2,
             .nullKvHeads = false,
             .defaultEpsilon = 1e-5,
             .defaultActivation = Activation::GeluTanh,
             .tied = true},
    .configure = configure,
    .weights = weights,
    .layer = layer,
    .end = parts::finalLayerNorm,
};

} // namespace espalier
