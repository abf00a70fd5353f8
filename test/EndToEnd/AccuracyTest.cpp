//===- AccuracyTest.cpp - Emitted code against what others computed -------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// End to end: (a) with float activations and a float32 cache the results of
/// others, within the error of float32; (b) how far 8-bit activations and a
/// cache of float16 are from that. docs/accuracy.md quotes what (b) prints.
///
//===----------------------------------------------------------------------===//
#include "Running.h"
#include "espalier/Support/Npy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

using namespace espalier;
using namespace espalier::e2e;

namespace {

/// The largest difference, relative to the largest of `expected`.
double relativeError(const float *got, const float *expected, size_t count) {
  double worst = 0, scale = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!std::isfinite(got[i]))
      return INFINITY;
    worst = std::max(worst, std::fabs(double(got[i]) - expected[i]));
    scale = std::max(scale, std::fabs(double(expected[i])));
  }
  return worst / scale;
}

//===--- (a) --------------------------------------------------------------===//

class GoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, LogitsHiddenStatesAndTokens) {
  std::string folder = modelFolder(GetParam());
  Result<json::Value> golden = readJson(folder + "/golden.json");
  ASSERT_TRUE(golden) << golden.error().message;
  double tolerance = *golden->find("suggested_tol")->asDouble();
  Result<FloatArray> logits = readNpy(folder + "/logits.npy");
  Result<FloatArray> hidden = readNpy(folder + "/hidden.npy");
  ASSERT_TRUE(logits && hidden);
  Model model = openConfig({GetParam(), "f32", "f32"}, 2);
  ASSERT_TRUE(model);
  const espalier_model_card &card =
      *espalier_model_descriptor(model.get())->card;
  Tokens prompt = integers(golden->find("prompt_ids"));
  Sequence sequence(model.get());
  Outcome got = sequence.chain(prompt);
  ASSERT_EQ(got.logits.size(), logits->values.size());
  ASSERT_EQ(got.hidden.size(), hidden->values.size());
  EXPECT_LE(relativeError(got.logits.data(), logits->values.data(),
                          got.logits.size()),
            tolerance);
  // The file holds state by state.
  for (size_t state = 0; state <= card.layers; ++state) {
    std::vector<float> mine;
    for (size_t row = 0; row < prompt.size(); ++row) {
      auto at = got.hidden.begin() + row * got.width + state * card.hidden;
      mine.insert(mine.end(), at, at + card.hidden);
    }
    EXPECT_LE(relativeError(mine.data(),
                            hidden->values.data() + state * mine.size(),
                            mine.size()),
              tolerance)
        << "state " << state;
  }
  Tokens expected = integers(golden->find("greedy_ids"));
  EXPECT_EQ(
      greedy(sequence, got.row(prompt.size() - 1).logits, expected.size()),
      expected);
}

INSTANTIATE_TEST_SUITE_P(Goldens, GoldenTest, testing::ValuesIn(goldenModels()),
                         [](const auto &info) {
                           return Config{info.param}.label();
                         });
INSTANTIATE_TEST_SUITE_P(Families, GoldenTest,
                         testing::ValuesIn(familyModels()),
                         [](const auto &info) {
                           return Config{info.param}.label();
                         });

//===--- Texts ------------------------------------------------------------===//

/// Minus the logarithm of the probability of `id`.
double surprise(const float *logits, size_t vocab, int32_t id) {
  double top = *std::max_element(logits, logits + vocab), sum = 0;
  for (size_t i = 0; i < vocab; ++i)
    sum += std::exp(double(logits[i]) - top);
  return top + std::log(sum) - double(logits[id]);
}

/// The ids of a text, behind the beginning-of-text token where there is one.
Tokens tokenize(espalier_model *model, const std::string &path) {
  Result<std::string> text = readFile(path);
  int32_t *ids = nullptr;
  size_t count = 0;
  if (!text || espalier_tokenize(model, text->data(), text->size(), 0, &ids,
                                 &count) != ESPALIER_OK) {
    ADD_FAILURE() << (text ? espalier_last_error() : text.error().message);
    return {};
  }
  Tokens tokens;
  int32_t bos = espalier_model_descriptor(model)->card->bos_token;
  if (bos >= 0)
    tokens.push_back(bos);
  tokens.insert(tokens.end(), ids, ids + count);
  espalier_free(ids);
  return tokens;
}

