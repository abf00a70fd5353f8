//===- StepTest.cpp - Models on the accelerator, bit for bit --------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Logits and hidden states at every layer have the bits of the interpreter in
/// the accelerator's order, and the simulator counts the cycles that the
/// compiler predicted.
///
//===----------------------------------------------------------------------===//
#include "Accelerator.h"

#include <unistd.h>

using namespace espalier;
using namespace espalier::systolic;
using espalier::reference::goldenFolder;
using espalier::reference::LoweredModel;

namespace {

struct Case {
  std::string name, path, machine;
};
void PrintTo(const Case &c, std::ostream *os) { *os << c.name; }

class StepTest : public testing::TestWithParam<Case> {};

TEST_P(StepTest, ChainAndDecode) {
  Result<SystolicMachine> machine =
      hardware::findSystolicMachine(GetParam().machine);
  ASSERT_TRUE(machine) << machine.error().message;
  LoweredModel oracle(GetParam().path, pipeline(*machine), {.threads = 2});
  ASSERT_EQ(oracle.error, "");
  LoweredModel model(GetParam().path, pipeline(*machine));
  ASSERT_EQ(model.error, "");
  Accelerator accelerator(model, *machine, 256);
  ASSERT_EQ(accelerator.error, "");

  // A prompt in a bucket that it does not fill, then one in a smaller bucket,
  // then token by token.
  std::vector<std::pair<size_t, StepBucket>> calls = {
      {21, {64, 256}}, {16, {16, 256}}, {1, {1, 256}}, {1, {1, 256}}};
  uint32_t seed = 1;
  for (auto [count, bucket] : calls) {
    std::vector<int32_t> prompt = tokens(count, seed++);
    std::vector<float> logits, hidden;
    oracle.run(prompt, prompt.size(), logits, hidden);
    ASSERT_EQ(oracle.error, "");
    Result<Accelerator::Rows> got = accelerator.run(prompt, bucket);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(difference(got->hidden, hidden), "") << "hidden, " << count;
    EXPECT_EQ(difference(got->logits, logits), "") << "logits, " << count;
    EXPECT_EQ(got->cycles, got->predicted);
    RecordProperty("cycles_" + std::to_string(bucket.rows),
                   std::to_string(got->cycles));
  }
}

// Every bucket gives a row the same bits; with semaphores instead of times,
// too.
TEST_P(StepTest, BucketsAndModes) {
  Result<SystolicMachine> machine =
      hardware::findSystolicMachine(GetParam().machine);
  ASSERT_TRUE(machine) << machine.error().message;
  LoweredModel model(GetParam().path, pipeline(*machine));
  ASSERT_EQ(model.error, "");
  std::vector<int32_t> prompt = tokens(12, 5);
  std::vector<float> logits, hidden;
  model.run(prompt, prompt.size(), logits, hidden);
  ASSERT_EQ(model.error, "");
  Accelerator accelerator(model, *machine, 1024);
  ASSERT_EQ(accelerator.error, "");
  // The edge device has no room for all of them.
  bool isSmall = machine->scratchpadBytes < (1 << 20);
  for (uint32_t context : {256, 1024})
    for (uint32_t rows : {16, 64, 128}) {
      StepBucket bucket = {rows, context};
      for (simulator::Mode mode :
           {simulator::Mode::Strict, simulator::Mode::Elastic}) {
        accelerator.length = 0;
        Result<Accelerator::Rows> got = accelerator.run(prompt, bucket, mode);
        if (!got && isSmall && rows * context > 16 * 256) {
          EXPECT_NE(got.error().message.find("bytes of scratchpad"),
                    std::string::npos)
              << got.error().message;
          continue;
        }
        ASSERT_TRUE(got) << got.error().message << ", " << rows << " rows";
        EXPECT_EQ(difference(got->hidden, hidden), "") << rows << " rows";
        EXPECT_EQ(difference(got->logits, logits), "") << rows << " rows";
        if (mode == simulator::Mode::Strict)
          EXPECT_EQ(got->cycles, got->predicted);
      }
    }
  for (uint32_t context : {256, 1024}) {
    accelerator.length = 0;
    Result<Accelerator::Rows> got = accelerator.run({prompt[0]}, {1, context});
    ASSERT_TRUE(got) << got.error().message;
    hidden.resize(got->hidden.size());
    logits.resize(got->logits.size());
    EXPECT_EQ(difference(got->hidden, hidden), "") << "1 row";
    EXPECT_EQ(difference(got->logits, logits), "") << "1 row";
    EXPECT_EQ(got->cycles, got->predicted);
  }
}

// Every processing element stepped: the values that the tile model gives.
TEST(ElementsTest, DecodeOnTheEdgeDevice) {
  Result<SystolicMachine> machine =
      hardware::findSystolicMachine("systolic-16-edge");
  ASSERT_TRUE(machine) << machine.error().message;
  LoweredModel model(goldenFolder("llama"), pipeline(*machine));
  ASSERT_EQ(model.error, "");
  std::vector<int32_t> prompt = tokens(3, 6);
  std::vector<float> logits, hidden;
  model.run(prompt, prompt.size(), logits, hidden);
  ASSERT_EQ(model.error, "");
  Accelerator accelerator(model, *machine, 256);
  ASSERT_EQ(accelerator.error, "");
  Result<Accelerator::Rows> got =
      accelerator.run(prompt, {16, 256}, simulator::Mode::Elements);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(difference(got->hidden, hidden), "");
  EXPECT_EQ(difference(got->logits, logits), "");
}

// Layers of a real model: blocks of four bits, heads of 64 elements.
TEST(SmolLM2Test, FirstLayers) {
  const char *given = getenv("ESPALIER_SMOLLM2"), *home = getenv("HOME");
  std::string path = given ? given
                           : std::string(home ? home : "") +
                                 "/.cache/espalier/"
                                 "SmolLM2-135M-Instruct.Q4_1.gguf";
  if (access(path.c_str(), R_OK) != 0)
    GTEST_SKIP() << "ESPALIER_SMOLLM2 does not name the model's file";
  Result<SystolicMachine> machine =
      hardware::findSystolicMachine("systolic-128");
  ASSERT_TRUE(machine) << machine.error().message;
  LoweredModel model(path, pipeline(*machine), {.threads = 2});
  ASSERT_EQ(model.error, "");
  std::vector<int32_t> prompt = {1, 9690, 198, 2683, 359};
  std::vector<float> logits, hidden;
  model.run(prompt, prompt.size(), logits, hidden);
  ASSERT_EQ(model.error, "");
  Accelerator accelerator(model, *machine, 256);
  ASSERT_EQ(accelerator.error, "");
  Result<Accelerator::Rows> got = accelerator.run(prompt, {16, 256});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(difference(got->hidden, hidden), "");
  EXPECT_EQ(difference(got->logits, logits), "");
  EXPECT_EQ(got->cycles, got->predicted);
  EXPECT_EQ(got->cycles, 570887u); // docs/Systolic.md
}

std::vector<Case> cases() {
  std::vector<Case> out;
  for (const char *machine : {"systolic-128", "systolic-16-edge"}) {
    std::string label =
        std::string(machine).find("16") == std::string::npos ? "_128" : "_16";
    for (const char *golden :
         {"llama", "qwen2", "gguf-q8_0", "gguf-q4_0", "gguf-q4_1"}) {
      std::string name = golden + label;
      std::replace(name.begin(), name.end(), '-', '_');
      std::string path = goldenFolder(golden);
      out.push_back({name,
                     name.starts_with("gguf") ? path + "/model.gguf" : path,
                     machine});
    }
  }
  for (const char *machine :
       {"systolic-128", "systolic-256", "neuroncore-v2-like"}) {
    std::string name = "stories_" + std::string(machine);
    std::replace(name.begin(), name.end(), '-', '_');
    out.push_back({name, ESPALIER_STORIES, machine});
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Models, StepTest, testing::ValuesIn(cases()),
                         [](const auto &info) { return info.param.name; });

} // namespace
