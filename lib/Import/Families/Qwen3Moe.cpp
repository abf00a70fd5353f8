//===- Qwen3Moe.cpp - The family qwen3_moe --------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The layer of qwen3, in some layers with experts in the place of the
/// feed-forward.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

#include <cmath>

namespace espalier {

/// Which layers have experts.
static void readSparseLayers(ConfigReader &reader, ModelConfig &config) {
  uint64_t step = 1;
  std::vector<double> dense;
  reader.count("decoder_sparse_step", step);
  reader.numbers("mlp_only_layers", dense);
  if (step == 0)
    return reader.fail({"'decoder_sparse_step': expected at least 1, got 0"});
  for (uint64_t i = 0; i < config.structure.size(); ++i)
    config.structure[i].experts = config.experts > 0 && (i + 1) % step == 0;
  for (double layer : dense) {
    if (layer < 0 || layer != std::floor(layer))
      return reader.fail(
          {"'mlp_only_layers': expected numbers of layers, got " +
           std::to_string(layer)});
    if (layer < double(config.structure.size()))
      config.structure[size_t(layer)].experts = false;
  }
}

static void configure(ConfigReader &reader, ModelConfig &config) {
  reader.flag("attention_bias", config.attentionBias);
  readPlainLayers(reader, config);
  bool useWindow = false;
  reader.flag("use_sliding_window", useWindow);
  if (useWindow)
    readWindow(reader, config, 4096);
  parts::readExperts(reader, config, 128, 8);
  config.expertFfn = 768;
  reader.count("moe_intermediate_size", config.expertFfn);
  reader.flag("norm_topk_prob", config.renormalizeExperts);
  readSparseLayers(reader, config);
}

static void weights(const ModelConfig &c, WeightTable &t) {
  auto attention = WeightTable::biasIf(c.attentionBias);
  t.norm("attention_norm", {"input_layernorm"});
  parts::attentionWeights(c, t, attention, attention);
  t.norm("q_norm", {"self_attn.q_norm"}, {.size = c.headDim});
  t.norm("k_norm", {"self_attn.k_norm"}, {.size = c.headDim});
  t.norm("ffn_norm", {"post_attention_layernorm"});
  bool hasDense = false, hasSparse = false;
  for (const LayerStructure &layer : c.structure)
    (layer.experts ? hasSparse : hasDense) = true;
  if (hasSparse) {
    t.only([](const LayerStructure &layer) { return layer.experts; });
    parts::expertWeights(c, t,
                         {"mlp.gate", "mlp.experts.{e}.gate_proj",
                          "mlp.experts.{e}.up_proj",
                          "mlp.experts.{e}.down_proj"});
  }
  if (hasDense) {
    t.only([](const LayerStructure &layer) { return !layer.experts; });
    parts::gatedWeights(c, t, WeightTable::Bias::None);
  }
}

static Value layer(LayerBuilder &b, Value x) {
  x = parts::normedHeadsAttention(b, x);
  Value n = b.rmsNorm(x, "ffn_norm");
  return b.structure.experts ? b.experts(n, x)
                             : parts::gatedFeedForward(b, n, x);
}

const Family qwen3MoeFamily = {
    .name = "qwen3_moe",
    .models = "Qwen3 MoE, Qwen3-Coder",
    .remarks = "`decoder_sparse_step` and `mlp_only_layers` make layers dense; "
               "experts as published, or one tensor for all",
    .keys = {.defaultPositions = 32768,
             .defaultKvHeads = 4,
             .nullKvHeads = false},
    .configure = configure,
    .weights = weights,
    .layer = layer,
};

} // namespace espalier
