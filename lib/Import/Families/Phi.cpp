//===- Phi.cpp - The family phi -------------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// One layer norm for attention and feed-forward, which stand side by side; a
/// part of each head rotated; a bias everywhere, of the logits too.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  config.parallelResidual = config.sharedNorm = config.outputBias = true;
  reader.flag("qk_layernorm", config.qkNorm);
  readPlainLayers(reader, config);
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  uint64_t q = c.heads * c.headDim, kv = c.kvHeads * c.headDim;
  t.norm("attention_norm", {"input_layernorm"}, {.bias = Bias::Present});
  t.linear("q", {"self_attn.q_proj"}, q, c.hidden, Bias::Present);
  t.linear("k", {"self_attn.k_proj"}, kv, c.hidden, Bias::Present);
  t.linear("v", {"self_attn.v_proj"}, kv, c.hidden, Bias::Present);
  if (c.qkNorm)
    for (const char *part : {"q", "k"})
      t.norm(
          std::string(part) + "_norm",
          {part[0] == 'q' ? "self_attn.q_layernorm" : "self_attn.k_layernorm"},
          {.size = c.headDim, .bias = Bias::Present});
  t.linear("o", {"self_attn.dense"}, c.hidden, q, Bias::Present);
  t.linear("up", {"mlp.fc1"}, c.ffn, c.hidden, Bias::Present);
  t.linear("down", {"mlp.fc2"}, c.hidden, c.ffn, Bias::Present);
  t.finalNorm({.bias = Bias::Present});
}

const Family phiFamily = {
    .name = "phi",
    .models = "Phi-1, Phi-1.5, Phi-2",
    .remarks = "layer norms, parts of heads rotated, attention and "
               "feed-forward side by side, biased logits",
    .keys = {.epsilon = "layer_norm_eps",
             .defaultEpsilon = 1e-5,
             .defaultActivation = Activation::GeluTanh,
             .partial = true,
             .partialRotary = 0.5},
    .names = {.finalNorm = "final_layernorm"},
    .configure = configure,
    .weights = weights,
    .layer = parts::layerNormLayer,
    .end = parts::finalLayerNorm,
};

} // namespace espalier
