//===- Qwen2.cpp - The family qwen2 ---------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The layer of llama whose q, k and v always have biases, which the
/// configuration does not mention.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  t.norm("attention_norm", {"input_layernorm", "attn_norm"});
  parts::attentionWeights(c, t, Bias::Present, Bias::None);
  t.norm("ffn_norm", {"post_attention_layernorm", "ffn_norm"});
  parts::gatedWeights(c, t, Bias::None);
}

const Family qwen2Family = {
    .name = "qwen2",
    .models = "Qwen2, Qwen2.5, QwQ",
    .remarks = "q, k and v have biases; windows by `use_sliding_window`",
    .inGGUF = true,
    .keys = {.defaultPositions = 32768, .defaultKvHeads = 32},
    .configure = parts::configureQwenLayers,
    .weights = weights,
    .layer = parts::llamaLayer,
};

} // namespace espalier
