//===- SamplersTest.cpp - Cuts, penalties, probabilities --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Core/LogitChanges.h"
#include "Core/Sampling.h"
#include "Fixture.h"
#include "espalier/Support/Logarithm.h"

#include <cmath>
#include <limits>
#include <set>

using namespace espalier;
using namespace espalier::runtime;

namespace {

espalier_generate_options defaults() {
  espalier_generate_options options;
  espalier_generate_options_init(&options);
  return options;
}

/// The ids that are ever drawn.
std::set<int32_t> candidates(const espalier_generate_options &options,
                             const std::vector<float> &logits) {
  Sampler sampler(options);
  std::set<int32_t> ids;
  for (int i = 0; i < 4000; ++i)
    ids.insert(sampler.next(logits.data(), uint32_t(logits.size())).value());
  return ids;
}

/// Logits of given probabilities.
std::vector<float> logitsOf(const std::vector<double> &probabilities) {
  std::vector<float> logits;
  for (double p : probabilities)
    logits.push_back(float(std::log(p)));
  return logits;
}

std::vector<float> changed(const espalier_generate_options &options,
                           const Tokens &history, std::vector<float> logits) {
  LogitChanges(options, std::nullopt).apply(history, logits);
  return logits;
}

} // namespace

TEST(Samplers, MinPKeepsWhatIsLikelyEnough) {
  std::vector<float> logits = logitsOf({0.05, 0.5, 0.25, 0.2});
  espalier_generate_options options = defaults();
  options.temperature = 1;
  options.min_p = 0.39f; // of 0.5: 0.195
  EXPECT_EQ(candidates(options, logits), (std::set<int32_t>{1, 2, 3}));
  options.min_p = 0.41f;
  EXPECT_EQ(candidates(options, logits), (std::set<int32_t>{1, 2}));
  options.min_p = 1;
  EXPECT_EQ(candidates(options, logits), (std::set<int32_t>{1}));
  // The cuts see temperature 1, whatever the draw has.
  options.min_p = 0.39f;
  options.temperature = 20;
  EXPECT_EQ(candidates(options, logits), (std::set<int32_t>{1, 2, 3}));
  options.min_p = 0;
  options.top_p = 0.7f;
  EXPECT_EQ(candidates(options, logits), (std::set<int32_t>{1, 2}));
}

TEST(Samplers, TypicalKeepsTheExpectedSurprise) {
  // Entropy 1.34 nats; surprises 0.92, 1.39, 1.39, 3.00, 3.00: the two of 0.25
  // are nearest, then 0.4.
  std::vector<float> logits = logitsOf({0.4, 0.25, 0.25, 0.05, 0.05});
  espalier_generate_options options = defaults();
  options.temperature = 1;
  options.typical_p = 0.2f;
  EXPECT_EQ(candidates(options, logits), (std::set<int32_t>{1}));
  options.typical_p = 0.45f;
  EXPECT_EQ(candidates(options, logits), (std::set<int32_t>{1, 2}));
  options.typical_p = 0.6f;
  EXPECT_EQ(candidates(options, logits), (std::set<int32_t>{0, 1, 2}));
  // The likeliest is gone: at a low temperature, the likeliest of the rest.
  options.typical_p = 0.45f;
  options.temperature = 1e-3f;
  EXPECT_EQ(candidates(options, logits), (std::set<int32_t>{1, 2}));
  // Behind top-k.
  options.temperature = 1;
  options.top_k = 1;
  EXPECT_EQ(candidates(options, logits), (std::set<int32_t>{0}));
}

