//===- Qwen2.cpp - The family qwen2 ---------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The layer of llama whose q, k and v always have biases, which the
/// configuration does not mention.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  uint64_t q = c.heads * c.headDim, kv = c.kvHeads * c.headDim;

  t.norm("attention_norm", {"input_layernorm", ""});
  t.linear("q", {"self_attn.q_proj", ""}, q, c.hidden, Bias::Present);
  t.linear("k", {"self_attn.k_proj", ""}, kv, c.hidden, Bias::Present);
  t.linear("v", {"self_attn.v_proj", ""}, kv, c.hidden, Bias::Present);
  t.linear("o", {"self_attn.o_proj", ""}, c.hidden, q, Bias::None);
  t.norm("ffn_norm", {"post_attention_layernorm", ""});
  t.linear("gate", {"mlp.gate_proj", ""}, c.ffn, c.hidden, Bias::None);
  t.linear("up", {"mlp.up_proj", ""}, c.ffn, c.hidden, Bias::None);
  t.linear("down", {"mlp.down_proj", ""}, c.hidden, c.ffn, Bias::None);
}

const Family qwen2Family = {"qwen2", /*inGGUF=*/false, weights,
                            buildLlamaLayer};

} // namespace espalier
