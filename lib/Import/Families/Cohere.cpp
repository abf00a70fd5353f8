//===- Cohere.cpp - The family cohere -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// One layer norm without a bias, attention and feed-forward side by side,
/// heads rotated in interleaved form, scaled logits; queries and keys may be
/// normalised head by head, each head with weights of its own.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  reader.flag("attention_bias", config.attentionBias);
  reader.flag("use_qk_norm", config.qkNorm);
  config.logitScale = 0.0625;
  reader.number("logit_scale", config.logitScale);
  config.interleavedRope = true;
  config.parallelResidual = true;
  readPlainLayers(reader, config);
}

/// [heads, head size], one weight for each column.
static void headNorm(std::string_view symbol, TensorName name, uint64_t heads,
                     const ModelConfig &c, WeightTable &t) {
  t.norm(symbol, name, {.size = heads * c.headDim, .rotatedHeads = heads});
  t.last().sourceShape = {heads, c.headDim};
}

static void weights(const ModelConfig &c, WeightTable &t) {
  auto bias = WeightTable::biasIf(c.attentionBias);
  t.norm("norm", {"input_layernorm"});
  parts::attentionWeights(c, t, bias, bias);
  if (c.qkNorm) {
    headNorm("q_norm", {"self_attn.q_norm"}, c.heads, c, t);
    headNorm("k_norm", {"self_attn.k_norm"}, c.kvHeads, c, t);
  }
  parts::gatedWeights(c, t, WeightTable::Bias::None);
  t.finalNorm({});
}

static Value layer(LayerBuilder &b, Value x) {
  Value n = b.layerNorm(x, "norm");
  Value q = b.linear(n, "q");
  Value k = b.linear(n, "k");
  Value v = b.linear(n, "v");
  if (b.config.qkNorm) {
    q = b.layerNorm(q, "q_norm", b.config.headDim);
    k = b.layerNorm(k, "k_norm", b.config.headDim);
  }
  x = b.linear(parts::attend(b, q, k, v), "o", x);
  return parts::gatedFeedForward(b, n, x);
}

const Family cohereFamily = {
    .name = "cohere",
    .models = "Command-R, Aya 23",
    .remarks = "attention and feed-forward side by side, interleaved rope, "
               "scaled logits",
    .keys = {.epsilon = "layer_norm_eps",
             .defaultPositions = 8192,
             .defaultEpsilon = 1e-5,
             .tied = true,
             .defaultTheta = 500000},
    .configure = configure,
    .weights = weights,
    .layer = layer,
    .end = parts::finalLayerNorm,
};

} // namespace espalier