TEST(Samplers, PenaltiesFollowTheirFormulas) {
  std::vector<float> logits = {2, -2, 1, 4};
  espalier_generate_options options = defaults();
  options.repeat_penalty = 2;
  Tokens history = {0, 1, 1, 0, 0};
  EXPECT_EQ(changed(options, history, logits),
            (std::vector<float>{1, -4, 1, 4}));
  options.repeat_penalty = 1;
  options.frequency_penalty = 0.5f;
  options.presence_penalty = 0.25f;
  EXPECT_EQ(changed(options, history, logits),
            (std::vector<float>{2 - 1.75f, -2 - 1.25f, 1, 4}));
  options.repeat_last_n = 3; // 1, 0, 0
  EXPECT_EQ(changed(options, history, logits),
            (std::vector<float>{2 - 1.25f, -2 - 0.75f, 1, 4}));
  options.repeat_last_n = 0;
  EXPECT_EQ(changed(options, history, logits), logits);
  options.repeat_last_n = -1;
  options.frequency_penalty = 0;
  EXPECT_EQ(changed(options, history, logits),
            (std::vector<float>{1.75f, -2.25f, 1, 4}));
}

TEST(Samplers, BiasesAreAddedAndForbid) {
  espalier_logit_bias biases[] = {{1, 2.5f}, {3, -INFINITY}, {1, 0.5f}};
  espalier_generate_options options = defaults();
  options.logit_bias = biases;
  options.logit_bias_count = 3;
  EXPECT_EQ(changed(options, {}, {0, 0, 0, 9}),
            (std::vector<float>{0, 3, 0, -INFINITY}));
}

TEST(Samplers, DryGrowsWithTheRepetition) {
  espalier_generate_options options = defaults();
  options.dry_multiplier = 1;
  options.dry_base = 2;
  std::vector<float> zeros(10);
  // The end "1 2 3" stood there before 4, "3" before 7.
  Tokens history = {1, 2, 3, 4, 3, 7, 1, 2, 3};
  std::vector<float> expected = zeros;
  expected[4] = -2; // length 3, one more than allowed
  EXPECT_EQ(changed(options, history, zeros), expected);
  options.dry_allowed_length = 1;
  expected[4] = -4;
  expected[7] = -1;
  EXPECT_EQ(changed(options, history, zeros), expected);
  options.dry_allowed_length = 4;
  EXPECT_EQ(changed(options, history, zeros), zeros);
  options.dry_allowed_length = 2;
  options.dry_last_n = 6; // 4 3 7 1 2 3: nothing of two
  EXPECT_EQ(changed(options, history, zeros), zeros);
  // Overlapping: 5 5 5 | 5 has its end three long before the last.
  options.dry_last_n = -1;
  expected = zeros;
  expected[5] = -2;
  EXPECT_EQ(changed(options, {5, 5, 5, 5}, zeros), expected);
  // So long that the power overflows: as low as can be, and no infinity.
  options.dry_base = 1000;
  Tokens many(300, 5);
  EXPECT_EQ(changed(options, many, zeros)[5],
            -std::numeric_limits<float>::max());
}

/// The same by definition, for any history.
TEST(Samplers, DryEqualsTheDefinition) {
  espalier_generate_options options = defaults();
  options.dry_multiplier = 0.5f;
  options.dry_base = 1.5f;
  options.dry_allowed_length = 2;
  uint32_t state = 1;
  for (int round = 0; round < 300; ++round) {
    Tokens history;
    for (int i = 0; i < 40; ++i) {
      state = state * 1664525 + 1013904223;
      history.push_back(int32_t(state >> 30)); // of four tokens
    }
    std::vector<float> expected(4);
    for (int32_t token = 0; token < 4; ++token) {
      size_t longest = 0;
      for (size_t at = 1; at < history.size(); ++at) {
        size_t n = 0;
        while (history[at] == token && n < at &&
               history[at - 1 - n] == history[history.size() - 1 - n])
          ++n;
        longest = std::max(longest, n);
      }
      double penalty = 0.5;
      for (size_t n = 2; n < longest; ++n)
        penalty *= 1.5;
      if (longest >= 2)
        expected[size_t(token)] -= float(penalty);
    }
    ASSERT_EQ(changed(options, history, std::vector<float>(4)), expected);
  }
}

