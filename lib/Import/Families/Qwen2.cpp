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

static void configure(ConfigReader &reader, ModelConfig &config) {
  readPlainLayers(reader, config);
  // The window is stated, and switched on by a key of its own.
  bool window = false;
  reader.flag("use_sliding_window", window);
  if (window)
    reader.unsupported("sliding_window", "only models without a window are");
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  t.norm("attention_norm", {"input_layernorm"});
  parts::attentionWeights(c, t, Bias::Present, Bias::None);
  t.norm("ffn_norm", {"post_attention_layernorm"});
  parts::gatedWeights(c, t, Bias::None);
}

const Family qwen2Family = {
    .name = "qwen2",
    .models = "Qwen2, Qwen2.5, QwQ",
    .keys = {.defaultPositions = 32768},
    .configure = configure,
    .weights = weights,
    .layer = parts::llamaLayer,
};

} // namespace espalier
