//===- Families.h - The families of models ----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_IMPORT_FAMILIES_FAMILIES_H
#define ESPALIER_LIB_IMPORT_FAMILIES_FAMILIES_H

#include "../Family.h"

namespace espalier {

extern const Family llamaFamily;
extern const Family phi3Family;
extern const Family qwen2Family;
extern const Family smollm3Family;

/// What several families have in common.
namespace parts {

/// Keys `attention_bias` and `mlp_bias`, and plain layers.
void configureLlama(ConfigReader &reader, ModelConfig &config);
/// q, k, v and o as llama has them; q, k and v with biases or without.
void attentionWeights(const ModelConfig &config, WeightTable &table,
                      WeightTable::Bias qkv, WeightTable::Bias o);
/// gate, up and down, or their absence of biases.
void gatedWeights(const ModelConfig &config, WeightTable &table,
                  WeightTable::Bias bias);
/// Rotates q and k, appends k and v, attends: what enters the projection o.
Value attend(LayerBuilder &b, Value q, Value k, Value v);
/// down(activation(gate(x)) * up(x)), added to `residual`, if given.
Value gatedFeedForward(LayerBuilder &b, Value x, Value residual = {});
/// The layer of llama: norm, grouped-query attention with rotated heads, norm,
/// gated feed-forward, both added to the residual stream.
Value llamaLayer(LayerBuilder &b, Value x);

} // namespace parts
} // namespace espalier

#endif // ESPALIER_LIB_IMPORT_FAMILIES_FAMILIES_H
