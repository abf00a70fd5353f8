//===- Parts.cpp - What several families have in common -------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier::parts {

void configureLlama(ConfigReader &reader, ModelConfig &config) {
  reader.flag("attention_bias", config.attentionBias);
  reader.flag("mlp_bias", config.mlpBias);
  readPlainLayers(reader, config);
}

void attentionWeights(const ModelConfig &c, WeightTable &t,
                      WeightTable::Bias qkv, WeightTable::Bias o) {
  uint64_t q = c.heads * c.headDim, kv = c.kvHeads * c.headDim;
  t.linear("q", {"self_attn.q_proj", "attn_q"}, q, c.hidden, qkv, c.heads);
  t.linear("k", {"self_attn.k_proj", "attn_k"}, kv, c.hidden, qkv, c.kvHeads);
  t.linear("v", {"self_attn.v_proj", "attn_v"}, kv, c.hidden, qkv);
  t.linear("o", {"self_attn.o_proj", "attn_output"}, c.hidden, q, o);
}

void gatedWeights(const ModelConfig &c, WeightTable &t,
                  WeightTable::Bias bias) {
  t.linear("gate", {"mlp.gate_proj", "ffn_gate"}, c.ffn, c.hidden, bias);
  t.linear("up", {"mlp.up_proj", "ffn_up"}, c.ffn, c.hidden, bias);
  t.linear("down", {"mlp.down_proj", "ffn_down"}, c.hidden, c.ffn, bias);
}

Value attend(LayerBuilder &b, Value q, Value k, Value v) {
  q = b.rope(q);
  k = b.rope(k);
  b.appendKeys(k);
  b.appendValues(v);
  return b.attention(q);
}

Value gatedFeedForward(LayerBuilder &b, Value x, Value residual) {
  Value gate = b.linear(x, "gate");
  Value up = b.linear(x, "up");
  return b.linear(b.glu(gate, up), "down", residual);
}

Value plainFeedForward(LayerBuilder &b, Value x, Value residual) {
  return b.linear(b.activation(b.linear(x, "up")), "down", residual);
}

/// Queries, keys and values of a normed row, the first two normalised where
/// the family has norms for them, up to what enters the projection o.
static Value attendNormedHeads(LayerBuilder &b, Value n, bool qkNorm) {
  Value q = b.linear(n, "q");
  Value k = b.linear(n, "k");
  Value v = b.linear(n, "v");
  if (qkNorm) {
    q = b.rmsNorm(q, "q_norm", {}, b.config.headDim);
    k = b.rmsNorm(k, "k_norm", {}, b.config.headDim);
  }
  return attend(b, q, k, v);
}

Value normedHeadsAttention(LayerBuilder &b, Value x) {
  Value n = b.rmsNorm(x, "attention_norm");
  return b.linear(attendNormedHeads(b, n, true), "o", x);
}

Value sandwichLayer(LayerBuilder &b, Value x) {
  Value n = b.rmsNorm(x, "attention_norm");
  Value attention = b.linear(attendNormedHeads(b, n, b.config.qkNorm), "o");
  x = b.rmsNorm(attention, "post_attention_norm", x);
  Value ffn = gatedFeedForward(b, b.rmsNorm(x, "ffn_norm"));
  return b.rmsNorm(ffn, "post_ffn_norm", x);
}

Value scaleEmbedding(LayerBuilder &b, Value x) {
  return b.scale(x, b.config.embeddingScale);
}

Value finalLayerNorm(LayerBuilder &b, Value x) {
  return b.layerNorm(x, "final_norm");
}

void configureQwenLayers(ConfigReader &reader, ModelConfig &config) {
  readRope(reader, config, config.ropes[0]);
  bool useWindow = false;
  uint64_t window = 4096, from = 28;
  reader.flag("use_sliding_window", useWindow);
  reader.countOrNone("sliding_window", window);
  reader.count("max_window_layers", from);
  readLayerTypes(
      reader, config, useWindow ? window : 0,
      [](uint64_t i, uint64_t first) { return i >= first; }, from);
}

Value llamaLayer(LayerBuilder &b, Value x) {
  Value n = b.rmsNorm(x, "attention_norm");
  Value q = b.linear(n, "q");
  Value k = b.linear(n, "k");
  Value v = b.linear(n, "v");
  x = b.linear(attend(b, q, k, v), "o", x);
  return gatedFeedForward(b, b.rmsNorm(x, "ffn_norm"), x);
}

} // namespace espalier::parts
