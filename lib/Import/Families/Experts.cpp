//===- Experts.cpp - What families with experts have in common ------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier::parts {

void readExperts(ConfigReader &reader, ModelConfig &config, uint64_t experts,
                 uint64_t perToken) {
  config.experts = experts;
  config.expertsPerToken = perToken;
  // Which of the two names a file has depends on who wrote it.
  reader.count("num_experts", config.experts);
  reader.count("num_local_experts", config.experts);
  reader.count("num_experts_per_tok", config.expertsPerToken);
}

void expertWeights(const ModelConfig &c, WeightTable &t,
                   const ExpertNames &names) {
  using Bias = WeightTable::Bias;
  constexpr TensorName gateUp = {"mlp.experts.gate_up_proj"},
                       down = {"mlp.experts.down_proj"};
  if (t.has(gateUp, "")) {
    t.linear("router", {"mlp.gate"}, c.experts, c.hidden, Bias::None);
    t.allExperts("expert_gate", gateUp, 0, c.expertFfn, 2 * c.expertFfn,
                 c.hidden);
    t.allExperts("expert_up", gateUp, c.expertFfn, c.expertFfn, 2 * c.expertFfn,
                 c.hidden);
    t.allExperts("expert_down", down, 0, c.hidden, c.hidden, c.expertFfn);
    return;
  }
  t.linear("router", {names.router}, c.experts, c.hidden, Bias::None);
  t.eachExpert("expert_gate", {names.gate}, c.expertFfn, c.hidden);
  t.eachExpert("expert_up", {names.up}, c.expertFfn, c.hidden);
  t.eachExpert("expert_down", {names.down}, c.hidden, c.expertFfn);
}

} // namespace espalier::parts
