//===- ExpertConfigTest.cpp - config.json of families with experts --------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/ModelConfig.h"

#include <gtest/gtest.h>

using namespace espalier;

namespace {

Result<ModelConfig> read(const std::string &family,
                         const std::string &members) {
  Result<json::Value> config = json::parse(
      R"({"hidden_size":64,"intermediate_size":176,"num_hidden_layers":6,)"
      R"("num_attention_heads":8,"vocab_size":420,"model_type":")" +
      family + "\"" + (members.empty() ? "" : ",") + members + "}");
  EXPECT_TRUE(config) << (config ? "" : config.error().message);
  if (!config)
    return config.takeError();
  return readHuggingFaceConfig(*config, nullptr);
}

void expectRefused(const std::string &family, const std::string &members,
                   const std::string &message) {
  Result<ModelConfig> config = read(family, members);
  ASSERT_FALSE(config) << members;
  EXPECT_NE(config.error().message.find(message), std::string::npos)
      << members << "\n  says: " << config.error().message;
}

/// Numbers of the layers with experts.
std::vector<int> sparse(const std::string &members) {
  Result<ModelConfig> config = read("qwen3_moe", members);
  EXPECT_TRUE(config) << (config ? "" : config.error().message);
  std::vector<int> layers;
  for (size_t i = 0; config && i < config->structure.size(); ++i)
    if (config->structure[i].experts)
      layers.push_back(int(i));
  return layers;
}

TEST(ExpertConfig, Defaults) {
  Result<ModelConfig> c = read("mixtral", "");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->experts, 8u);
  EXPECT_EQ(c->expertsPerToken, 2u);
  EXPECT_EQ(c->expertFfn, 176u);
  EXPECT_TRUE(c->renormalizeExperts);
  EXPECT_EQ(c->structure[5].window, 0u);
  EXPECT_EQ(c->ropes[0].theta, 1e6);

  c = read("olmoe", "");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->experts, 64u);
  EXPECT_EQ(c->expertsPerToken, 8u);
  EXPECT_FALSE(c->renormalizeExperts);

  c = read("qwen3_moe", "");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->experts, 128u);
  EXPECT_EQ(c->expertFfn, 768u);
  EXPECT_FALSE(c->renormalizeExperts);
}

TEST(ExpertConfig, SparseLayers) {
  using L = std::vector<int>;
  EXPECT_EQ(sparse(""), (L{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(sparse(R"("decoder_sparse_step":2)"), (L{1, 3, 5}));
  EXPECT_EQ(sparse(R"("decoder_sparse_step":2,"mlp_only_layers":[0,3])"),
            (L{1, 5}));
  EXPECT_EQ(sparse(R"("mlp_only_layers":[5,4,99])"), (L{0, 1, 2, 3}));
  EXPECT_EQ(sparse(R"("num_experts":0)"), (L{}));
  expectRefused("qwen3_moe", R"("decoder_sparse_step":0)",
                "'decoder_sparse_step': expected at least 1, got 0");
  expectRefused("qwen3_moe", R"("mlp_only_layers":[1.5])",
                "'mlp_only_layers': expected numbers of layers");
  expectRefused("qwen3_moe", R"("mlp_only_layers":3)",
                "'mlp_only_layers': expected an array");
}

TEST(ExpertConfig, Hostile) {
  struct Case {
    const char *family, *members, *message;
  };
  for (const Case &c :
       {Case{"mixtral", R"("num_local_experts":0)",
             "experts: expected 1 to 1024, got 0"},
        Case{"mixtral", R"("num_local_experts":1025)",
             "experts: expected 1 to 1024, got 1025"},
        Case{"mixtral", R"("num_local_experts":-1)",
             "'num_local_experts': expected a non-negative integer"},
        Case{"mixtral", R"("num_local_experts":4,"num_experts_per_tok":5)",
             "experts of a token: expected 1 to 4, got 5"},
        Case{"olmoe", R"("num_experts_per_tok":0)",
             "experts of a token: expected 1 to 64, got 0"},
        Case{"olmoe", R"("clip_qkv":8.0)", "'clip_qkv': 8"},
        Case{"qwen3_moe", R"("moe_intermediate_size":0)",
             "feed-forward size of an expert: expected 1 to"},
        Case{"qwen3_moe", R"("moe_intermediate_size":18446744073709551615)",
             "feed-forward size of an expert: expected 1 to"}})
    expectRefused(c.family, c.members, c.message);
}

} // namespace
