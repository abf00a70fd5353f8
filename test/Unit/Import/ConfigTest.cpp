//===- ConfigTest.cpp - config.json, both spellings and hostile -----------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/ModelConfig.h"
#include "espalier/Support/MappedFile.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace espalier;

namespace {

const std::string plain =
    R"("model_type":"llama","hidden_size":64,"intermediate_size":176,)"
    R"("num_hidden_layers":2,"num_attention_heads":8,"vocab_size":420)";

/// Members given later stand in for earlier ones of the same name.
Result<ModelConfig> read(const std::string &members,
                         const char *generation = nullptr) {
  Result<json::Value> config = json::parse("{" + members + "}");
  EXPECT_TRUE(config) << (config ? "" : config.error().message);
  if (!config)
    return config.takeError();
  if (!generation)
    return readHuggingFaceConfig(*config, nullptr);
  Result<json::Value> second = json::parse(generation);
  EXPECT_TRUE(second);
  return readHuggingFaceConfig(*config, &*second);
}

/// `plain` with one member replaced (an empty value: left out).
std::string with(const std::string &key, const std::string &value) {
  std::string out, rest = plain + ",";
  while (!rest.empty()) {
    std::string member = rest.substr(0, rest.find(','));
    rest.erase(0, member.size() + 1);
    if (!member.starts_with("\"" + key + "\""))
      out += (out.empty() ? "" : ",") + member;
  }
  return value.empty() ? out : out + ",\"" + key + "\":" + value;
}

void expectRefused(const std::string &members, const std::string &message) {
  Result<ModelConfig> config = read(members);
  ASSERT_FALSE(config) << members;
  EXPECT_NE(config.error().message.find(message), std::string::npos)
      << members << "\n  says: " << config.error().message;
}

TEST(Config, Defaults) {
  Result<ModelConfig> c = read(plain);
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->family, "llama");
  EXPECT_EQ(c->kvHeads, 8u);
  EXPECT_EQ(c->headDim, 8u);
  EXPECT_EQ(c->maxPositions, 2048u);
  EXPECT_EQ(c->normEpsilon, 1e-6);
  EXPECT_EQ(c->ropes[0].theta, 10000);
  EXPECT_FALSE(c->tied);
  EXPECT_FALSE(c->bos);
  EXPECT_TRUE(c->eos.empty());
  EXPECT_FALSE(c->declaredType);
}

TEST(Config, BothSpellings) {
  const std::string scaling =
      R"("factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,)"
      R"("original_max_position_embeddings":64)";
  Result<ModelConfig> older = read(
      plain + R"(,"rope_theta":5e5,"torch_dtype":"float16","rope_scaling":{)" +
      scaling + R"(,"type":"llama3"})");
  Result<ModelConfig> newer = read(
      plain + R"(,"dtype":"float16","rope_parameters":{"rope_theta":5e5,)" +
      scaling + R"(,"rope_type":"llama3"})");
  ASSERT_TRUE(older) << older.error().message;
  ASSERT_TRUE(newer) << newer.error().message;
  EXPECT_EQ(older->ropes[0].kind, RopeConfig::Kind::Llama3);
  EXPECT_EQ(newer->ropes[0].kind, RopeConfig::Kind::Llama3);
  EXPECT_EQ(older->ropes[0].theta, newer->ropes[0].theta);
  EXPECT_EQ(ropeFrequencies(older->ropes[0]), ropeFrequencies(newer->ropes[0]));
  EXPECT_EQ(older->declaredType, Encoding::F16);
  EXPECT_EQ(newer->declaredType, Encoding::F16);
}

