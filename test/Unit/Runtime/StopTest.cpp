//===- StopTest.cpp - Texts and tokens that end a text ----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Core/StopStrings.h"
#include "Fixture.h"
#include "espalier/Support/Utf8.h"

#include <algorithm>
#include <cmath>

using namespace espalier::runtime;

namespace {

/// What is shown of `text`, given in pieces of `size` bytes, and whether a stop
/// text was found.
std::pair<std::string, bool> shown(const std::vector<const char *> &stops,
                                   const std::string &text, size_t size) {
  StopStrings filter(stops.data(), uint32_t(stops.size()));
  std::string out;
  for (size_t at = 0; at < text.size() && !filter.found(); at += size) {
    std::string piece = filter.push(std::string_view(text).substr(at, size));
    out += piece;
    // Never shown, not even for a moment.
    for (const char *stop : stops)
      EXPECT_EQ(out.find(stop), std::string::npos);
  }
  if (!filter.found())
    out += filter.finish();
  return {out, filter.found()};
}

/// The same by definition.
std::pair<std::string, bool> expected(const std::vector<const char *> &stops,
                                      const std::string &text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t begin = std::string::npos;
    for (const char *stop : stops) {
      std::string_view view = stop;
      if (view.size() <= end &&
          text.compare(end - view.size(), view.size(), view) == 0)
        begin = std::min(begin, end - view.size());
    }
    if (begin != std::string::npos)
      return {text.substr(0, begin), true};
  }
  return {text, false};
}

struct Told {
  Tokens tokens;
  std::string text;
  std::vector<float> logprobs;
  std::vector<std::vector<espalier_logprob>> top;
};

int onEvent(void *user, const espalier_event *event) {
  auto &told = *static_cast<Told *>(user);
  EXPECT_EQ(event->size, sizeof(*event));
  told.text.append(event->text, event->bytes);
  if (event->token < 0)
    return 0;
  told.tokens.push_back(event->token);
  told.logprobs.push_back(event->logprob);
  told.top.emplace_back(event->top, event->top + event->top_count);
  return 0;
}

Told generated(Opened &m, espalier_generate_options options,
               espalier_timing *timing = nullptr) {
  Told told;
  options.event = onEvent;
  int32_t prompt = 3;
  m.status = espalier_generate(m.session, &prompt, 1, &options, nullptr, &told,
                               timing);
  return told;
}

} // namespace

TEST(Stops, HeldBackHoweverTheTextIsCut) {
  std::vector<std::vector<const char *>> lists = {
      {"ab"},       {"aab"}, {"b", "aaab"},    {"abab"},        {"ba", "aba"},
      {"aa", "bb"}, {"abc"}, {"aabaab", "ba"}, {"bbbb", "bbb"}, {"cab", "c"}};
  uint32_t state = 1;
  for (int round = 0; round < 400; ++round) {
    std::string text;
    for (int i = 0; i < 14; ++i) {
      state = state * 1664525 + 1013904223;
      text += "aabbc"[(state >> 20) % 5];
    }
    for (auto &stops : lists)
      for (size_t size : {1u, 2u, 3u, 5u, 14u})
        ASSERT_EQ(shown(stops, text, size), expected(stops, text))
            << text << " " << stops[0] << " " << size;
  }
}

TEST(Stops, WholeCharacters) {
  // Two characters that begin with the same byte.
  StopStrings filter(std::vector<const char *>{"\u00e9!"}.data(), 1);
  EXPECT_EQ(filter.push("\u00e8"), "\u00e8");
  EXPECT_EQ(filter.push("\u00e9"), "");
  EXPECT_EQ(filter.push("\u00e9"), "\u00e9");
  EXPECT_EQ(filter.finish(), "\u00e9");
}

TEST(Stops, EndAGenerationAnywhereInItsText) {
  Opened whole;
  whole.fakeModel.addTokenizer();
  ASSERT_EQ(whole.open(), ESPALIER_OK);
  espalier_generate_options options;
  espalier_generate_options_init(&options);
  options.temperature = 1;
  options.seed = 8;
  options.max_tokens = 40;
  options.ignore_eos = 1;
  Told all = generated(whole, options);
  ASSERT_GE(all.text.size(), 20u);
  for (size_t at = 0; at + 3 <= 20; ++at) {
    std::string stop = all.text.substr(at, 3);
    if (!espalier::isValidUtf8(stop))
      continue;
    espalier_session_truncate(whole.session, 0);
    const char *stops[] = {"never there", stop.c_str()};
    options.stops = stops;
    options.stop_count = 2;
    espalier_timing timing = {};
    timing.size = sizeof(timing);
    Told told = generated(whole, options, &timing);
    EXPECT_EQ(whole.status, ESPALIER_OK);
    EXPECT_EQ(timing.finish, uint32_t(ESPALIER_FINISH_STOP));
    EXPECT_EQ(told.text, all.text.substr(0, all.text.find(stop)));
    EXPECT_EQ(told.tokens, prefix(all.tokens, told.tokens.size()));
    // The last token is not in the cache.
    EXPECT_EQ(espalier_session_length(whole.session), told.tokens.size());
  }
}

TEST(Stops, WhatIsHeldBackComesAtTheEnd) {
  Opened m;
  m.fakeModel.addTokenizer();
  ASSERT_EQ(m.open(), ESPALIER_OK);
  espalier_generate_options options;
  espalier_generate_options_init(&options);
  options.ignore_eos = 1;
  options.max_tokens = 9;
  Told all = generated(m, options);
  std::string stop = all.text + " and more";
  const char *stops[] = {stop.c_str()};
  options.stops = stops;
  options.stop_count = 1;
  espalier_session_truncate(m.session, 0);
  espalier_timing timing = {};
  timing.size = sizeof(timing);
  Told told = generated(m, options, &timing);
  EXPECT_EQ(told.text, all.text);
  EXPECT_EQ(told.tokens, all.tokens);
  EXPECT_EQ(timing.finish, uint32_t(ESPALIER_FINISH_LENGTH));
}

