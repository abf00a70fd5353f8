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

#include <bit>
#include <cmath>

namespace espalier {

/// Head h of n, a power of two, has the slope 2^(-8 (h + 1) / n). Of another
/// number of heads the first ones are those of the power of two below, and the
/// rest every second one of the power above.
static std::vector<float> slopesOf(uint64_t heads) {
  uint64_t power = std::bit_floor(heads);
  std::vector<float> slopes;
  for (uint64_t h = 0; h < heads; ++h) {
    double exponent =
        h < power ? 8.0 * double(h + 1) / double(power)
                  : 8.0 * double(2 * (h - power) + 1) / double(2 * power);
    slopes.push_back(float(std::exp2(-exponent)));
  }
  return slopes;
}

static void configure(ConfigReader &reader, ModelConfig &config) {
  config.ffn = 4 * config.hidden;
  reader.count("n_inner", config.ffn);
  reader.expect("apply_residual_connection_post_layernorm", false);
  // checkConfig refuses more heads; the list must not grow before.
  if (config.heads <= 4096)
    config.alibiSlopes = slopesOf(config.heads);
  readPlainLayers(reader, config);
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  t.wholeNorm("embedding_norm", {"word_embeddings_layernorm"},
              {.bias = Bias::Present});
  t.norm("attention_norm", {"input_layernorm"}, {.bias = Bias::Present});
  parts::fusedAttentionWeights(c, t, {"self_attention.query_key_value"},
                               Bias::Present);
  t.linear("o", {"self_attention.dense"}, c.hidden, c.hidden, Bias::Present);
  t.norm("ffn_norm", {"post_attention_layernorm"}, {.bias = Bias::Present});
  t.linear("up", {"mlp.dense_h_to_4h"}, c.ffn, c.hidden, Bias::Present);
  t.linear("down", {"mlp.dense_4h_to_h"}, c.hidden, c.ffn, Bias::Present);
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
    .names = {.prefixes = {"transformer.", ""},
              .layer = "h.{i}.",
              .embedding = "word_embeddings",
              .finalNorm = "ln_f"},
    .configure = configure,
    .weights = weights,
    .layer = parts::layerNormLayer,
    .begin = begin,
    .end = parts::finalLayerNorm,
};

} // namespace espalier