TEST(Config, Tokens) {
  Result<ModelConfig> one =
      read(plain + R"(,"bos_token_id":1,"eos_token_id":2)");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->bos, 1);
  EXPECT_EQ(one->eos, std::vector<int32_t>{2});
  // The generation configuration goes first; null counts as absent.
  Result<ModelConfig> list =
      read(plain + R"(,"bos_token_id":1,"eos_token_id":2)",
           R"({"bos_token_id":null,"eos_token_id":[7,9]})");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->bos, 1);
  EXPECT_EQ(list->eos, (std::vector<int32_t>{7, 9}));
  expectRefused(
      plain + R"(,"eos_token_id":420)",
      "eos_token_id: expected a token of the vocabulary of 420, got 420");
  expectRefused(plain + R"(,"eos_token_id":-1)",
                "'eos_token_id': expected a token id, got -1");
  expectRefused(plain + R"(,"eos_token_id":[2,"x"])",
                "'eos_token_id': expected a token id");
  expectRefused(plain + R"(,"bos_token_id":4294967296)",
                "'bos_token_id': expected a token id");
}

TEST(Config, HostileFigures) {
  struct Case {
    const char *key, *value, *message;
  };
  for (const Case &c : {
           Case{"num_hidden_layers", "0", "layers: expected 1 to 1024, got 0"},
           Case{"num_hidden_layers", "18446744073709551615",
                "layers: expected"},
           Case{"num_hidden_layers", "-1",
                "'num_hidden_layers': expected a non-negative integer, got -1"},
           Case{"num_hidden_layers", "2.5",
                "'num_hidden_layers': expected a non-negative integer"},
           Case{"num_hidden_layers", "\"2\"",
                "'num_hidden_layers': expected a non-negative integer, got "
                "\"2\""},
           Case{"num_hidden_layers", "",
                "'num_hidden_layers': expected a positive integer, but the key "
                "is missing"},
           Case{"num_attention_heads", "0",
                "'hidden_size': expected a multiple of 'num_attention_heads' "
                "(0)"},
           Case{"num_attention_heads", "7",
                "'hidden_size': expected a multiple"},
           Case{"num_attention_heads", "64",
                "head dimension: expected an even number, got 1"},
           Case{"hidden_size", "0", "hidden size: expected 1"},
           Case{"hidden_size", "9223372036854775808",
                "hidden size: expected 1 to 1048576"},
           Case{"intermediate_size", "0", "feed-forward size: expected 1"},
           Case{"intermediate_size", "2147483648",
                "feed-forward size: expected 1"},
           Case{"vocab_size", "0", "vocabulary: expected 1"},
           Case{"vocab_size", "4294967296", "vocabulary: expected 1"},
           Case{"num_key_value_heads", "3",
                "key/value heads: expected a divisor of the 8 attention heads, "
                "got 3"},
           Case{"num_key_value_heads", "0", "key/value heads: expected 1"},
           Case{"num_key_value_heads", "16",
                "key/value heads: expected a divisor"},
           Case{"head_dim", "0", "head dimension: expected 1"},
           Case{"head_dim", "7",
                "head dimension: expected an even number, got 7"},
           Case{"head_dim", "2048", "head dimension: expected 1 to 1024"},
           Case{"max_position_embeddings", "0", "positions: expected 1"},
           Case{"rms_norm_eps", "0", "norm epsilon: expected"},
           Case{"rms_norm_eps", "-1e-5", "norm epsilon: expected"},
           Case{"rms_norm_eps", "\"x\"",
                "'rms_norm_eps': expected a number, got string"},
           Case{"rope_theta", "0", "rope theta: expected"},
           Case{"rope_theta", "1", "rope theta: expected"},
           Case{"rope_theta", "-10000", "rope theta: expected"},
           Case{"rope_theta", "1e300", "rope theta: expected"},
           Case{"tie_word_embeddings", "1",
                "'tie_word_embeddings': expected true or false, got integer"},
           Case{"model_type", "", "'model_type': expected the name"},
           Case{"model_type", "7", "'model_type': expected the name"},
       })
    expectRefused(with(c.key, c.value), c.message);
}

