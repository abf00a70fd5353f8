//===- LoweringTest.cpp - Passes keep the bits of a model -----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModelTest.h"

using namespace espalier;
using namespace espalier::reference;

namespace {

struct Outcome {
  std::vector<float> logits, hidden;
  std::vector<std::vector<float>> cache;
  bool operator==(const Outcome &) const = default;
};

class LoweringTest : public testing::TestWithParam<const char *> {
protected:
  std::vector<int32_t> prompt() {
    Result<json::Value> golden =
        readJson(goldenFolder(GetParam()) + "/golden.json");
    std::vector<int32_t> tokens = integers(golden->find("prompt_ids"));
    tokens.resize(18);
    return tokens;
  }

  Outcome finish(LoweredModel &model, Outcome outcome) {
    EXPECT_EQ(model.error, "");
    for (size_t row = 0; row < prompt().size(); ++row)
      outcome.cache.push_back(model.interpreter->cacheRow(0, row));
    return outcome;
  }

  Outcome run(const std::string &pipeline, size_t chunk,
              const std::string &step = "", uint64_t seed = 1) {
    LoweredModel model(goldenFolder(GetParam()), pipeline, {.seed = seed});
    Outcome outcome;
    if (model.error.empty())
      model.run(prompt(), chunk, outcome.logits, outcome.hidden, step);
    return model.interpreter ? finish(model, std::move(outcome)) : outcome;
  }
};

const std::string layout = "xf-select-kv-layout";
const std::string packed = layout + ",xf-pack-weights";

TEST_P(LoweringTest, PackedAndPartitionedModulesGiveTheSameBits) {
  Outcome imported = run(layout, 18);
  ASSERT_FALSE(imported.logits.empty());
  EXPECT_TRUE(run(packed, 18) == imported);
  for (uint64_t seed : {1, 2, 3}) {
    EXPECT_TRUE(run(packed + LoweredModel::partition, 18, "step_many", seed) ==
                imported);
    EXPECT_TRUE(run(packed + LoweredModel::partition, 7, "step_few", seed) ==
                imported);
  }
  EXPECT_TRUE(run(packed + LoweredModel::partition + ",xf-lower-repeat", 5) ==
              imported);
  // Unpacked weights, too.
  EXPECT_TRUE(run(layout + LoweredModel::partition, 18, "step_many") ==
              imported);
}

TEST_P(LoweringTest, ChunksGiveTheSameBits) {
  Outcome whole = run(layout, 18);
  for (size_t chunk : {1, 5, 17})
    EXPECT_TRUE(run(layout, chunk) == whole) << chunk;
}

// A tree of two branches behind a common beginning; the second is the chain.
TEST_P(LoweringTest, ARowOfATreeHasTheBitsOfItsChain) {
  for (const std::string &pipeline :
       {layout, packed + LoweredModel::partition}) {
    Outcome chain = run(pipeline, 18);
    LoweredModel model(goldenFolder(GetParam()), pipeline);
    std::vector<int32_t> tokens = prompt();
    Outcome tree;
    std::vector<int32_t> first(tokens.begin(), tokens.begin() + 9);
    ASSERT_EQ(model.error, "");
    model.run(first, 9, tree.logits, tree.hidden);
    std::vector<InputRow> rows;
    for (size_t i = 9; i < 18; ++i) { // a wrong guess beside every row
      int32_t parent = i == 9 ? InputRow::root : int32_t(2 * (i - 10) + 1);
      rows.push_back({tokens[i] ^ 1, true, 0, parent});
      rows.push_back({tokens[i], true, 0, parent});
    }
    Result<StepResult> result = model.interpreter->step(rows);
    ASSERT_TRUE(result) << result.error().message;
    std::vector<int32_t> path;
    for (size_t i = 0; i < 9; ++i) {
      path.push_back(int32_t(2 * i + 1));
      model.add(*result, 2 * i + 1, 1, tree.logits, tree.hidden);
    }
    Status committed = model.interpreter->commit(0, path);
    ASSERT_TRUE(committed) << committed.error().message;
    EXPECT_EQ(model.interpreter->length(0), 18u);
    EXPECT_TRUE(finish(model, std::move(tree)) == chain);
  }
}

TEST_P(LoweringTest, SlotsDoNotSeeEachOther) {
  Outcome alone = run(layout, 18);
  LoweredModel model(goldenFolder(GetParam()), layout);
  std::vector<int32_t> tokens = prompt();
  std::vector<InputRow> rows;
  for (int32_t slot : {1, 0, -1})
    for (int32_t token : tokens)
      rows.push_back({slot == 1 ? token ^ 1 : token, slot >= 0, slot});
  Outcome outcome;
  ASSERT_EQ(model.error, "");
  model.add(model.interpreter->step(rows), 18, 18, outcome.logits,
            outcome.hidden);
  EXPECT_TRUE(finish(model, std::move(outcome)) == alone);
}

INSTANTIATE_TEST_SUITE_P(Goldens, LoweringTest,
                         testing::Values("llama", "qwen2"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

} // namespace
