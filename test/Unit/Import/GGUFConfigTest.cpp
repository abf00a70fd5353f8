//===- GGUFConfigTest.cpp - Metadata of a GGUF file -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../ImportFiles/Build.h"
#include "espalier/Import/ModelConfig.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace espalier;
using namespace espalier::test;

namespace {

std::string number(const std::string &key, uint32_t value) {
  return Gguf::pair(key, 4, raw(value));
}
std::string real(const std::string &key, float value) {
  return Gguf::pair(key, 6, raw(value));
}
std::string text(const std::string &key, const std::string &value) {
  return Gguf::pair(key, 8, Gguf::text(value));
}

/// A file of the smallest llama with one key replaced or added.
struct File {
  Gguf gguf;
  std::string bytes;

  explicit File(const std::string &key = "", const std::string &pair = "",
                bool without = false) {
    std::vector<std::pair<std::string, std::string>> all;
    auto add = [&](const std::string &k, std::string p) {
      if (k != key)
        all.emplace_back(k, std::move(p));
    };
    add("general.architecture", text("general.architecture", "llama"));
    for (auto [k, v] : {std::pair("llama.block_count", 2),
                        std::pair("llama.embedding_length", 64),
                        std::pair("llama.context_length", 128),
                        std::pair("llama.attention.head_count", 4),
                        std::pair("llama.feed_forward_length", 96)})
      add(k, number(k, uint32_t(v)));
    add("llama.attention.layer_norm_rms_epsilon",
        real("llama.attention.layer_norm_rms_epsilon", 1e-5f));
    if (!without && !pair.empty())
      all.emplace_back(key, pair);
    for (auto &[k, p] : all)
      gguf.pairs.push_back(p);
    gguf.tensors.push_back({"token_embd.weight", {64, 10}, 0, 0});
    gguf.dataBytes = 64 * 10 * 4;
    bytes = gguf.bytes();
  }

  Result<ModelConfig> read() const {
    Result<GgufFile> file = parseGguf(bytesOf(bytes));
    EXPECT_TRUE(file) << (file ? "" : file.error().message);
    if (!file)
      return file.takeError();
    return readGGUFConfig(*file);
  }
};

void expectRefused(const File &file, const std::string &message) {
  Result<ModelConfig> config = file.read();
  ASSERT_FALSE(config) << message;
  EXPECT_NE(config.error().message.find(message), std::string::npos)
      << "says: " << config.error().message << "\nnot: " << message;
}

TEST(GGUFConfig, Smallest) {
  Result<ModelConfig> c = File().read();
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->heads, 4u);
  EXPECT_EQ(c->kvHeads, 4u);
  EXPECT_EQ(c->headDim, 16u);
  EXPECT_EQ(c->vocab, 10u);
  EXPECT_EQ(c->ropes[0].theta, 10000);
  EXPECT_TRUE(c->tied); // no output.weight
}

TEST(GGUFConfig, HeadCountsOfLayers) {
  const char *key = "llama.attention.head_count_kv";
  File same(key, Gguf::pair(key, 9, Gguf::array(4, 2, raw(2u) + raw(2u))));
  Result<ModelConfig> c = same.read();
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->kvHeads, 2u);
  expectRefused(
      File(key, Gguf::pair(key, 9, Gguf::array(4, 2, raw(2u) + raw(4u)))),
      "'llama.attention.head_count_kv': 4 after 2 is not supported; all layers "
      "must agree");
  expectRefused(
      File(key,
           Gguf::pair(key, 9, Gguf::array(4, 3, raw(2u) + raw(2u) + raw(2u)))),
      key);
  // An array of another element type is not taken for numbers.
  expectRefused(
      File(key, Gguf::pair(key, 9, Gguf::array(6, 2, raw(2.0f) + raw(2.0f)))),
      key);
}