TEST(Config, UnsupportedFeatures) {
  struct Case {
    const char *key, *value, *message;
  };
  for (const Case &c : {
           Case{"hidden_act", "\"mish\"",
                "'hidden_act': \"mish\" is not supported; silu, gelu"},
           Case{"hidden_act", "3", "'hidden_act': 3 is not supported"},
           Case{"quantization_config", "{\"quant_method\":\"gptq\"}",
                "'quantization_config': \"gptq\" is not supported"},
           Case{"per_layer_config", "{\"1\":{\"sliding_window\":4}}",
                "'per_layer_config' is not supported"},
           Case{"layer_types", "[\"full_attention\",\"sliding_attention\"]",
                "'layer_types': \"sliding_attention\" is not supported"},
           Case{"partial_rotary_factor", "0.5", "'partial_rotary_factor': 0.5"},
           Case{"rope_scaling", "{\"type\":\"ntk\",\"factor\":2.0}",
                "'type': \"ntk\" is not supported; default, linear, llama3, "
                "yarn, longrope and dynamic are"},
           Case{"rope_scaling", "{\"rope_type\":\"longrope\"}",
                "'short_factor': expected 4 factors, one for each rotated "
                "pair, got 0"},
           Case{"rope_scaling", "{\"rope_type\":\"dynamic\"}",
                "expects 'factor'"},
           Case{"rope_scaling", "{\"rope_type\":\"linear\"}",
                "expects 'factor'"},
           Case{"rope_scaling", "{\"rope_type\":\"linear\",\"factor\":0}",
                "rope factor: expected"},
           Case{"rope_scaling", "{\"rope_type\":\"llama3\",\"factor\":8}",
                "expects 'low_freq_factor'"},
           Case{"rope_scaling",
                "{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,"
                "\"high_freq_factor\":4}",
                "rope high_freq_factor: expected more than"},
           Case{"rope_scaling",
                "{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":0,"
                "\"high_freq_factor\":4}",
                "rope low_freq_factor: expected"},
           Case{"rope_scaling",
                "{\"rope_type\":\"yarn\",\"factor\":2,\"original_max_position_"
                "embeddings\":0}",
                "rope original_max_position_embeddings: expected"},
           Case{"rope_scaling", "7",
                "'rope_scaling': expected an object, got integer"},
           Case{"rope_parameters",
                "{\"full_attention\":{\"rope_type\":\"default\"}}",
                "one rotation for each layer type"},
       })
    expectRefused(plain + ",\"" + c.key + "\":" + c.value, c.message);
}

/// The windows of the layers.
std::vector<uint64_t> windows(const std::string &members) {
  Result<ModelConfig> c = read(members);
  EXPECT_TRUE(c) << (c ? "" : c.error().message);
  std::vector<uint64_t> all;
  if (c)
    for (const LayerStructure &layer : c->structure)
      all.push_back(layer.window);
  return all;
}

TEST(Config, Windows) {
  using W = std::vector<uint64_t>;
  // qwen2's matters where it is switched on, in the layers from a number on.
  std::string qwen2 = with("model_type", "\"qwen2\"") +
                      ",\"num_key_value_heads\":8,\"sliding_window\":32";
  EXPECT_EQ(windows(qwen2), (W{0, 0}));
  EXPECT_EQ(windows(qwen2 + ",\"use_sliding_window\":false"), (W{0, 0}));
  qwen2 += ",\"use_sliding_window\":true";
  EXPECT_EQ(windows(qwen2), (W{0, 0})); // max_window_layers is 28
  EXPECT_EQ(windows(qwen2 + ",\"max_window_layers\":1"), (W{0, 32}));
  EXPECT_EQ(
      windows(qwen2 +
              ",\"layer_types\":[\"sliding_attention\",\"full_attention\"]"),
      (W{32, 0}));
  expectRefused(qwen2 + ",\"layer_types\":[\"sliding_attention\"]",
                "'layer_types': expected 2 types, one for each layer, got 1");
  expectRefused(with("model_type", "\"qwen2\"") +
                    ",\"num_key_value_heads\":8,\"layer_types\":[\"sliding_"
                    "attention\",\"full_"
                    "attention\"]",
                "expects 'sliding_window', but it is missing or off");
  // mistral: a missing key and null differ; a window that reaches everything
  // is none.
  std::string mistral = with("model_type", "\"mistral\"");
  EXPECT_EQ(windows(mistral), (W{4096, 4096}));
  EXPECT_EQ(windows(mistral + ",\"sliding_window\":null"), (W{0, 0}));
  EXPECT_EQ(windows(mistral + ",\"sliding_window\":7"), (W{7, 7}));
  EXPECT_EQ(windows(mistral + ",\"max_position_embeddings\":4096"), (W{0, 0}));
  expectRefused(mistral + ",\"sliding_window\":0",
                "'sliding_window': 0 is not supported");
  // gemma2: every second layer, beginning with the first.
  EXPECT_EQ(windows(with("model_type", "\"gemma2\"") +
                    ",\"head_dim\":8,\"sliding_window\":9"),
            (W{9, 0}));
}

