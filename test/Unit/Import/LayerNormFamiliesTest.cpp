//===- LayerNormFamiliesTest.cpp - Configurations of older families -------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/ModelConfig.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>

using namespace espalier;

namespace {

Result<ModelConfig> read(const std::string &members) {
  Result<json::Value> config = json::parse("{" + members + "}");
  EXPECT_TRUE(config) << members;
  return readHuggingFaceConfig(*config, nullptr);
}

void expectRefused(const std::string &members, const std::string &message) {
  Result<ModelConfig> config = read(members);
  ASSERT_FALSE(config) << members;
  EXPECT_NE(config.error().message.find(message), std::string::npos)
      << members << "\n  says: " << config.error().message;
}

TEST(LayerNormFamilies, GPT2) {
  const std::string gpt2 =
      R"("model_type":"gpt2","vocab_size":100,"n_embd":48,"n_layer":2,"n_head":3)";
  Result<ModelConfig> c = read(gpt2);
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->hidden, 48u);
  EXPECT_EQ(c->ffn, 192u);
  EXPECT_EQ(c->maxPositions, 1024u);
  EXPECT_EQ(c->normEpsilon, 1e-5);
  EXPECT_EQ(c->activation, Activation::GeluTanh);
  EXPECT_TRUE(c->tied);
  EXPECT_TRUE(c->ropes.empty());
  EXPECT_EQ(c->attentionScale, 0.25);
  c = read(gpt2 + R"(,"n_inner":40,"scale_attn_weights":false)");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->ffn, 40u);
  EXPECT_EQ(c->attentionScale, 1);
  expectRefused(gpt2 + R"(,"head_dim":8)", "'head_dim': 8 is not supported");
  expectRefused(gpt2 + R"(,"add_cross_attention":true)",
                "'add_cross_attention': true is not supported");
}

TEST(LayerNormFamilies, PartsOfHeadsRotate) {
  const std::string neox =
      R"("model_type":"gpt_neox","vocab_size":100,"hidden_size":96,)"
      R"("num_hidden_layers":2,"num_attention_heads":3,"intermediate_size":64)";
  Result<ModelConfig> c = read(neox);
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->ropes[0].dim, 8u);
  EXPECT_TRUE(c->parallelResidual);
  EXPECT_FALSE(c->sharedNorm);
  EXPECT_FALSE(c->tied);
  c = read(neox + R"(,"rotary_pct":1.0,"rotary_emb_base":500)");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->ropes[0].dim, 32u);
  EXPECT_EQ(c->ropes[0].theta, 500);
  c = read(neox + R"(,"rope_parameters":{"rope_type":"default",)"
                  R"("rope_theta":300,"partial_rotary_factor":0.5})");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->ropes[0].dim, 16u);
  EXPECT_EQ(c->ropes[0].theta, 300);
  expectRefused(neox + R"(,"rotary_pct":1.5)", "'rotary_pct'");
  expectRefused(neox + R"(,"rotary_pct":0.1)", "");
}

TEST(LayerNormFamilies, OtherNamesOfKeys) {
  // As published, and as transformers writes it.
  for (const char *members :
       {R"("n_embed":40,"n_layer":3,"num_attention_heads":5)",
        R"("hidden_size":40,"n_layer":3,"n_head":5)"}) {
    Result<ModelConfig> c = read(
        std::string(R"("model_type":"bloom","vocab_size":100,)") + members);
    ASSERT_TRUE(c) << c.error().message;
    EXPECT_EQ(c->hidden, 40u);
    EXPECT_EQ(c->layers, 3u);
    EXPECT_EQ(c->ffn, 160u);
    EXPECT_EQ(c->alibiSlopes, (std::vector<float>{0.25f, 0.0625f, 0.015625f,
                                                  0.00390625f, 0.5f}));
  }
  // The name that the message gives is the one of today.
  expectRefused(R"("model_type":"bloom","vocab_size":100,"hidden_size":40)",
                "'n_layer': expected a positive integer");
}

