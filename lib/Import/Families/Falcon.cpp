//===- Falcon.cpp - The family falcon -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Layer norms; q, k and v in one matrix, laid out in one of three ways;
/// attention and feed-forward side by side, with one norm, two norms, or one
/// after the other.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  parts::readFourfoldFfn(reader, config, "ffn_hidden_size");
  bool isNew = false, oneHead = true, bias = false;
  config.parallelResidual = true;
  reader.flag("new_decoder_architecture", isNew);
  reader.flag("multi_query", oneHead);
  reader.flag("parallel_attn", config.parallelResidual);
  reader.flag("bias", bias);
  reader.expect("alibi", false);
  if (isNew)
    reader.count("num_kv_heads", config.kvHeads);
  else if (oneHead)
    config.kvHeads = 1;
  uint64_t norms = isNew ? 2 : 1;
  reader.count("num_ln_in_parallel_attn", norms);
  if (isNew && !config.parallelResidual)
    reader.unsupported("parallel_attn",
                       "true is, with 'new_decoder_architecture'");
  if (norms < 1 || norms > 2 || (norms == 2 && !isNew))
    reader.unsupported("num_ln_in_parallel_attn",
                       "1 is, and 2 with 'new_decoder_architecture'");
  config.sharedNorm = config.parallelResidual && norms == 1;
  config.attentionBias = config.mlpBias = bias;
  readPlainLayers(reader, config);
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  Bias bias = WeightTable::biasIf(c.attentionBias);
  bool two = c.parallelResidual && !c.sharedNorm;
  parts::FusedLayer layer = {.attention = bias, .mlp = bias};
  if (two) {
    layer.attentionNorm = "ln_attn";
    layer.ffnNorm = "ln_mlp";
  } else if (c.sharedNorm) {
    layer.ffnNorm = "";
  }
  parts::fusedLayerWeights(c, t, layer);
  t.finalNorm({.bias = Bias::Present});
}

const Family falconFamily = {
    .name = "falcon",
    .models = "Falcon 7B, 40B and 180B, Falcon2 11B",
    .remarks =
        "layer norms, the three layouts of q, k and v; `alibi` is refused",
    .keys = {.kvHeads = "",
             .ffn = "",
             .epsilon = "layer_norm_epsilon",
             .activation = "activation",
             .defaultEpsilon = 1e-5,
             .defaultActivation = Activation::Gelu,
             .tied = true,
             .aliases = {{"num_hidden_layers", "n_layer"},
                         {"num_attention_heads", "n_head"},
                         {"hidden_size", "n_embed"},
                         {"num_kv_heads", "n_head_kv"}}},
    .names = parts::transformerNames("word_embeddings"),
    .configure = configure,
    .weights = weights,
    .layer = parts::layerNormLayer,
    .end = parts::finalLayerNorm,
};

} // namespace espalier
