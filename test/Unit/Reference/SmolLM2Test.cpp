//===- SmolLM2Test.cpp - A real model, as others computed it --------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModelTest.h"

#include <cstdlib>

using namespace espalier;
using namespace espalier::reference;

namespace {

// The model is no part of the repository: test/Reference/smollm2.test passes
// its path.
TEST(SmolLM2Test, LogitsAndTokens) {
  const char *path = std::getenv("ESPALIER_SMOLLM2");
  if (!path)
    GTEST_SKIP() << "ESPALIER_SMOLLM2 does not name the model's file";
  std::string folder = goldenFolder("smollm2");
  Result<json::Value> golden = readJson(folder + "/golden.json");
  Result<FloatArray> logits = readNpy(folder + "/logits.npy");
  ASSERT_TRUE(golden && logits);

  LoweredModel model(path, "xf-select-kv-layout{element-type=f32}",
                     {.threads = 2});
  ASSERT_EQ(model.error, "");
  size_t number = 0;
  for (const json::Value &prompt : *golden->find("prompts")->asArray()) {
    std::vector<int32_t> ids = integers(prompt.find("prompt_ids"));
    std::vector<int32_t> greedy = integers(prompt.find("greedy_ids"));
    std::vector<float> got, hidden;
    model.interpreter->reset();
    std::vector<InputRow> rows(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      rows[i].token = ids[i];
      rows[i].wanted = i + 1 == ids.size();
    }
    Result<StepResult> result = model.interpreter->step(rows);
    ASSERT_TRUE(result) << result.error().message;
    model.vocabulary = result->vocabulary;
    std::vector<float> expected(
        logits->values.begin() + number * model.vocabulary,
        logits->values.begin() + (number + 1) * model.vocabulary);
    double error = relativeError(result->logits, expected);
    RecordProperty("relative_error_" + std::to_string(number),
                   std::to_string(error));
    EXPECT_LE(error, 3e-5) << "prompt " << number;
    EXPECT_EQ(model.continueGreedily(result->logits, greedy.size()), greedy)
        << "prompt " << number;
    EXPECT_EQ(model.error, "");
    ++number;
  }
  EXPECT_EQ(number, 3u);
}

} // namespace
