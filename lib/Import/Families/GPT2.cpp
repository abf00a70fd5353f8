//===- GPT2.cpp - The family gpt2 -----------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Layer norms, learned positions, q, k and v in one matrix; all matrices are
/// stored [in, out].
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  parts::refuseHeadDim(reader, config, "'n_embd' / 'n_head' is");
  parts::readFourfoldFfn(reader, config, "n_inner");
  bool scales = true;
  reader.flag("scale_attn_weights", scales);
  if (!scales)
    config.attentionScale = 1;
  reader.expect("scale_attn_by_inverse_layer_idx", false);
  reader.expect("add_cross_attention", false);
  readPlainLayers(reader, config);
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  t.whole("positions", {"wpe"}, {c.maxPositions, c.hidden});
  t.norm("attention_norm", {"ln_1"}, {.bias = Bias::Present});
  WeightTable::MatrixOptions whole = {.bias = Bias::Present,
                                      .transposed = true};
  int64_t first = 0;
  for (const char *part : {"q", "k", "v"}) {
    WeightTable::MatrixOptions slice = whole;
    slice.slice = RecipeStep{RecipeStep::Kind::SliceRows,
                             {first, first + int64_t(c.hidden)}};
    slice.total = 3 * c.hidden;
    t.matrix(part, {"attn.c_attn"}, c.hidden, c.hidden, slice);
    first += int64_t(c.hidden);
  }
  t.matrix("o", {"attn.c_proj"}, c.hidden, c.hidden, whole);
  t.norm("ffn_norm", {"ln_2"}, {.bias = Bias::Present});
  t.matrix("up", {"mlp.c_fc"}, c.ffn, c.hidden, whole);
  t.matrix("down", {"mlp.c_proj"}, c.hidden, c.ffn, whole);
  t.finalNorm({.bias = Bias::Present});
}

static Value begin(LayerBuilder &b, Value x) {
  return b.positionEmbedding(x, "positions", 0);
}

const Family gpt2Family = {
    .name = "gpt2",
    .models = "GPT-2, DistilGPT-2",
    .remarks = "learned positions: no context beyond `n_positions`",
    .keys = {.layers = "n_layer",
             .hidden = "n_embd",
             .heads = "n_head",
             .kvHeads = "",
             .ffn = "",
             .positions = "n_positions",
             .epsilon = "layer_norm_epsilon",
             .activation = "activation_function",
             .defaultPositions = 1024,
             .defaultEpsilon = 1e-5,
             .defaultActivation = Activation::GeluTanh,
             .tied = true,
             .rope = false},
    .names =
        parts::transformerNames("wte", {"*.attn.bias", "*.attn.masked_bias"}),
    .configure = configure,
    .weights = weights,
    .layer = parts::layerNormLayer,
    .begin = begin,
    .end = parts::finalLayerNorm,
};

} // namespace espalier
