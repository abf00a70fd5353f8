//===- Phi3.cpp - The family phi3 -----------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The layer of llama with q, k and v in one matrix, and gate and up in
/// another.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void configure(ConfigReader &reader, ModelConfig &config) {
  // The model's own default, which the key replaces.
  config.ropes[0].originalPositions = 4096;
  readPlainLayers(reader, config);
  readWindow(reader, config, 0);
  RopeConfig::Kind kind = config.ropes[0].kind;
  if (kind != RopeConfig::Kind::Default && kind != RopeConfig::Kind::LongRope)
    reader.fail({"'rope_scaling': only the types default and longrope are "
                 "supported in this family"});
}

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  uint64_t q = c.heads * c.headDim, kv = c.kvHeads * c.headDim;
  t.norm("attention_norm", {"input_layernorm"});
  TensorName qkv = {"self_attn.qkv_proj"}, gateUp = {"mlp.gate_up_proj"};
  t.rowsOf("q", qkv, 0, q, q + 2 * kv, c.hidden, Bias::None);
  t.rowsOf("k", qkv, q, kv, q + 2 * kv, c.hidden, Bias::None);
  t.rowsOf("v", qkv, q + kv, kv, q + 2 * kv, c.hidden, Bias::None);
  t.linear("o", {"self_attn.o_proj"}, c.hidden, q, Bias::None);
  t.norm("ffn_norm", {"post_attention_layernorm"});
  t.rowsOf("gate", gateUp, 0, c.ffn, 2 * c.ffn, c.hidden, Bias::None);
  t.rowsOf("up", gateUp, c.ffn, c.ffn, 2 * c.ffn, c.hidden, Bias::None);
  t.linear("down", {"mlp.down_proj"}, c.hidden, c.ffn, Bias::None);
}

const Family phi3Family = {
    .name = "phi3",
    .models = "Phi-3, Phi-3.5, Phi-4 mini, Phi-4",
    .remarks = "longrope: the factors are chosen when the model is opened",
    .keys = {.defaultPositions = 4096, .defaultEpsilon = 1e-5, .partial = true},
    .configure = configure,
    .weights = weights,
    .layer = parts::llamaLayer,
};

} // namespace espalier
