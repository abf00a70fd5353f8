//===- GenerateTest.cpp - Sampling and generation ---------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Core/Sampling.h"
#include "Fixture.h"

#include <cmath>
#include <map>
#include <thread>

using namespace espalier::runtime;

namespace {

espalier_generate_options optionsWith(float temperature, uint32_t topK = 0,
                                      float topP = 1, uint64_t seed = 0) {
  espalier_generate_options options;
  espalier_generate_options_init(&options);
  options.temperature = temperature;
  options.top_k = topK;
  options.top_p = topP;
  options.seed = seed;
  return options;
}

std::map<int32_t, int> histogram(const espalier_generate_options &options,
                                 const std::vector<float> &logits, int draws) {
  Sampler sampler(options);
  std::map<int32_t, int> counts;
  for (int i = 0; i < draws; ++i)
    ++counts[sampler.next(logits.data(), uint32_t(logits.size())).value_or(-1)];
  return counts;
}

int collect(void *user, int32_t token, const char *, size_t) {
  static_cast<Tokens *>(user)->push_back(token);
  return 0;
}

Tokens generated(Opened &m, const Tokens &prompt,
                 const espalier_generate_options &options,
                 espalier_timing *timing = nullptr) {
  Tokens tokens;
  m.status = espalier_generate(m.session, prompt.data(), prompt.size(),
                               &options, collect, &tokens, timing);
  return tokens;
}

} // namespace

TEST(Sampling, GreedyTakesTheLowestOfEquals) {
  std::vector<float> logits = {1, 3, NAN, 3, 2};
  EXPECT_EQ(greedyToken(logits.data(), 5), 1);
  // The same for every place in lanes and rest.
  for (size_t count : {15, 16, 17, 40})
    for (size_t first = 0; first < count; ++first) {
      logits.assign(count, NAN);
      logits[first] = logits.back() = -2;
      EXPECT_EQ(greedyToken(logits.data(), uint32_t(count)), int32_t(first));
      logits[count / 2] = -1;
      EXPECT_EQ(greedyToken(logits.data(), uint32_t(count)),
                int32_t(count / 2));
    }
  logits = {NAN, -INFINITY, NAN};
  EXPECT_EQ(greedyToken(logits.data(), 3), std::nullopt);
  logits = {NAN, -5, INFINITY};
  EXPECT_EQ(Sampler(optionsWith(1)).next(logits.data(), 3), 2);
}

TEST(Sampling, FrequenciesFollowTheWeights) {
  // Probabilities 1/2, 1/4, 1/8, 1/8 at temperature 1; NaN and -inf never.
  float ln2 = std::log(2.0f);
  std::vector<float> logits = {-ln2, 0, -2 * ln2, NAN, -2 * ln2, -INFINITY};
  int draws = 40000;
  auto counts = histogram(optionsWith(1), logits, draws);
  EXPECT_NEAR(counts[1], draws * 0.5, 600); // six standard deviations
  EXPECT_NEAR(counts[0], draws * 0.25, 520);
  EXPECT_NEAR(counts[2], draws * 0.125, 400);
  EXPECT_NEAR(counts[4], draws * 0.125, 400);
  EXPECT_EQ(counts.size(), 4u);
  // Half the temperature squares the weights: 16/22, 4/22, 1/22, 1/22.
  counts = histogram(optionsWith(0.5f), logits, draws);
  EXPECT_NEAR(counts[1], draws * 16 / 22.0, 540);
  EXPECT_NEAR(counts[2], draws / 22.0, 250);
}

