//===- Llama.cpp - The family llama ---------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Families.h"

using namespace mlir;

namespace espalier {

static void weights(const ModelConfig &c, WeightTable &t) {
  using Bias = WeightTable::Bias;
  Bias attention = c.attentionBias ? Bias::Present : Bias::None;
  Bias mlp = c.mlpBias ? Bias::Present : Bias::None;
  uint64_t q = c.heads * c.headDim, kv = c.kvHeads * c.headDim;

  t.norm("attention_norm", {"input_layernorm", "attn_norm"});
  t.linear("q", {"self_attn.q_proj", "attn_q"}, q, c.hidden, attention,
           c.heads);
  t.linear("k", {"self_attn.k_proj", "attn_k"}, kv, c.hidden, attention,
           c.kvHeads);
  t.linear("v", {"self_attn.v_proj", "attn_v"}, kv, c.hidden, attention);
  t.linear("o", {"self_attn.o_proj", "attn_output"}, c.hidden, q, attention);
  t.norm("ffn_norm", {"post_attention_layernorm", "ffn_norm"});
  t.linear("gate", {"mlp.gate_proj", "ffn_gate"}, c.ffn, c.hidden, mlp);
  t.linear("up", {"mlp.up_proj", "ffn_up"}, c.ffn, c.hidden, mlp);
  t.linear("down", {"mlp.down_proj", "ffn_down"}, c.hidden, c.ffn, mlp);
}

Value buildLlamaLayer(LayerBuilder &b, Value x) {
  Value n = b.rmsNorm(x, "attention_norm");
  Value q = b.linear(n, "q");
  Value k = b.linear(n, "k");
  Value v = b.linear(n, "v");
  q = b.rope(q);
  k = b.rope(k);
  b.append(xf::CachePart::Keys, k);
  b.append(xf::CachePart::Values, v);
  x = b.linear(b.attention(q), "o", x);

  n = b.rmsNorm(x, "ffn_norm");
  Value gate = b.linear(n, "gate");
  Value up = b.linear(n, "up");
  return b.linear(b.glu(gate, up), "down", x);
}

const Family llamaFamily = {"llama", /*inGGUF=*/true, weights, buildLlamaLayer};

} // namespace espalier
