//===- SmolLM3.cpp - The family smollm3 -----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The layer of llama; every fourth layer, or those that a list names, does not
/// rotate.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  reader.flag("attention_bias", config.attentionBias);
  reader.flag("mlp_bias", config.mlpBias);
  readRope(reader, config, config.ropes[0]);

  uint64_t interval = 4;
  reader.count("no_rope_layer_interval", interval);
  if (interval == 0)
    reader.unsupported("no_rope_layer_interval", "positive numbers are");
  std::vector<double> rotated; // 1: the layer rotates, whatever the key's name
  reader.numbers("no_rope_layers", rotated);
  if (reader.failed())
    return;
  if (reader.has("no_rope_layers") && rotated.size() != config.structure.size())
    return reader.fail({"'no_rope_layers': expected " +
                        std::to_string(config.structure.size()) +
                        " entries, one for each layer, got " +
                        std::to_string(rotated.size())});
  for (size_t i = 0; i < config.structure.size(); ++i) {
    bool rotates = rotated.empty() ? (i + 1) % interval != 0 : rotated[i] != 0;
    config.structure[i].rope = rotates ? 0 : -1;
  }

  bool useWindow = false;
  uint64_t window = 0;
  reader.flag("use_sliding_window", useWindow);
  reader.countOrNone("sliding_window", window);
  if (!useWindow)
    window = 0;
  // Where no list says otherwise, the window is that of the layers that do not
  // rotate.
  if (reader.has("layer_types"))
    return readLayerTypes(reader, config, window, nullptr);
  for (LayerStructure &layer : config.structure)
    layer.window = layer.rope < 0 ? window : 0;
}

static void weights(const ModelConfig &c, WeightTable &t) {
  auto attention = WeightTable::biasIf(c.attentionBias);
  t.norm("attention_norm", {"input_layernorm"});
  parts::attentionWeights(c, t, attention, attention);
  t.norm("ffn_norm", {"post_attention_layernorm"});
  parts::gatedWeights(c, t, WeightTable::biasIf(c.mlpBias));
}

const Family smollm3Family = {
    .name = "smollm3",
    .models = "SmolLM3",
    .remarks = "layers without rotation",
    .keys = {.defaultPositions = 32768,
             .defaultKvHeads = 4,
             .tied = true,
             .defaultTheta = 2000000},
    .configure = configure,
    .weights = weights,
    .layer = parts::llamaLayer,
};

} // namespace espalier