TEST(Stops, Tokens) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  espalier_generate_options options;
  espalier_generate_options_init(&options);
  options.max_tokens = 12;
  Told all = generated(m, options);
  size_t at = 5;
  while (std::find(all.tokens.begin(), all.tokens.begin() + ptrdiff_t(at),
                   all.tokens[at]) != all.tokens.begin() + ptrdiff_t(at))
    ++at;
  int32_t ends[] = {all.tokens[at], 49};
  options.end_tokens = ends;
  options.end_token_count = 1;
  options.ignore_eos = 1; // the model's, not these
  espalier_session_truncate(m.session, 0);
  espalier_timing timing = {};
  timing.size = sizeof(timing);
  Told told = generated(m, options, &timing);
  EXPECT_EQ(told.tokens, prefix(all.tokens, at));
  EXPECT_EQ(timing.finish, uint32_t(ESPALIER_FINISH_END));
  EXPECT_EQ(espalier_session_length(m.session), 1 + at);
}

TEST(Stops, LogProbabilitiesAreOfTheModelsOwnLogits) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  espalier_generate_options options;
  espalier_generate_options_init(&options);
  options.temperature = 3;
  options.presence_penalty = 5;
  options.max_tokens = 10;
  options.logprobs = 4;
  Told told = generated(m, options);
  ASSERT_EQ(told.tokens.size(), 10u);
  Tokens seen = {3};
  for (size_t i = 0; i < 10; ++i) {
    std::vector<float> logits = m.fakeModel.logitsAfter(seen);
    double total = 0;
    for (float logit : logits)
      total += std::exp(double(logit));
    EXPECT_NEAR(told.logprobs[i],
                double(logits[size_t(told.tokens[i])]) - std::log(total), 1e-5);
    ASSERT_EQ(told.top[i].size(), 4u);
    EXPECT_EQ(told.top[i][0].token, m.fakeModel.greedyAfter(seen));
    seen.push_back(told.tokens[i]);
  }
}

TEST(Stops, OptionsOutOfRange) {
  Opened m;
  m.fakeModel.addTokenizer();
  ASSERT_EQ(m.open(), ESPALIER_OK);
  auto expectError = [&](auto set, const char *message) {
    espalier_generate_options options;
    espalier_generate_options_init(&options);
    set(options);
    generated(m, options);
    EXPECT_EQ(m.status, ESPALIER_ERROR_ARGUMENT) << message;
    EXPECT_STREQ(espalier_last_error(), message);
  };
  using O = espalier_generate_options;
  expectError([](O &o) { o.min_p = -0.5f; },
              "min_p: expected 0 to 1, got -0.5");
  expectError([](O &o) { o.min_p = NAN; }, "min_p: expected 0 to 1, got nan");
  expectError([](O &o) { o.typical_p = 0; },
              "typical_p: expected more than 0 and at most 1, got 0");
  expectError([](O &o) { o.repeat_penalty = 0; },
              "repeat_penalty: expected more than 0, got 0");
  expectError([](O &o) { o.frequency_penalty = INFINITY; },
              "frequency_penalty: expected a number, got inf");
  expectError([](O &o) { o.presence_penalty = NAN; },
              "presence_penalty: expected a number, got nan");
  expectError([](O &o) { o.repeat_last_n = -2; },
              "repeat_last_n: expected -1 or more, got -2");
  expectError([](O &o) { o.dry_multiplier = -1; },
              "dry_multiplier: expected 0 or more, got -1");
  expectError([](O &o) { o.dry_base = 0.5f; },
              "dry_base: expected 1 or more, got 0.5");
  expectError([](O &o) { o.dry_allowed_length = 0; },
              "dry_allowed_length: expected 1 or more, got 0");
  expectError([](O &o) { o.dry_last_n = -5; },
              "dry_last_n: expected -1 or more, got -5");
  expectError([](O &o) { o.logprobs = 51; },
              "logprobs: expected at most the vocabulary's 50, got 51");
  static const espalier_logit_bias outside = {50, 1}, infinite = {1, INFINITY};
  auto bias = [](const espalier_logit_bias *bias) {
    return [bias](O &o) {
      o.logit_bias = bias;
      o.logit_bias_count = 1;
    };
  };
  expectError(bias(&outside), "logit_bias: expected an id of 0 to 49, got 50");
  expectError(bias(&infinite),
              "logit_bias: expected a number or -infinity, got inf");
  auto stop = [](const char *const *text) {
    return [text](O &o) {
      o.stops = text;
      o.stop_count = 1;
    };
  };
  static const char *const empty = "", *const bytes = "\xc3";
  expectError(stop(&empty), "stops: text 0: expected 1 to 1024 bytes, got 0");
  expectError(stop(&bytes), "stops: text 0: expected UTF-8, got other bytes");
  Opened mute; // no tokenizer
  ASSERT_EQ(mute.open(), ESPALIER_OK);
  espalier_generate_options options;
  espalier_generate_options_init(&options);
  static const char *const word = "a";
  stop (&word)(options);
  generated(mute, options);
  EXPECT_EQ(mute.status, ESPALIER_ERROR_UNSUPPORTED);
}
