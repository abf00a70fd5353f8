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
#include "espalier/Support/Half.h"

namespace espalier {

/// Slopes in the place of rotations. They are rounded to bfloat16, and, since
/// they are added to the products before these are scaled, scaled.
static void readAlibi(ConfigReader &reader, ModelConfig &config) {
  bool alibi = false;
  reader.flag("alibi", alibi);
  if (!alibi)
    return;
  config.ropes.clear();
  for (LayerStructure &layer : config.structure)
    layer.rope = -1;
  // checkConfig refuses more heads; the list must not grow before.
  if (config.heads > 4096)
    return;
  config.alibiSlopes = parts::alibiSlopes(config.heads);
  for (float &slope : config.alibiSlopes)
    slope = bf16ToFloat(floatToBf16(slope)) * float(config.attentionScale);
}

static void configure(ConfigReader &reader, ModelConfig &config) {
  parts::readFourfoldFfn(reader, config, "ffn_hidden_size");
  bool isNew = false, oneHead = true, bias = false;
  config.parallelResidual = true;
  reader.flag("new_decoder_architecture", isNew);
  reader.flag("multi_query", oneHead);
  reader.flag("parallel_attn", config.parallelResidual);
  reader.flag("bias", bias);
  readAlibi(reader, config);
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
    .models = "Falcon 7B, 40B and 180B, Falcon2 11B, Falcon-RW",
    .remarks = "layer norms, the three layouts of q, k and v; slopes (alibi), "
               "whose products with positions are not rounded to bfloat16",
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