const std::string valid2k = ESPALIER_MODELS "/stories-5.5m/valid-2k.txt";

class BundledTest : public testing::TestWithParam<std::string> {};

TEST_P(BundledTest, LikelihoodLogitsAndTokens) {
  std::string folder = modelFolder(GetParam());
  Result<json::Value> golden = readJson(folder + "/golden.json");
  Result<FloatArray> logits = readNpy(folder + "/logits.npy");
  ASSERT_TRUE(golden && logits);
  const json::Value *perplexity = golden->find("perplexity");
  ASSERT_TRUE(perplexity && perplexity->find("mean_nll"));
  Model model = openConfig({GetParam(), "f32", "f32"}, 2);
  ASSERT_TRUE(model);
  Sequence sequence(model.get());
  Tokens prompt = integers(golden->find("prompt_ids"));
  std::vector<float> last =
      sequence.logitsOf(prompt, {uint32_t(prompt.size() - 1)});
  ASSERT_EQ(last.size(), logits->values.size());
  EXPECT_LE(relativeError(last.data(), logits->values.data(), last.size()),
            3e-5);
  Tokens expected = integers(golden->find("greedy_ids"));
  EXPECT_EQ(greedy(sequence, last, expected.size()), expected);

  Tokens tokens = tokenize(model.get(), valid2k);
  double sum = 0;
  size_t scored = tokens.size() - 1;
  for (size_t begin = 0; begin < scored; begin += 256) {
    size_t count = std::min<size_t>(256, scored - begin);
    Tokens window(tokens.begin() + begin, tokens.begin() + begin + count);
    Outcome outcome = Sequence(model.get()).chain(window);
    ASSERT_EQ(outcome.rows(), count);
    for (size_t i = 0; i < count; ++i)
      sum += surprise(&outcome.logits[i * outcome.vocab], outcome.vocab,
                      tokens[begin + i + 1]);
  }
  EXPECT_NEAR(sum / double(scored), *perplexity->find("mean_nll")->asDouble(),
              1e-3);
}

INSTANTIATE_TEST_SUITE_P(Models, BundledTest,
                         testing::ValuesIn(bundledModels()),
                         [](const auto &info) {
                           return Config{info.param}.label();
                         });

//===--- The real model ---------------------------------------------------===//

class SmolLM2Test : public testing::Test {
protected:
  void SetUp() override {
    path = smolLM2();
    if (!path)
      GTEST_SKIP() << "ESPALIER_SMOLLM2 does not name the model's file";
    Result<json::Value> read = readJson(folder + "/golden.json");
    ASSERT_TRUE(read) << read.error().message;
    golden = std::move(*read);
    exact = openConfig({*path, "f32", "f32"}, 2, 512);
    ASSERT_TRUE(exact);
  }

  const std::string folder = ESPALIER_TEST_INPUTS "/goldens/smollm2";
  std::optional<std::string> path;
  json::Value golden;
  Model exact;
};

TEST_F(SmolLM2Test, LogitsAndTokens) {
  Result<FloatArray> logits = readNpy(folder + "/logits.npy");
  ASSERT_TRUE(logits);
  size_t number = 0;
  for (const json::Value &prompt : *golden.find("prompts")->asArray()) {
    Tokens ids = integers(prompt.find("prompt_ids"));
    Tokens expected = integers(prompt.find("greedy_ids"));
    Sequence sequence(exact.get());
    std::vector<float> last =
        sequence.logitsOf(ids, {uint32_t(ids.size() - 1)});
    double error = relativeError(
        last.data(), logits->values.data() + number * last.size(), last.size());
    printf("prompt %zu: logits differ by %.1e\n", number, error);
    EXPECT_LE(error, 3e-5) << "prompt " << number;
    EXPECT_EQ(greedy(sequence, last, expected.size()), expected)
        << "prompt " << number;
    ++number;
  }
}