TEST(Samplers, DryStopsAtBreakers) {
  Opened m;
  m.fakeModel.addTokenizer();
  auto tokenizer = text::Tokenizer::load(m.fakeModel.tokenizer);
  ASSERT_TRUE(tokenizer);
  // Letters a to z are 0 to 25, "ab" is 29.
  Tokens history = {0, 1, 2, 3, 4, 0, 1, 2};
  auto penaltyOn3 = [&](std::vector<const char *> breakers) {
    espalier_generate_options options = defaults();
    options.dry_multiplier = 1;
    options.dry_base = 2;
    options.dry_breakers = breakers.data();
    options.dry_breaker_count = uint32_t(breakers.size());
    if (breakers.empty()) {
      static const char *const none[] = {nullptr};
      options.dry_breakers = none;
    }
    LogitChanges changes(options, *tokenizer);
    std::vector<float> logits(fake::vocab);
    // What came before is searched only once.
    changes.apply(std::span(history).first(4), logits);
    logits.assign(fake::vocab, 0.0f);
    changes.apply(history, logits);
    return logits[3];
  };
  EXPECT_EQ(penaltyOn3({}), -2);       // a b c
  EXPECT_EQ(penaltyOn3({"a"}), -1);    // b c
  EXPECT_EQ(penaltyOn3({"ea"}), -1);   // over two tokens
  EXPECT_EQ(penaltyOn3({"e"}), -2);    // a b c
  EXPECT_EQ(penaltyOn3({"b"}), 0);     // c
  EXPECT_EQ(penaltyOn3({"bc"}), 0);    // none
  EXPECT_EQ(penaltyOn3({"abcd"}), -2); // stood there once
  EXPECT_EQ(penaltyOn3({"d"}), 0);     // the token itself is one
  EXPECT_EQ(penaltyOn3({"\n", "x"}), -2);
}

TEST(Samplers, LogProbabilities) {
  std::vector<float> logits = logitsOf({0.25, 0.5, 0.125, 0.125});
  logits.push_back(-INFINITY);
  logits.push_back(NAN);
  LogProbabilities probabilities;
  probabilities.compute(logits.data(), 6, 3);
  EXPECT_NEAR(probabilities.of(0), std::log(0.25), 1e-6);
  EXPECT_NEAR(probabilities.of(1), std::log(0.5), 1e-6);
  EXPECT_EQ(probabilities.of(4), -INFINITY);
  ASSERT_EQ(probabilities.top().size(), 3u);
  EXPECT_EQ(probabilities.top()[0].token, 1);
  EXPECT_EQ(probabilities.top()[1].token, 0);
  EXPECT_EQ(probabilities.top()[2].token, 2); // of equals the lower id
  EXPECT_EQ(probabilities.top()[2].logprob, probabilities.of(3));
  probabilities.compute(logits.data(), 6, 6);
  EXPECT_EQ(probabilities.top().size(), 4u); // none of probability 0
  logits[2] = INFINITY;
  probabilities.compute(logits.data(), 6, 6);
  ASSERT_EQ(probabilities.top().size(), 1u);
  EXPECT_EQ(probabilities.of(2), 0);
}

TEST(Samplers, Logarithm) {
  EXPECT_EQ(logExact(1), 0);
  double worst = 0;
  for (double x = 0x1p-1000; x < 0x1p1000; x *= 1.0078125) {
    double want = std::log(x);
    if (want != 0)
      worst = std::max(worst, std::fabs(logExact(x) - want) / std::fabs(want));
  }
  EXPECT_LT(worst, 4e-16);
  EXPECT_EQ(logExact(2), 0x1.62e42fefa39efp-1);
}

/// These may never change either.
TEST(Samplers, KnownTokensOfASeed) {
  std::vector<float> logits;
  for (int i = 0; i < 1000; ++i)
    logits.push_back(float((i * 37) % 101) / 25.0f);
  espalier_generate_options options = defaults();
  options.temperature = 0.7f;
  options.typical_p = 0.6f;
  options.min_p = 0.1f;
  options.top_k = 300;
  options.top_p = 0.8f;
  options.seed = 3;
  Sampler sampler(options);
  Tokens tokens;
  for (int i = 0; i < 6; ++i)
    tokens.push_back(*sampler.next(logits.data(), 1000));
  EXPECT_EQ(tokens, Tokens({764, 532, 554, 988, 835, 180}));
}
