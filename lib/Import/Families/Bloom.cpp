//===- Bloom.cpp - The family bloom ---------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Layer norms, one behind the embedding too, q, k and v of each head in one
/// matrix, slopes for positions.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  parts::readFourfoldFfn(reader, config, "n_inner");
  reader.expect("apply_residual_connection_post_layernorm", false);
  // checkConfig refuses more heads; the list must not grow before.
  if (config.heads <= 4096)
    config.alibiSlopes = parts::alibiSlopes(config.heads);
  readPlainLayers(reader, config);
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  t.wholeNorm("embedding_norm", {"word_embeddings_layernorm"},
              {.bias = Bias::Present});
  parts::fusedLayerWeights(c, t, {});
  t.finalNorm({.bias = Bias::Present});
}

static Value begin(LayerBuilder &b, Value x) {
  return b.layerNorm(x, "embedding_norm");
}

const Family bloomFamily = {
    .name = "bloom",
    .models = "BLOOM, BLOOMZ",
    .remarks = "layer norms, slopes (alibi) instead of positions",
    .keys = {.layers = "n_layer",
             .heads = "n_head",
             .kvHeads = "",
             .ffn = "",
             .positions = "seq_length",
             .epsilon = "layer_norm_epsilon",
             .activation = "",
             .defaultEpsilon = 1e-5,
             .defaultActivation = Activation::GeluTanh,
             .tied = true,
             .rope = false,
             .aliases = {{"n_layer", "num_hidden_layers"},
                         {"n_head", "num_attention_heads"},
                         {"hidden_size", "n_embed"}}},
    .names = parts::transformerNames("word_embeddings"),
    .configure = configure,
    .weights = weights,
    .layer = parts::layerNormLayer,
    .begin = begin,
    .end = parts::finalLayerNorm,
};

} // namespace espalier
