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

extern const Family bloomFamily;
extern const Family cohereFamily;
extern const Family falconFamily;
extern const Family gemma2Family;
extern const Family gemma3Family;
extern const Family gemma3TextFamily;
extern const Family gemmaFamily;
extern const Family glm4Family;
extern const Family gpt2Family;
extern const Family gptNeoXFamily;
extern const Family graniteFamily;
extern const Family llamaFamily;
extern const Family mistralFamily;
extern const Family mixtralFamily;
extern const Family nemotronFamily;
extern const Family olmo2Family;
extern const Family olmoeFamily;
extern const Family optFamily;
extern const Family phi3Family;
extern const Family phiFamily;
extern const Family qwen2Family;
extern const Family qwen3Family;
extern const Family qwen3MoeFamily;
extern const Family smollm3Family;
extern const Family stablelmFamily;
extern const Family starcoder2Family;

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
/// down(activation(up(x))), added to `residual`, if given.
Value plainFeedForward(LayerBuilder &b, Value x, Value residual = {});
/// "attention_norm", then attention whose queries and keys are normalised head
/// by head ("q_norm", "k_norm"), added to the residual stream.
Value normedHeadsAttention(LayerBuilder &b, Value x);
/// Norms before and behind attention and feed-forward: "attention_norm",
/// "post_attention_norm", "ffn_norm", "post_ffn_norm".
Value sandwichLayer(LayerBuilder &b, Value x);
/// The hooks: embeddingScale * x; the layer norm "final_norm".
Value scaleEmbedding(LayerBuilder &b, Value x);
Value finalLayerNorm(LayerBuilder &b, Value x);
/// Rope and windows of qwen2 and qwen3: a key switches the window on, and it is
/// that of the layers from `max_window_layers` on where no list says otherwise.
void configureQwenLayers(ConfigReader &reader, ModelConfig &config);
/// "router", "expert_gate", "expert_up" and "expert_down". `router` and the
/// three others are names of what is published, for each expert; a checkpoint
/// that transformers saved as it is has one tensor for all.
struct ExpertNames {
  std::string_view router, gate, up, down;
};
void expertWeights(const ModelConfig &config, WeightTable &table,
                   const ExpertNames &names);
/// Reads the number of experts, and of those of a token.
void readExperts(ConfigReader &reader, ModelConfig &config, uint64_t experts,
                 uint64_t perToken);
/// The layer of llama: norm, grouped-query attention with rotated heads, norm,
/// gated feed-forward, both added to the residual stream.
Value llamaLayer(LayerBuilder &b, Value x);

/// q, k and v, each with its bias, in one matrix: for each key/value head its
/// query heads, its key head and its value head.
void fusedAttentionWeights(const ModelConfig &config, WeightTable &table,
                           TensorName name, WeightTable::Bias bias);
/// A layer of layer norms, attention by one matrix for q, k and v, and a
/// feed-forward without a gate: "attention_norm", "q", "k", "v", "o",
/// "ffn_norm" (an empty name: there is none), "up" and "down".
struct FusedLayer {
  std::string_view qkv = "self_attention.query_key_value",
                   o = "self_attention.dense";
  std::string_view attentionNorm = "input_layernorm",
                   ffnNorm = "post_attention_layernorm";
  WeightTable::Bias attention = WeightTable::Bias::Present,
                    mlp = WeightTable::Bias::Present;
};
void fusedLayerWeights(const ModelConfig &config, WeightTable &table,
                       const FusedLayer &layer);
/// Where no key says otherwise, the feed-forward is four times as wide as the
/// residual stream.
void readFourfoldFfn(ConfigReader &reader, ModelConfig &config,
                     std::string_view key);
/// Refuses a `head_dim` that is not a head's share of the residual stream.
void refuseHeadDim(ConfigReader &reader, const ModelConfig &config,
                   const std::string &instead);
/// The names of a checkpoint "transformer.h.{i}....".
ModelNames transformerNames(std::string_view embedding,
                            std::vector<std::string_view> harmless = {});
/// alibi: the slope of each of so many query heads.
std::vector<float> alibiSlopes(uint64_t heads);
/// Layer norms ("attention_norm", "ffn_norm"), attention and feed-forward, one
/// after the other or, as the configuration says, side by side, with one norm
/// for both or two. With or without a gate.
Value layerNormLayer(LayerBuilder &b, Value x);
Value layerNormGatedLayer(LayerBuilder &b, Value x);

} // namespace parts
} // namespace espalier

#endif // ESPALIER_LIB_IMPORT_FAMILIES_FAMILIES_H
