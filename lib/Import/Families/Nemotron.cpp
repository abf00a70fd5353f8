//===- Nemotron.cpp - The family nemotron ---------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Layer norms whose tensors hold the weight less one, the square of relu, a
/// part of each head rotated.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  parts::configureLlama(reader, config);
  // The class falls back to nothing that a model could be made of.
  reader.required("num_key_value_heads", config.kvHeads);
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  WeightTable::NormOptions norm = {.bias = Bias::Present, .addOne = true};
  Bias attention = WeightTable::biasIf(c.attentionBias);
  Bias mlp = WeightTable::biasIf(c.mlpBias);
  t.norm("attention_norm", {"input_layernorm"}, norm);
  parts::attentionWeights(c, t, attention, attention);
  t.norm("ffn_norm", {"post_attention_layernorm"}, norm);
  t.linear("up", {"mlp.up_proj"}, c.ffn, c.hidden, mlp);
  t.linear("down", {"mlp.down_proj"}, c.hidden, c.ffn, mlp);
  t.finalNorm(norm);
}

const Family nemotronFamily = {
    .name = "nemotron",
    .models = "Nemotron-3 8B, Nemotron-4, Minitron",
    .remarks =
        "layer norms of 1 + weight, relu squared, parts of heads rotated",
    .keys = {.epsilon = "norm_eps",
             .defaultPositions = 4096,
             .defaultEpsilon = 1e-5,
             .defaultActivation = Activation::ReluSquared,
             .partial = true,
             .partialRotary = 0.5},
    .configure = configure,
    .weights = weights,
    .layer = parts::layerNormLayer,
    .end = parts::finalLayerNorm,
};

} // namespace espalier
