//===- Gemma.cpp - The family gemma ---------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The families gemma, gemma2 and gemma3 (text): norms whose tensors hold the
/// weight less one, a scaled embedding, and the tanh form of GELU. gemma2 and
/// gemma3 have norms behind attention and feed-forward as well, and windows in
/// some layers; gemma2 caps scores and logits; gemma3 normalises queries and
/// keys and rotates the layers with a window otherwise than the others.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

#include <cmath>

namespace espalier {

using Bias = WeightTable::Bias;

/// What all three have.
static void configureAll(ConfigReader &reader, ModelConfig &config) {
  reader.flag("attention_bias", config.attentionBias);
  reader.expect("use_bidirectional_attention", false);
  config.embeddingScale = std::sqrt(double(config.hidden));
}

static void attentionWeights(const ModelConfig &c, WeightTable &t) {
  auto bias = WeightTable::biasIf(c.attentionBias);
  t.norm("attention_norm", {"input_layernorm"}, {.addOne = true});
  parts::attentionWeights(c, t, bias, bias);
}

static Value finalNorm(LayerBuilder &b, Value x) {
  return b.rmsNorm(x, "final_norm");
}

//===----------------------------------------------------------------------===//
// gemma
//===----------------------------------------------------------------------===//

static void configureGemma(ConfigReader &reader, ModelConfig &config) {
  configureAll(reader, config);
  // The first files say "gelu" and mean the tanh form.
  if (config.activation == Activation::Gelu)
    config.activation = Activation::GeluTanh;
  readPlainLayers(reader, config);
}

static void gemmaWeights(const ModelConfig &c, WeightTable &t) {
  attentionWeights(c, t);
  t.norm("ffn_norm", {"post_attention_layernorm"}, {.addOne = true});
  parts::gatedWeights(c, t, Bias::None);
  t.only(nullptr);
  t.finalNorm({.addOne = true});
}

const Family gemmaFamily = {
    .name = "gemma",
    .models = "Gemma, CodeGemma",
    .remarks = "scaled embedding, weights of norms stored less one",
    .keys = {.defaultPositions = 8192,
             .defaultKvHeads = 16,
             .defaultHeadDim = 256,
             .nullKvHeads = false,
             .defaultActivation = Activation::GeluTanh,
             .tied = true},
    .configure = configureGemma,
    .weights = gemmaWeights,
    .layer = parts::llamaLayer,
    .begin = parts::scaleEmbedding,
    .end = finalNorm,
};

//===----------------------------------------------------------------------===//
// gemma2
//===----------------------------------------------------------------------===//

static void scaleScores(ConfigReader &reader, ModelConfig &config) {
  double scalar = 256;
  reader.number("query_pre_attn_scalar", scalar);
  config.attentionScale = 1 / std::sqrt(scalar);
}

static void configureGemma2(ConfigReader &reader, ModelConfig &config) {
  configureAll(reader, config);
  scaleScores(reader, config);
  config.attentionSoftCap = 50;
  config.logitSoftCap = 30;
  reader.numberOrNone("attn_logit_softcapping", config.attentionSoftCap);
  reader.numberOrNone("final_logit_softcapping", config.logitSoftCap);
  readRope(reader, config, config.ropes[0]);
  uint64_t window = 4096;
  reader.countOrNone("sliding_window", window);
  readLayerTypes(reader, config, window,
                 [](uint64_t i, uint64_t) { return i % 2 == 0; });
}

static void sandwichWeights(const ModelConfig &c, WeightTable &t) {
  attentionWeights(c, t);
  if (c.qkNorm) {
    t.norm("q_norm", {"self_attn.q_norm"}, {.size = c.headDim, .addOne = true});
    t.norm("k_norm", {"self_attn.k_norm"}, {.size = c.headDim, .addOne = true});
  }
  t.norm("post_attention_norm", {"post_attention_layernorm"}, {.addOne = true});
  t.norm("ffn_norm", {"pre_feedforward_layernorm"}, {.addOne = true});
  parts::gatedWeights(c, t, Bias::None);
  t.norm("post_ffn_norm", {"post_feedforward_layernorm"}, {.addOne = true});
  t.finalNorm({.addOne = true});
}

const Family gemma2Family = {
    .name = "gemma2",
    .models = "Gemma 2",
    .remarks = "as gemma; norms behind attention and feed-forward, soft caps, "
               "a window in every second layer",
    .keys = {.activation = "hidden_activation",
             .defaultPositions = 8192,
             .defaultKvHeads = 4,
             .defaultHeadDim = 256,
             .nullKvHeads = false,
             .defaultActivation = Activation::GeluTanh,
             .tied = true},
    .configure = configureGemma2,
    .weights = sandwichWeights,
    .layer = parts::sandwichLayer,
    .begin = parts::scaleEmbedding,
    .end = finalNorm,
};

//===----------------------------------------------------------------------===//
// gemma3
//===----------------------------------------------------------------------===//

static void configureGemma3(ConfigReader &reader, ModelConfig &config) {
  configureAll(reader, config);
  scaleScores(reader, config);
  config.qkNorm = true;
  reader.numberOrNone("attn_logit_softcapping", config.attentionSoftCap);
  if (config.attentionSoftCap != 0) // read by no code of the reference
    reader.unsupported("attn_logit_softcapping", "null is");
  reader.numberOrNone("final_logit_softcapping", config.logitSoftCap);

  // One rope for the layers that see everything, one for those with a window,
  // whose base has a key of its own in older files.
  RopeConfig local = config.ropes[0];
  local.theta = 10000;
  reader.number("rope_local_base_freq", local.theta);
  readRope(reader, config, config.ropes[0], "full_attention");
  const json::Value *ropes = reader.find("rope_parameters");
  const json::Value *sliding =
      ropes ? ropes->find("sliding_attention") : nullptr;
  if (sliding && sliding->asObject())
    readRopeObject(reader, *sliding, config, local);
  config.ropes.push_back(local);

  uint64_t window = 4096, pattern = 6;
  reader.countOrNone("sliding_window", window);
  reader.count("sliding_window_pattern", pattern);
  if (pattern == 0)
    return reader.unsupported("sliding_window_pattern", "positive numbers are");
  readLayerTypes(
      reader, config, window,
      [](uint64_t i, uint64_t every) { return (i + 1) % every != 0; }, pattern);
  for (LayerStructure &layer : config.structure)
    layer.rope = layer.window ? 1 : 0;
}

static ConfigKeys gemma3Keys() {
  // Published configurations leave out what has the default.
  return {.activation = "hidden_activation",
          .defaultPositions = 131072,
          .defaultLayers = 26,
          .defaultHidden = 2304,
          .defaultHeads = 8,
          .defaultKvHeads = 4,
          .defaultFfn = 9216,
          .defaultVocab = 262208,
          .defaultHeadDim = 256,
          .nullKvHeads = false,
          .defaultActivation = Activation::GeluTanh,
          .tied = true,
          .defaultTheta = 1000000};
}

const Family gemma3TextFamily = {
    .name = "gemma3_text",
    .models = "Gemma 3 1B and 270M",
    .remarks =
        "as gemma2, without a cap of the scores; queries and keys normalised; "
        "one rope for layers with a window, one for the others",
    .keys = gemma3Keys(),
    .configure = configureGemma3,
    .weights = sandwichWeights,
    .layer = parts::sandwichLayer,
    .begin = parts::scaleEmbedding,
    .end = finalNorm,
};

const Family gemma3Family = {
    .name = "gemma3",
    .models = "Gemma 3 4B, 12B and 27B",
    .remarks = "gemma3_text inside `text_config`; text only: the image encoder "
               "is left out",
    .nested = "text_config",
    .keys = gemma3Keys(),
    .names = {.prefixes = {"language_model.model.", "model.language_model."},
              .outputs = {"language_model.lm_head", "lm_head"},
              .harmless = {"vision_tower.*", "multi_modal_projector.*",
                           "model.vision_tower.*",
                           "model.multi_modal_projector.*"}},
    .configure = configureGemma3,
    .weights = sandwichWeights,
    .layer = parts::sandwichLayer,
    .begin = parts::scaleEmbedding,
    .end = finalNorm,
};

} // namespace espalier