/// As the configuration classes of transformers 5: what a missing key means,
/// and null. (mistral and mixtral: as the code of their classes says, and as
/// earlier versions did; the check of types in this one refuses null first.)
TEST(Config, KeyValueHeads) {
  constexpr uint64_t refused = 0;
  struct Case {
    const char *family;
    uint64_t absent, null;
  };
  constexpr uint64_t heads = 64;
  for (const Case &c : {
           Case{"llama", heads, heads},   Case{"mistral", 8, heads},
           Case{"mixtral", 8, heads},     Case{"smollm3", 4, heads},
           Case{"qwen2", 32, heads},      Case{"qwen3", 32, heads},
           Case{"qwen3_moe", 4, refused}, Case{"olmo2", heads, heads},
           Case{"olmoe", heads, heads},   Case{"phi", heads, heads},
           Case{"phi3", heads, heads},    Case{"granite", heads, heads},
           Case{"cohere", heads, heads},  Case{"gemma", 16, refused},
           Case{"gemma2", 4, refused},    Case{"gemma3_text", 4, refused},
           Case{"glm4", 2, refused},      Case{"starcoder2", 2, refused},
           Case{"stablelm", 32, refused}, Case{"nemotron", refused, refused},
       }) {
    SCOPED_TRACE(c.family);
    std::string base =
        R"("model_type":")" + std::string(c.family) +
        R"(","hidden_size":1024,"head_dim":16,"intermediate_size":176,)"
        R"("num_hidden_layers":2,"num_attention_heads":64,"vocab_size":420)";
    auto expect = [&](const char *member, uint64_t wanted,
                      const char *message) {
      if (wanted == refused)
        return expectRefused(base + member, message);
      Result<ModelConfig> config = read(base + member);
      ASSERT_TRUE(config) << config.error().message;
      EXPECT_EQ(config->kvHeads, wanted) << member;
    };
    expect("", c.absent,
           "'num_key_value_heads': expected a positive integer, but the key is "
           "missing");
    expect(R"(,"num_key_value_heads":null)", c.null,
           "'num_key_value_heads': expected a positive integer, ");
    expect(R"(,"num_key_value_heads":2)", 2, "");
  }
}

TEST(Config, Gemma3) {
  // Older spelling, nested, what has its default left out.
  Result<ModelConfig> c =
      read(R"("model_type":"gemma3","text_config":{"num_hidden_layers":7,)"
           R"("hidden_size":2560,"sliding_window":1024,)"
           R"("rope_scaling":{"rope_type":"linear","factor":8.0}})");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->heads, 8u);
  EXPECT_EQ(c->headDim, 256u);
  ASSERT_EQ(c->ropes.size(), 2u);
  EXPECT_EQ(c->ropes[0].theta, 1e6);
  EXPECT_EQ(c->ropes[0].kind, RopeConfig::Kind::Linear);
  EXPECT_EQ(c->ropes[1].theta, 1e4);
  EXPECT_EQ(c->ropes[1].kind, RopeConfig::Kind::Default);
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(c->structure[i].window, i == 5 ? 0u : 1024u);
    EXPECT_EQ(c->structure[i].rope, i == 5 ? 0 : 1);
  }
  expectRefused(R"("model_type":"gemma3")",
                "'text_config': expected an object");
}

