//===- Llama.cpp - The family llama ---------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void weights(const ModelConfig &c, WeightTable &t) {
  auto attention = WeightTable::biasIf(c.attentionBias);
  t.norm("attention_norm", {"input_layernorm", "attn_norm"});
  parts::attentionWeights(c, t, attention, attention);
  t.norm("ffn_norm", {"post_attention_layernorm", "ffn_norm"});
  parts::gatedWeights(c, t, WeightTable::biasIf(c.mlpBias));
}

const Family llamaFamily = {
    .name = "llama",
    .models = "Llama 1 to 3, SmolLM, TinyLlama, Yi, Vicuna",
    .remarks = "biases by `attention_bias` and `mlp_bias`",
    .inGGUF = true,
    .interleavedInGGUF = true,
    .configure = parts::configureLlama,
    .weights = weights,
    .layer = parts::llamaLayer,
};

} // namespace espalier
