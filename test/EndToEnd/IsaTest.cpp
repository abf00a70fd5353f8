//===- IsaTest.cpp - One instruction set against another ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Core/Cpu.h"
#include "Running.h"

#include <gtest/gtest.h>

#include <cstdlib>

using namespace espalier;
using namespace espalier::e2e;

namespace {

bool hasAVX512() {
  return runtime::missingFeatures(ESPALIER_ISA_AVX512,
                                  runtime::detectCpuFeatures())
      .empty();
}

/// ESPALIER_ISA while it lives.
class ForcedIsa {
public:
  explicit ForcedIsa(const char *name) { setenv("ESPALIER_ISA", name, 1); }
  ~ForcedIsa() { unsetenv("ESPALIER_ISA"); }
};

Model openForced(const Config &config, const char *isa) {
  ForcedIsa forced(isa);
  return openConfig(config, 2);
}

/// A long call, short ones and a tree.
Outcome exercise(espalier_model *model) {
  Random random(11);
  uint32_t vocab = espalier_model_descriptor(model)->card->vocab;
  Sequence sequence(model);
  Outcome all = sequence.chain(random.tokens(70, vocab));
  all.add(sequence.chain(random.tokens(24, vocab), {1, 7, 16}));
  all.add(sequence.tree(random.tokens(20, vocab), random.parents(20, 60)));
  return all;
}

class WideKernelsTest : public testing::TestWithParam<Config> {};

TEST_P(WideKernelsTest, SameBitsWithTheProductOfBytesExpanded) {
  Config wide = GetParam();
  wide.wideKernels = true;
  Model model = openForced(GetParam(), "avx2");
  Model other = openForced(wide, "avx2");
  ASSERT_TRUE(model && other);
  EXPECT_EQ(difference(exercise(other.get()), exercise(model.get())), "");
}

const std::vector<Config> &configs() {
  static const std::vector<Config> configs = {
      {"llama", "auto", "f32"},     {"qwen2", "auto", "bf16"},
      {"gguf-f16", "auto", "f16"},  {"gguf-q8_0", "auto", "f16"},
      {"gguf-q4_0", "auto", "f16"}, {"gguf-q4_0", "f32", "f32"},
      {"gguf-q4_1", "auto", "f16"}, {"gguf-mixed", "f32", "f16"}};
  return configs;
}

INSTANTIATE_TEST_SUITE_P(Models, WideKernelsTest, testing::ValuesIn(configs()),
                         [](const auto &info) { return info.param.label(); });

TEST(NativeAVX512Test, SameBitsAsAVX2) {
  if (!hasAVX512())
    GTEST_SKIP() << "this CPU lacks AVX-512 with VNNI";
  for (const Config &config : configs()) {
    SCOPED_TRACE(config.label());
    Model model = openForced(config, "avx2");
    Model other = openForced(config, "avx512");
    ASSERT_TRUE(model && other);
    EXPECT_STREQ(espalier_model_isa(other.get()), "avx512");
    EXPECT_EQ(difference(exercise(other.get()), exercise(model.get())), "");
  }
}

TEST(ForcedIsaTest, NamesWhatRuns) {
  Config config = {"llama", "auto", "f16"};
  Model model = openForced(config, "avx2");
  ASSERT_TRUE(model);
  EXPECT_STREQ(espalier_model_isa(model.get()), "avx2");

  Result<std::string> library = compiled(config);
  ASSERT_TRUE(library);
  espalier_model *none = nullptr;
  {
    ForcedIsa forced("sse2");
    EXPECT_EQ(espalier_open_library(library->c_str(), nullptr, &none),
              ESPALIER_ERROR_ARGUMENT);
    EXPECT_STREQ(espalier_last_error(),
                 "ESPALIER_ISA: expected avx2 or avx512, got 'sse2'");
  }
  if (hasAVX512())
    return;
  ForcedIsa forced("avx512");
  EXPECT_EQ(espalier_open_library(library->c_str(), nullptr, &none),
            ESPALIER_ERROR_CPU);
  EXPECT_EQ(none, nullptr);
  std::string message = espalier_last_error();
  EXPECT_TRUE(message.starts_with("ESPALIER_ISA=avx512: this CPU lacks "))
      << message;
}

} // namespace