TEST(Sampling, TopKAndTopPCut) {
  float ln2 = std::log(2.0f);
  std::vector<float> logits = {-2 * ln2, 0, -ln2, -2 * ln2};
  auto counts = histogram(optionsWith(1, 2), logits, 3000);
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_NEAR(counts[1], 2000, 160);
  EXPECT_EQ(counts.count(1) + counts.count(2), 2u);
  // Of equals at the border, the lower id stays.
  counts = histogram(optionsWith(1, 3), logits, 3000);
  EXPECT_EQ(counts.count(0), 1u);
  EXPECT_EQ(counts.count(3), 0u);
  EXPECT_EQ(histogram(optionsWith(1, 1), logits, 100).size(), 1u);
  // The first reaches 0.5 alone; 0.51 needs the second.
  EXPECT_EQ(histogram(optionsWith(1, 0, 0.5f), logits, 1000).size(), 1u);
  EXPECT_EQ(histogram(optionsWith(1, 0, 0.51f), logits, 1000).size(), 2u);
  EXPECT_EQ(histogram(optionsWith(1, 0, 0.9f), logits, 1000).size(), 4u);
  EXPECT_EQ(histogram(optionsWith(1, 2, 0.9f), logits, 1000).size(), 2u);
}

TEST(Sampling, NucleusOfManyCandidates) {
  // All equal: half of 5000 reaches 0.5, beyond the first batch that is sorted.
  std::vector<float> logits(5000, 1.0f);
  auto counts = histogram(optionsWith(1, 0, 0.5f), logits, 500);
  EXPECT_LT(counts.rbegin()->first, 2500);
  EXPECT_GT(counts.rbegin()->first, 2300);
}

/// The text of a seed is part of the interface: these may never change.
TEST(Sampling, KnownTokensOfASeed) {
  std::vector<float> logits;
  for (int i = 0; i < 1000; ++i)
    logits.push_back(float((i * 37) % 101) / 25.0f);
  Sampler sampler(optionsWith(0.8f, 0, 1, 42)),
      cut(optionsWith(1, 40, 0.9f, 7));
  Tokens a, b;
  for (int i = 0; i < 6; ++i) {
    a.push_back(*sampler.next(logits.data(), 1000));
    b.push_back(*cut.next(logits.data(), 1000));
  }
  EXPECT_EQ(a, Tokens({161, 280, 345, 38, 868, 221}));
  EXPECT_EQ(b, Tokens({30, 221, 90, 565, 838, 666}));
}

TEST(Generate, GreedyEqualsTheDefinition) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  Tokens prompt = someTokens(19), seen = prompt, expected;
  for (int i = 0; i < 12; ++i) {
    expected.push_back(m.fakeModel.greedyAfter(seen));
    seen.push_back(expected.back());
  }
  espalier_generate_options options = optionsWith(0);
  options.max_tokens = 12;
  espalier_timing timing = {};
  timing.size = sizeof(timing);
  EXPECT_EQ(generated(m, prompt, options, &timing), expected);
  EXPECT_EQ(m.status, ESPALIER_OK);
  EXPECT_EQ(timing.prompt_tokens, 19u);
  EXPECT_EQ(timing.new_tokens, 12u);
  EXPECT_GT(timing.prompt_seconds, 0);
  EXPECT_GT(timing.decode_seconds, 0);
  // All but the last are in the cache.
  EXPECT_EQ(espalier_session_length(m.session), 19u + 11);
}

TEST(Generate, SameSeedSameTokens) {
  Tokens first, other;
  for (uint32_t threads : {1u, 2u, 3u}) {
    Opened m;
    m.options.threads = threads;
    ASSERT_EQ(m.open(), ESPALIER_OK);
    espalier_generate_options options = optionsWith(1, 20, 0.95f, 5);
    options.max_tokens = 30;
    Tokens tokens = generated(m, {1, 2, 3}, options);
    if (first.empty())
      first = tokens;
    EXPECT_EQ(tokens, first);
    options.seed = 6;
    espalier_session_truncate(m.session, 0);
    EXPECT_NE(generated(m, {1, 2, 3}, options), first);
  }
  EXPECT_EQ(first.size(), 30u);
}