TEST(GGUFConfig, Rope) {
  Result<ModelConfig> linear =
      File("llama.rope.scaling.factor", real("llama.rope.scaling.factor", 4))
          .read();
  ASSERT_TRUE(linear);
  EXPECT_EQ(linear->ropes[0].kind, RopeConfig::Kind::Linear);
  EXPECT_EQ(linear->ropes[0].factor, 4);
  File file("llama.rope.scaling.factor", real("llama.rope.scaling.factor", 4));
  file.gguf.pairs.push_back(text("llama.rope.scaling.type", "yarn"));
  file.gguf.pairs.push_back(
      number("llama.rope.scaling.original_context_length", 32));
  file.bytes = file.gguf.bytes();
  Result<ModelConfig> yarn = file.read();
  ASSERT_TRUE(yarn) << yarn.error().message;
  EXPECT_EQ(yarn->ropes[0].kind, RopeConfig::Kind::Yarn);
  EXPECT_EQ(yarn->ropes[0].originalPositions, 32);
  EXPECT_DOUBLE_EQ(yarn->ropes[0].attentionFactor, 0.1 * std::log(4.0) + 1);
  const char *scale = "llama.rope.scaling.attn_factor";
  file.gguf.pairs.push_back(real(scale, 0.5f));
  file.bytes = file.gguf.bytes();
  yarn = file.read();
  ASSERT_TRUE(yarn) << yarn.error().message;
  EXPECT_DOUBLE_EQ(yarn->ropes[0].attentionFactor,
                   0.5 * (0.1 * std::log(4.0) + 1));
  // Without yarn nothing would scale cosines and sines.
  expectRefused(File(scale, real(scale, 0.5f)),
                "'llama.rope.scaling.attn_factor': 0.500000 is not supported");
  EXPECT_TRUE(File(scale, real(scale, 1)).read());
  for (const char *key : {"llama.rope.scaling.yarn_ext_factor",
                          "llama.rope.scaling.yarn_attn_factor"}) {
    expectRefused(File(key, real(key, 0.5f)), key);
    EXPECT_TRUE(File(key, real(key, 1)).read()) << key;
  }
  expectRefused(File("llama.rope.scaling.type",
                     text("llama.rope.scaling.type", "longrope")),
                "'llama.rope.scaling.type': \"longrope\" is not supported");
  expectRefused(File("llama.rope.dimension_count",
                     number("llama.rope.dimension_count", 8)),
                "'llama.rope.dimension_count': 8 of 16 is not supported");
  expectRefused(File("llama.rope.freq_base", real("llama.rope.freq_base", NAN)),
                "rope theta: expected");
  expectRefused(File("llama.rope.freq_base", real("llama.rope.freq_base", 0)),
                "rope theta: expected");
}

TEST(GGUFConfig, Refused) {
  expectRefused(
      File("general.architecture", text("general.architecture", "mamba")),
      "'general.architecture': \"mamba\" is not supported; llama, qwen2, qwen3 "
      "are");
  expectRefused(File("general.architecture", number("general.architecture", 3)),
                "general.architecture");
  for (const char *key :
       {"llama.block_count", "llama.embedding_length",
        "llama.attention.head_count", "llama.feed_forward_length",
        "llama.context_length"}) {
    expectRefused(File(key, "", true), key);       // missing
    expectRefused(File(key, text(key, "2")), key); // of another type
    EXPECT_FALSE(File(key, number(key, 0)).read()) << key;
    EXPECT_FALSE(File(key, number(key, 0xffffffff)).read()) << key;
    EXPECT_FALSE(File(key, Gguf::pair(key, 10, raw(uint64_t(1) << 63))).read())
        << key;
    EXPECT_FALSE(File(key, Gguf::pair(key, 5, raw(int32_t(-1)))).read()) << key;
  }
  expectRefused(File("llama.expert_count", number("llama.expert_count", 8)),
                "'llama.expert_count': 8");
  EXPECT_TRUE(
      File("llama.expert_count", number("llama.expert_count", 0)).read());
  expectRefused(File("llama.attention.value_length",
                     number("llama.attention.value_length", 8)),
                "'llama.attention.value_length': 8 is not supported");
  expectRefused(
      File("tokenizer.ggml.eos_token_id",
           number("tokenizer.ggml.eos_token_id", 10)),
      "eos_token_id: expected a token of the vocabulary of 10, got 10");
  expectRefused(File("tokenizer.ggml.bos_token_id",
                     number("tokenizer.ggml.bos_token_id", 0xffffffff)),
                "'tokenizer.ggml.bos_token_id': expected a token id");
}

TEST(GGUFConfig, Tokenizer) {
  File file("tokenizer.ggml.model", text("tokenizer.ggml.model", "gpt2"));
  file.gguf.pairs.push_back(
      Gguf::pair("tokenizer.ggml.tokens", 9,
                 Gguf::array(8, 2, Gguf::text("a") + Gguf::text("b"))));
  file.gguf.pairs.push_back(
      Gguf::pair("tokenizer.ggml.token_type", 9,
                 Gguf::array(5, 2, raw(int32_t(1)) + raw(int32_t(3)))));
  file.bytes = file.gguf.bytes();
  Result<GgufFile> parsed = parseGguf(bytesOf(file.bytes));
  ASSERT_TRUE(parsed);
  Result<std::optional<GGUFTokenizer>> t = readGGUFTokenizer(*parsed);
  ASSERT_TRUE(t) << t.error().message;
  ASSERT_TRUE(*t);
  EXPECT_EQ((*t)->tokens, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ((*t)->types, (std::vector<int32_t>{1, 3}));
  // As many types as tokens.
  file.gguf.pairs.back() = Gguf::pair("tokenizer.ggml.token_type", 9,
                                      Gguf::array(5, 1, raw(int32_t(1))));
  file.bytes = file.gguf.bytes();
  parsed = parseGguf(bytesOf(file.bytes));
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(readGGUFTokenizer(*parsed));
}

} // namespace