/// Two models on the same positions.
struct Comparison {
  size_t positions = 0, sameToken = 0;
  double exactNll = 0, nll = 0, largestDifference = 0, largestLogit = 0;

  void add(const float *x, const float *y, size_t vocab, int32_t next) {
    ++positions;
    sameToken += mostLikely(x, vocab) == mostLikely(y, vocab);
    exactNll += surprise(x, vocab, next);
    nll += surprise(y, vocab, next);
    for (size_t i = 0; i < vocab; ++i) {
      largestDifference =
          std::max(largestDifference, std::fabs(double(x[i]) - y[i]));
      largestLogit = std::max(largestLogit, std::fabs(double(x[i])));
    }
  }

  void add(const Comparison &o) {
    positions += o.positions;
    sameToken += o.sameToken;
    exactNll += o.exactNll;
    nll += o.nll;
    largestDifference = std::max(largestDifference, o.largestDifference);
    largestLogit = std::max(largestLogit, o.largestLogit);
  }
  double nllDifference() const { return (nll - exactNll) / double(positions); }
  double sameShare() const { return double(sameToken) / double(positions); }
  double distance() const { return largestDifference / largestLogit; }

  void print(const char *what) const {
    double n = double(positions);
    printf("%s: %zu positions, mean NLL %.5f and %.5f, same token %.2f %%, "
           "largest logit difference %.2f %%\n",
           what, positions, exactNll / n, nll / n, 100 * sameShare(),
           100 * distance());
  }
};

/// The positions of `tokens` that have a next one: the first `split` of them
/// into `head`, the others into `tail`.
void compare(espalier_model *exact, espalier_model *other, const Tokens &tokens,
             size_t split, Comparison &head, Comparison &tail) {
  Tokens inputs(tokens.begin(), tokens.end() - 1);
  std::vector<uint32_t> all(inputs.size());
  for (size_t i = 0; i < all.size(); ++i)
    all[i] = uint32_t(i);
  std::vector<float> a = Sequence(exact).logitsOf(inputs, all);
  std::vector<float> b = Sequence(other).logitsOf(inputs, all);
  size_t vocab = a.size() / all.size();
  for (size_t i = 0; i < all.size(); ++i)
    (i < split ? head : tail)
        .add(&a[i * vocab], &b[i * vocab], vocab, tokens[i + 1]);
}

TEST_F(SmolLM2Test, QuantisedActivations) {
  Model other = openConfig({*path, "auto", "f16"}, 2, 512);
  ASSERT_TRUE(other);
  Comparison prompts, answers, text;
  for (const json::Value &prompt : *golden.find("prompts")->asArray()) {
    Tokens tokens = integers(prompt.find("prompt_ids"));
    size_t split = tokens.size();
    Tokens answer = integers(prompt.find("greedy_ids"));
    tokens.insert(tokens.end(), answer.begin(), answer.end());
    compare(exact.get(), other.get(), tokens, split, prompts, answers);
  }
  Tokens tokens = tokenize(exact.get(), valid2k);
  ASSERT_GT(tokens.size(), 1000u);
  for (size_t begin = 0; begin + 1 < tokens.size(); begin += 256) {
    Tokens window(tokens.begin() + begin,
                  tokens.begin() + std::min(begin + 257, tokens.size()));
    compare(exact.get(), other.get(), window, 0, text, text);
  }
  prompts.print("prompts");
  answers.print("answers");
  text.print("valid-2k.txt");
  Comparison all = prompts;
  all.add(text);
  all.print("prompts and valid-2k.txt");
  EXPECT_LE(std::fabs(all.nllDifference()), 0.02);
  EXPECT_GE(all.sameShare(), 0.95);
  for (const Comparison &part : {prompts, answers, text, all})
    EXPECT_LE(part.distance(), 0.04);
}

} // namespace
