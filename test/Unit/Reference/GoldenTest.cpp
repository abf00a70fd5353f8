//===- GoldenTest.cpp - The interpreter against what others computed ------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModelTest.h"

using namespace espalier;
using namespace espalier::reference;

namespace {

class GoldenTest : public testing::TestWithParam<const char *> {};

// Float activations and a float32 cache: nothing but the order of sums differs
// from what transformers computed.
TEST_P(GoldenTest, LogitsHiddenStatesAndTokens) {
  std::string folder = goldenFolder(GetParam());
  Result<json::Value> golden = readJson(folder + "/golden.json");
  ASSERT_TRUE(golden) << golden.error().message;
  std::vector<int32_t> prompt = integers(golden->find("prompt_ids"));
  std::vector<int32_t> greedy = integers(golden->find("greedy_ids"));
  double tolerance = *golden->find("suggested_tol")->asDouble();
  Result<FloatArray> logits = readNpy(folder + "/logits.npy");
  Result<FloatArray> hidden = readNpy(folder + "/hidden.npy");
  ASSERT_TRUE(logits && hidden);

  LoweredModel model(folder, "xf-select-kv-layout{element-type=f32}",
                     {.threads = 2});
  std::vector<float> gotLogits, rowHidden;
  if (model.error.empty())
    model.run(prompt, prompt.size(), gotLogits, rowHidden);
  ASSERT_EQ(model.error, "");
  EXPECT_LE(relativeError(gotLogits, logits->values), tolerance);

  // The file holds state by state.
  ASSERT_EQ(hidden->shape,
            (std::vector<uint64_t>{model.states, prompt.size(), model.width}));
  size_t perState = prompt.size() * model.width;
  for (size_t state = 0; state < model.states; ++state) {
    std::vector<float> got,
        expected(hidden->values.begin() + state * perState,
                 hidden->values.begin() + (state + 1) * perState);
    for (size_t row = 0; row < prompt.size(); ++row) {
      auto at = rowHidden.begin() + (row * model.states + state) * model.width;
      got.insert(got.end(), at, at + model.width);
    }
    EXPECT_LE(relativeError(got, expected), tolerance) << "state " << state;
  }
  EXPECT_EQ(model.continueGreedily(gotLogits, greedy.size()), greedy);
  EXPECT_EQ(model.error, "");
}

INSTANTIATE_TEST_SUITE_P(Goldens, GoldenTest,
                         testing::Values("llama", "llama-legacy-config",
                                         "llama3-rope", "qwen2"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
