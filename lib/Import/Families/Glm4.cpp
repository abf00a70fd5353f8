//===- Glm4.cpp - The family glm4 -----------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Norms before and behind attention and feed-forward; gate and up in one
/// matrix; half of each head is rotated, in interleaved form.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  config.attentionBias = true;
  reader.flag("attention_bias", config.attentionBias);
  config.interleavedRope = true;
  readPlainLayers(reader, config);
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  t.norm("attention_norm", {"input_layernorm"});
  parts::attentionWeights(c, t, WeightTable::biasIf(c.attentionBias),
                          Bias::None);
  t.norm("post_attention_norm", {"post_self_attn_layernorm"});
  t.norm("ffn_norm", {"post_attention_layernorm"});
  TensorName gateUp = {"mlp.gate_up_proj"};
  t.rowsOf("gate", gateUp, 0, c.ffn, 2 * c.ffn, c.hidden, Bias::None);
  t.rowsOf("up", gateUp, c.ffn, c.ffn, 2 * c.ffn, c.hidden, Bias::None);
  t.linear("down", {"mlp.down_proj"}, c.hidden, c.ffn, Bias::None);
  t.norm("post_ffn_norm", {"post_mlp_layernorm"});
}

const Family glm4Family = {
    .name = "glm4",
    .models = "GLM-4-0414",
    .remarks = "norms on both sides, half of each head rotated, interleaved",
    .keys = {.defaultPositions = 131072,
             .defaultKvHeads = 2,
             .defaultHeadDim = 128,
             .nullKvHeads = false,
             .defaultEpsilon = 0.00000015625,
             .partial = true,
             .partialRotary = 0.5},
    .configure = configure,
    .weights = weights,
    .layer = parts::sandwichLayer,
};

} // namespace espalier
