//===- InterpreterTest.cpp - Emitted code against the interpreter ---------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Logits, hidden states and cache of emitted code have the bits that
/// docs/numerics.md says: those of the interpreter on the module that was
/// compiled, with packed weights, quantised activations, phases and tiles.
///
//===----------------------------------------------------------------------===//
#include "ModelTest.h"
#include "RawModel.h"

using namespace espalier;
using namespace espalier::e2e;
using espalier::reference::InputRow;
using espalier::reference::LoweredModel;
using espalier::reference::StepResult;

namespace {

std::string pipelineOf(const Config &config) {
  return "xf-quantize-activations{activations=" + config.activations +
         "},xf-select-kv-layout{element-type=" + config.kvType +
         "},xf-pack-weights,xf-partition{few-rows=64 many-rows=512 "
         "row-block=16 panels-per-tile=2}";
}

Outcome outcomeOf(const StepResult &result) {
  Outcome out;
  out.vocab = result.vocabulary;
  out.width = result.hiddenStates * result.width;
  out.logits = result.logits;
  for (size_t row = 0; row < result.rows; ++row)
    for (size_t state = 0; state < result.hiddenStates; ++state) {
      auto at =
          result.hidden.begin() + (state * result.rows + row) * result.width;
      out.hidden.insert(out.hidden.end(), at, at + result.width);
    }
  return out;
}

/// One call of the interpreter; `parents` empty: a chain.
Outcome interpret(LoweredModel &model, const Tokens &tokens,
                  const std::vector<int32_t> &parents = {}) {
  std::vector<InputRow> rows(tokens.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].token = tokens[i];
    if (!parents.empty())
      rows[i].parent = parents[i];
  }
  Result<StepResult> result = model.interpreter->step(rows);
  if (!result) {
    ADD_FAILURE() << result.error().message;
    return {};
  }
  return outcomeOf(*result);
}

class InterpreterTest : public testing::TestWithParam<Config> {};

TEST_P(InterpreterTest, ChainTreeAndDecode) {
  const Config &config = GetParam();
  LoweredModel oracle(modelPath(config.model), pipelineOf(config),
                      {.threads = 2});
  ASSERT_EQ(oracle.error, "");
  Model model = openConfig(config, 2);
  ASSERT_TRUE(model);
  Sequence sequence(model.get());
  uint32_t vocab = espalier_model_descriptor(model.get())->card->vocab;

  // More than a block of keys, and more rows than the small variant takes.
  Random random(9);
  Result<json::Value> golden =
      e2e::readJson(modelFolder(config.model) + "/golden.json");
  ASSERT_TRUE(golden) << golden.error().message;
  Tokens prompt = e2e::integers(golden->find("prompt_ids"));
  while (prompt.size() < 70)
    prompt.push_back(random.tokens(1, vocab)[0]);
  EXPECT_EQ(difference(sequence.chain(prompt), interpret(oracle, prompt)), "");

  Tokens tokens = random.tokens(7, vocab);
  std::vector<int32_t> parents = {-1, 0, 0, 2, -1, 3, 5};
  EXPECT_EQ(difference(sequence.tree(tokens, parents),
                       interpret(oracle, tokens, parents)),
            "");
  sequence.commit(5);
  Status committed = oracle.interpreter->commit(0, {0, 2, 3, 5});
  ASSERT_TRUE(committed) << committed.error().message;
  for (int i = 0; i < 3; ++i) {
    Tokens next = random.tokens(1, vocab);
    EXPECT_EQ(difference(sequence.chain(next), interpret(oracle, next)), "");
  }
}

TEST_P(InterpreterTest, Cache) {
  const Config &config = GetParam();
  LoweredModel oracle(modelPath(config.model), pipelineOf(config),
                      {.seed = 2, .threads = 2});
  ASSERT_EQ(oracle.error, "");
  RawModel model(config);
  ASSERT_TRUE(model.ok());
  Slot slot = model.makeSlot();
  Tokens tokens = Random(10).tokens(20, model.descriptor().card->vocab);
  EXPECT_EQ(difference(model.chain(slot, tokens), interpret(oracle, tokens)),
            "");
  for (size_t row = 0; row < tokens.size(); ++row) {
    std::vector<float> got = model.cacheRow(slot, row);
    std::vector<float> expected = oracle.interpreter->cacheRow(0, row);
    ASSERT_EQ(got.size(), expected.size());
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * 4), 0)
        << "row " << row;
  }
}

std::vector<Config> configs() {
  std::vector<Config> out = allConfigs();
  out.push_back({"llama", "auto", "bf16"});
  out.push_back({"gguf-q4_1", "auto", "bf16"});
  return out;
}

INSTANTIATE_TEST_SUITE_P(Models, InterpreterTest, testing::ValuesIn(configs()),
                         [](const auto &info) { return info.param.label(); });
INSTANTIATE_TEST_SUITE_P(Families, InterpreterTest,
                         testing::ValuesIn(familyConfigs()),
                         [](const auto &info) { return info.param.label(); });

// A real model: 30 layers, heads of 64, weights of two types.
TEST(InterpreterSmolLM2Test, ChainTreeAndDecode) {
  std::optional<std::string> path = smolLM2();
  if (!path)
    GTEST_SKIP() << "ESPALIER_SMOLLM2 does not name the model's file";
  Config config = {*path, "auto", "f16"};
  LoweredModel oracle(*path, pipelineOf(config), {.threads = 2});
  ASSERT_EQ(oracle.error, "");
  Model model = openConfig(config, 2, 256);
  ASSERT_TRUE(model);
  Sequence sequence(model.get());
  Tokens prompt = {1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511};
  EXPECT_EQ(difference(sequence.chain(prompt), interpret(oracle, prompt)), "");
  Tokens tokens = {504, 2068, 253, 2988};
  std::vector<int32_t> parents = {-1, -1, 1, 0};
  EXPECT_EQ(difference(sequence.tree(tokens, parents),
                       interpret(oracle, tokens, parents)),
            "");
  sequence.commit(3);
  Status committed = oracle.interpreter->commit(0, {0, 3});
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(difference(sequence.chain({288}), interpret(oracle, {288})), "");
}

} // namespace
