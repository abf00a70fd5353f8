//===- OPT.cpp - The family opt -------------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Layer norms and learned positions, of which the first two are not used.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static constexpr uint64_t firstPosition = 2;

static void configure(ConfigReader &reader, ModelConfig &config) {
  parts::refuseHeadDim(reader, config,
                       "'hidden_size' / 'num_attention_heads' is");
  config.attentionBias = true;
  reader.flag("enable_bias", config.attentionBias);
  reader.expect("do_layer_norm_before", true);
  reader.expect("_remove_final_layer_norm", false);
  reader.expect("layer_norm_elementwise_affine", true);
  reader.expect("word_embed_proj_dim", double(config.hidden));
  readPlainLayers(reader, config);
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  Bias bias = WeightTable::biasIf(c.attentionBias);
  t.whole("positions", {"embed_positions"},
          {c.maxPositions + firstPosition, c.hidden});
  t.norm("attention_norm", {"self_attn_layer_norm"}, {.bias = Bias::Present});
  t.linear("q", {"self_attn.q_proj"}, c.hidden, c.hidden, bias);
  t.linear("k", {"self_attn.k_proj"}, c.hidden, c.hidden, bias);
  t.linear("v", {"self_attn.v_proj"}, c.hidden, c.hidden, bias);
  t.linear("o", {"self_attn.out_proj"}, c.hidden, c.hidden, bias);
  t.norm("ffn_norm", {"final_layer_norm"}, {.bias = Bias::Present});
  t.linear("up", {"fc1"}, c.ffn, c.hidden, bias);
  t.linear("down", {"fc2"}, c.hidden, c.ffn, bias);
  t.finalNorm({.bias = Bias::Present});
}

static Value begin(LayerBuilder &b, Value x) {
  return b.positionEmbedding(x, "positions", firstPosition);
}

const Family optFamily = {
    .name = "opt",
    .models = "OPT, Galactica",
    .remarks =
        "learned positions: no context beyond `max_position_embeddings`; norms "
        "after each part (OPT-350M) are refused",
    .keys = {.kvHeads = "",
             .ffn = "ffn_dim",
             .epsilon = "",
             .activation = "activation_function",
             .defaultEpsilon = 1e-5,
             .defaultActivation = Activation::Relu,
             .tied = true,
             .rope = false},
    .names = {.prefixes = {"model.decoder.", "decoder."},
              .finalNorm = "final_layer_norm"},
    .configure = configure,
    .weights = weights,
    .layer = parts::layerNormLayer,
    .begin = begin,
    .end = parts::finalLayerNorm,
};

} // namespace espalier