TEST(LayerNormFamilies, SlopesAreCorrectlyRounded) {
  auto slopes = [](unsigned heads) {
    Result<ModelConfig> c = read(
        R"("model_type":"bloom","vocab_size":100,"n_layer":1,"hidden_size":)" +
        std::to_string(2 * heads) + R"(,"n_head":)" + std::to_string(heads));
    EXPECT_TRUE(c) << (c ? "" : c.error().message);
    return c ? c->alibiSlopes : std::vector<float>();
  };
  // 2^-1/2, 2^-1, 2^-3/2, 2^-2 ... of 50 correct digits, rounded.
  std::vector<float> sixteen = slopes(16);
  ASSERT_EQ(sixteen.size(), 16u);
  EXPECT_EQ(sixteen[0], 0x1.6a09e6p-1f);
  EXPECT_EQ(sixteen[1], 0.5f);
  EXPECT_EQ(sixteen[2], 0x1.6a09e6p-2f);
  EXPECT_EQ(sixteen[15], 0x1p-8f);
  // 112 heads are those of BLOOM: 64 of 2^(-h/8), then every second of 128.
  std::vector<float> bloom = slopes(112);
  ASSERT_EQ(bloom.size(), 112u);
  EXPECT_EQ(bloom[0], 0x1.d5818ep-1f);
  EXPECT_EQ(bloom[2], 0x1.8ace54p-1f);
  EXPECT_EQ(bloom[7], 0.5f);
  EXPECT_EQ(bloom[64], 0x1.ea4afap-1f);
  EXPECT_EQ(bloom[65], 0x1.c199bep-1f);
  // Never farther from the exact power than its rounding; long double has
  // digits enough to tell.
  for (unsigned heads : {1u, 3u, 12u, 40u, 71u, 1024u, 3000u, 4096u}) {
    std::vector<float> all = slopes(heads);
    ASSERT_EQ(all.size(), heads);
    unsigned power = std::bit_floor(heads);
    for (unsigned h = 0; h < heads; ++h) {
      long double e = h < power ? 8.0L * (h + 1) / power
                                : 8.0L * (2 * (h - power) + 1) / (2 * power);
      EXPECT_EQ(all[h], float(std::exp2(-e))) << heads << " " << h;
    }
  }
}

TEST(LayerNormFamilies, FalconsThatExist) {
  const std::string falcon =
      R"("model_type":"falcon","vocab_size":100,"hidden_size":48,)"
      R"("num_hidden_layers":2,"num_attention_heads":6)";
  auto figures = [&](const std::string &members) {
    Result<ModelConfig> c = read(falcon + members);
    EXPECT_TRUE(c) << (c ? "" : c.error().message);
    return c ? std::tuple(c->kvHeads, c->parallelResidual, c->sharedNorm)
             : std::tuple(uint64_t(0), false, false);
  };
  EXPECT_EQ(figures(""), std::tuple(1u, true, true));
  EXPECT_EQ(figures(R"(,"new_decoder_architecture":true,"num_kv_heads":2)"),
            std::tuple(2u, true, false));
  EXPECT_EQ(figures(R"(,"new_decoder_architecture":true,"n_head_kv":2,)"
                    R"("num_ln_in_parallel_attn":1)"),
            std::tuple(2u, true, true));
  EXPECT_EQ(figures(R"(,"multi_query":false,"parallel_attn":false)"),
            std::tuple(6u, false, false));
  expectRefused(falcon + R"(,"num_ln_in_parallel_attn":2)",
                "'num_ln_in_parallel_attn': 2 is not supported");
  expectRefused(falcon + R"(,"new_decoder_architecture":true,)"
                         R"("num_kv_heads":2,"parallel_attn":false)",
                "'parallel_attn': false is not supported");
  expectRefused(falcon + R"(,"new_decoder_architecture":true,)"
                         R"("num_kv_heads":0)",
                "");
}

TEST(LayerNormFamilies, FalconWithSlopes) {
  Result<ModelConfig> c =
      read(R"("model_type":"falcon","vocab_size":100,"hidden_size":128,)"
           R"("num_hidden_layers":2,"num_attention_heads":16,"alibi":true)");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_TRUE(c->ropes.empty());
  EXPECT_EQ(c->structure[1].rope, -1);
  ASSERT_EQ(c->alibiSlopes.size(), 16u);
  // 2^-1/2 as bfloat16, and a power of two; both times the scale of scores.
  float scale = float(1 / std::sqrt(8.0));
  EXPECT_EQ(c->alibiSlopes[0], 0.70703125f * scale);
  EXPECT_EQ(c->alibiSlopes[15], 0x1p-8f * scale);
}

TEST(LayerNormFamilies, NormsAndProjectionsThatAreRefused) {
  const std::string opt =
      R"("model_type":"opt","vocab_size":100,"hidden_size":48,)"
      R"("num_hidden_layers":2,"num_attention_heads":3,"ffn_dim":64)";
  Result<ModelConfig> c = read(opt);
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->activation, Activation::Relu);
  EXPECT_TRUE(c->tied && c->attentionBias);
  expectRefused(opt + R"(,"head_dim":8)", "'head_dim': 8 is not supported");
  expectRefused(opt + R"(,"do_layer_norm_before":false)",
                "'do_layer_norm_before': false is not supported");
  expectRefused(opt + R"(,"word_embed_proj_dim":24)",
                "'word_embed_proj_dim': 24 is not supported");
  expectRefused(opt + R"(,"layer_norm_elementwise_affine":false)",
                "'layer_norm_elementwise_affine'");
}

} // namespace