TEST(Config, RopeThatDependsOnTheContext) {
  std::string phi3 = with("model_type", "\"phi3\"") +
                     ",\"max_position_embeddings\":512,"
                     "\"original_max_position_embeddings\":128,";
  Result<ModelConfig> c =
      read(phi3 + R"("rope_scaling":{"type":"su","short_factor":[1,1,2,2],)"
                  R"("long_factor":[1,2,4,8]})");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->ropes[0].kind, RopeConfig::Kind::LongRope);
  EXPECT_EQ(c->ropes[0].originalPositions, 128);
  EXPECT_DOUBLE_EQ(c->ropes[0].attentionFactor,
                   std::sqrt(1 + std::log(4.0) / std::log(128.0)));
  std::vector<float> near = ropeFrequencies(c->ropes[0]),
                     far = longRopeFrequencies(c->ropes[0]);
  EXPECT_EQ(near[0], far[0]);
  EXPECT_EQ(near[2], 2 * far[2]);
  expectRefused(phi3 + R"("rope_scaling":{"type":"linear","factor":2})",
                "only the types default and longrope are supported");
  // A dynamic rope stretches the model to factor * positions.
  Result<ModelConfig> dynamic =
      read(plain + R"(,"rope_scaling":{"type":"dynamic","factor":2.5})");
  ASSERT_TRUE(dynamic) << dynamic.error().message;
  EXPECT_EQ(dynamic->ropes[0].originalPositions, 2048);
  EXPECT_EQ(dynamic->maxPositions, 5120u);
}

TEST(Config, YarnMagnitude) {
  auto factor = [&](const std::string &more) {
    Result<ModelConfig> c = read(
        plain +
        R"(,"rope_scaling":{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":64)" +
        more + "}");
    EXPECT_TRUE(c) << (c ? "" : c.error().message);
    return c ? c->ropes[0].attentionFactor : 0;
  };
  EXPECT_DOUBLE_EQ(factor(""), 0.1 * std::log(4.0) + 1);
  EXPECT_DOUBLE_EQ(factor(",\"attention_factor\":0.5"), 0.5);
  EXPECT_DOUBLE_EQ(factor(",\"mscale\":0.7,\"mscale_all_dim\":0.7"), 1);
  // One of the two alone does not count, nor does zero.
  EXPECT_DOUBLE_EQ(factor(",\"mscale\":0.7,\"mscale_all_dim\":0"),
                   0.1 * std::log(4.0) + 1);
}

TEST(Rope, Frequencies) {
  Result<ModelConfig> c = read(plain);
  ASSERT_TRUE(c);
  std::vector<float> f = ropeFrequencies(c->ropes[0]);
  ASSERT_EQ(f.size(), 4u);
  EXPECT_EQ(f[0], 1.0f);
  EXPECT_EQ(f[1], 1.0f / 10);
  // Every published frequency of llama3 scaling lies between plain and
  // stretched.
  c->ropes[0].kind = RopeConfig::Kind::Llama3;
  c->ropes[0].factor = 8;
  c->ropes[0].originalPositions = 64;
  std::vector<float> g = ropeFrequencies(c->ropes[0]);
  EXPECT_EQ(g[0], f[0]);     // short waves are kept
  EXPECT_EQ(g[3], f[3] / 8); // long ones are stretched
  EXPECT_LT(g[1], f[1]);     // the one between is mixed
  EXPECT_GT(g[1], f[1] / 8);
}

TEST(Config, Goldens) {
  for (const char *name : {"llama",       "llama-legacy-config",
                           "llama3-rope", "qwen2",
                           "rope-linear", "rope-yarn",
                           "cohere",      "gemma",
                           "gemma2",      "gemma3",
                           "gemma3-text", "glm4",
                           "granite",     "mistral",
                           "olmo2",       "phi3",
                           "phi3-long",   "qwen3",
                           "smollm3",     "starcoder2"}) {
    std::string path =
        std::string(ESPALIER_TEST_INPUTS) + "/goldens/" + name + "/config.json";
    Result<MappedFile> file = MappedFile::open(path);
    ASSERT_TRUE(file);
    Result<json::Value> value =
        json::parse({reinterpret_cast<const char *>(file->bytes().data()),
                     file->bytes().size()});
    ASSERT_TRUE(value);
    Result<ModelConfig> config = readHuggingFaceConfig(*value, nullptr);
    EXPECT_TRUE(config) << name << ": "
                        << (config ? "" : config.error().message);
  }
}

} // namespace
