//===- Mistral.cpp - The family mistral -----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The layer of llama with a window in every layer, or none.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  readPlainLayers(reader, config);
  readWindow(reader, config, 4096);
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  t.norm("attention_norm", {"input_layernorm"});
  parts::attentionWeights(c, t, Bias::None, Bias::None);
  t.norm("ffn_norm", {"post_attention_layernorm"});
  parts::gatedWeights(c, t, Bias::None);
}

const Family mistralFamily = {
    .name = "mistral",
    .models = "Mistral 7B, Mistral Nemo, Mistral Small, Zephyr",
    .remarks = "`sliding_window` null or a number",
    .keys = {.defaultPositions = 4096 * 32, .defaultKvHeads = 8},
    .configure = configure,
    .weights = weights,
    .layer = parts::llamaLayer,
};

} // namespace espalier