TEST(Generate, EndsAtEndOfTextAndAtTheContext) {
  Opened probe;
  ASSERT_EQ(probe.open(), ESPALIER_OK);
  espalier_generate_options options = optionsWith(0);
  options.max_tokens = 20;
  Tokens all = generated(probe, {9}, options);
  Opened m;
  m.options.context = 15;
  m.fakeModel.eos = {all[5]};
  m.fakeModel.card.eos_count = 1;
  m.fakeModel.card.eos_tokens = m.fakeModel.eos.data();
  ASSERT_EQ(m.open(), ESPALIER_OK);
  Tokens untilEnd = generated(m, {9}, optionsWith(0));
  EXPECT_EQ(m.status, ESPALIER_OK);
  size_t end = size_t(std::find(all.begin(), all.end(), all[5]) - all.begin());
  EXPECT_EQ(untilEnd, prefix(all, end));
  // Ignored, it goes on until the context is full: 15 tokens are in the cache,
  // and one more came out of the last.
  espalier_session_truncate(m.session, 0);
  options.ignore_eos = 1;
  EXPECT_EQ(generated(m, {9}, options), prefix(all, 15));
  EXPECT_EQ(m.status, ESPALIER_OK);
  EXPECT_EQ(espalier_session_length(m.session), 15u);
}

TEST(Generate, StoppedByTheCallbackAndFromAnotherThread) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  Tokens prompt = {1, 2};
  espalier_generate_options options = optionsWith(0);
  int calls = 0;
  auto third = [](void *user, int32_t, const char *, size_t) {
    return int(++*static_cast<int *>(user) == 3);
  };
  EXPECT_EQ(espalier_generate(m.session, prompt.data(), 2, &options, third,
                              &calls, nullptr),
            ESPALIER_CANCELLED);
  EXPECT_EQ(calls, 3);
  auto cancel = [](void *user, int32_t, const char *, size_t) {
    espalier_cancel(static_cast<espalier_session *>(user));
    return 0;
  };
  EXPECT_EQ(espalier_generate(m.session, prompt.data(), 2, &options, cancel,
                              m.session, nullptr),
            ESPALIER_CANCELLED);
  fake::stepMilliseconds = 5;
  fake::stepCount = 0;
  std::thread canceller([&] {
    while (fake::stepCount < 3)
      std::this_thread::yield();
    espalier_cancel(m.session);
  });
  EXPECT_EQ(espalier_generate(m.session, prompt.data(), 2, &options, nullptr,
                              nullptr, nullptr),
            ESPALIER_CANCELLED);
  canceller.join();
  fake::stepMilliseconds = 0;
  espalier_session_truncate(m.session, 0);
  EXPECT_EQ(m.step({3}), m.fakeModel.logitsAfter({3}));
}

TEST(Generate, Refusals) {
  Opened m;
  m.options.context = 10;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  Tokens prompt = {1};
  auto status = [&](const espalier_generate_options &options) {
    return espalier_generate(m.session, prompt.data(), prompt.size(), &options,
                             nullptr, nullptr, nullptr);
  };
  EXPECT_EQ(status(optionsWith(-1)), ESPALIER_ERROR_ARGUMENT);
  EXPECT_EQ(status(optionsWith(NAN)), ESPALIER_ERROR_ARGUMENT);
  EXPECT_EQ(status(optionsWith(1, 0, 0)), ESPALIER_ERROR_ARGUMENT);
  EXPECT_EQ(status(optionsWith(1, 0, 1.5f)), ESPALIER_ERROR_ARGUMENT);
  prompt = {};
  EXPECT_EQ(status(optionsWith(0)), ESPALIER_ERROR_ARGUMENT);
  prompt = {50};
  EXPECT_EQ(status(optionsWith(0)), ESPALIER_ERROR_ARGUMENT);
  prompt = Tokens(11, 1);
  EXPECT_EQ(status(optionsWith(0)), ESPALIER_ERROR_CONTEXT);
  int32_t *ids;
  size_t count;
  EXPECT_EQ(espalier_tokenize(m.model, "a", 1, 0, &ids, &count),
            ESPALIER_ERROR_UNSUPPORTED);
  EXPECT_STREQ(espalier_last_error(),
               "model 'fake' has no tokenizer: a fake model has none");
}
