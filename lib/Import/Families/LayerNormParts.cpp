//===- LayerNormParts.cpp - What families with layer norms share ----------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier::parts {

void fusedAttentionWeights(const ModelConfig &c, WeightTable &t,
                           TensorName name, WeightTable::Bias bias) {
  int64_t groups = int64_t(c.kvHeads), dim = int64_t(c.headDim);
  int64_t queries = int64_t(c.heads / c.kvHeads) * dim;
  auto part = [&](const char *symbol, int64_t begin, int64_t count) {
    RecipeStep slice{RecipeStep::Kind::SliceGroups, {groups, begin, count}};
    t.matrix(symbol, name, uint64_t(groups * count), c.hidden,
             {.bias = bias,
              .slice = slice,
              .total = uint64_t(groups * (queries + 2 * dim))});
  };
  part("q", 0, queries);
  part("k", queries, dim);
  part("v", queries + dim, dim);
}

void fusedLayerWeights(const ModelConfig &c, WeightTable &t,
                       const FusedLayer &layer) {
  WeightTable::NormOptions norm = {.bias = WeightTable::Bias::Present};
  t.norm("attention_norm", {layer.attentionNorm}, norm);
  fusedAttentionWeights(c, t, {layer.qkv}, layer.attention);
  t.linear("o", {layer.o}, c.hidden, c.hidden, layer.attention);
  if (!layer.ffnNorm.empty())
    t.norm("ffn_norm", {layer.ffnNorm}, norm);
  t.linear("up", {"mlp.dense_h_to_4h"}, c.ffn, c.hidden, layer.mlp);
  t.linear("down", {"mlp.dense_4h_to_h"}, c.hidden, c.ffn, layer.mlp);
}

void readFourfoldFfn(ConfigReader &reader, ModelConfig &config,
                     std::string_view key) {
  config.ffn = 4 * config.hidden;
  reader.count(key, config.ffn);
}

void refuseHeadDim(ConfigReader &reader, const ModelConfig &config,
                   const std::string &instead) {
  if (config.heads * config.headDim != config.hidden)
    reader.unsupported("head_dim", instead);
}

ModelNames transformerNames(std::string_view embedding,
                            std::vector<std::string_view> harmless) {
  return {.prefixes = {"transformer.", ""},
          .layer = "h.{i}.",
          .embedding = embedding,
          .finalNorm = "ln_f",
          .harmless = std::move(harmless)};
}

static Value layerWith(LayerBuilder &b, Value x,
                       Value (*feedForward)(LayerBuilder &, Value, Value)) {
  const ModelConfig &c = b.config;
  Value n = b.layerNorm(x, "attention_norm");
  Value q = b.linear(n, "q");
  Value k = b.linear(n, "k");
  Value v = b.linear(n, "v");
  if (c.qkNorm) {
    q = b.layerNorm(q, "q_norm", c.headDim);
    k = b.layerNorm(k, "k_norm", c.headDim);
  }
  Value attention = attend(b, q, k, v);
  if (!c.parallelResidual) {
    x = b.linear(attention, "o", x);
    return feedForward(b, b.layerNorm(x, "ffn_norm"), x);
  }
  if (!c.sharedNorm)
    n = b.layerNorm(x, "ffn_norm");
  return feedForward(b, n, b.linear(attention, "o", x));
}

Value layerNormLayer(LayerBuilder &b, Value x) {
  return layerWith(b, x, plainFeedForward);
}

Value layerNormGatedLayer(LayerBuilder &b, Value x) {
  return layerWith(b, x, gatedFeedForward);
}

} // namespace espalier::parts
