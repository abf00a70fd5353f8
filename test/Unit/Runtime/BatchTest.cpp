//===- BatchTest.cpp - Several sequences in one step ------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Fixture.h"

#include <chrono>
#include <memory>
#include <thread>

namespace {

/// Sessions of one model, each with a history of its own.
struct Several {
  explicit Several(Opened &m, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      espalier_session *session = nullptr;
      EXPECT_EQ(espalier_session_create(m.model, &session), ESPALIER_OK);
      sessions.push_back(session);
    }
  }
  ~Several() {
    for (espalier_session *session : sessions)
      espalier_session_destroy(session);
  }
  std::vector<espalier_session *> sessions;
};

/// One session's share of a step, all rows wanted.
struct Part {
  Tokens tokens, parents;
  std::vector<uint32_t> wanted;
  std::vector<float> logits, hidden;
  espalier_step_request request = {};

  Part(Tokens tokens, Tokens parents = {}, bool wantsHidden = true)
      : tokens(std::move(tokens)), parents(std::move(parents)) {
    size_t count = this->tokens.size();
    for (uint32_t i = 0; i < count; ++i)
      wanted.push_back(i);
    logits.resize(count * fake::vocab);
    hidden.resize((fake::layers + 1) * count * fake::hidden);
    request = fake::requestFor(this->tokens);
    request.parents = this->parents.empty() ? nullptr : this->parents.data();
    request.wanted_count = uint32_t(count);
    request.wanted = wanted.data();
    request.logits = logits.data();
    request.hidden = wantsHidden ? hidden.data() : nullptr;
  }
  Part(Part &&) = default;
};

espalier_status stepBatch(Opened &m,
                          const std::vector<espalier_session *> &sessions,
                          const std::vector<Part> &parts) {
  std::vector<espalier_step_request> requests;
  for (const Part &part : parts)
    requests.push_back(part.request);
  return espalier_step_batch(m.model, sessions.data(), requests.data(),
                             uint32_t(sessions.size()));
}

/// Logits and states of a part's row, whose tokens from the beginning are
/// `seen`.
void expectRow(const Opened &m, const Part &part, size_t row,
               const Tokens &seen) {
  ASSERT_EQ(rowOf(part.logits, row), m.fakeModel.logitsAfter(seen)) << row;
  if (!part.request.hidden)
    return;
  std::vector<float> states = m.fakeModel.hiddenAfter(seen);
  size_t count = part.tokens.size();
  for (size_t layer = 0; layer <= fake::layers; ++layer)
    for (size_t i = 0; i < fake::hidden; ++i)
      ASSERT_EQ(part.hidden[(layer * count + row) * fake::hidden + i],
                states[layer * fake::hidden + i]);
}

} // namespace

TEST(Batch, EachSequenceGetsWhatItGetsAlone) {
  // Calls take 16 rows, so that requests are cut, and share calls.
  for (std::vector<uint32_t> counts : {std::vector<uint32_t>{1, 1, 1},
                                       {3, 20, 1},
                                       {16, 16, 16},
                                       {40, 2, 33}}) {
    Opened m;
    ASSERT_EQ(m.open(), ESPALIER_OK);
    Several several(m, 3);
    std::vector<Tokens> seen(3);
    for (int round = 0; round < 3; ++round) {
      std::vector<Part> parts;
      for (uint32_t i = 0; i < 3; ++i)
        parts.emplace_back(someTokens(counts[i], uint32_t(round) * 11 + i * 5),
                           Tokens(), i != 1);
      ASSERT_EQ(stepBatch(m, several.sessions, parts), ESPALIER_OK)
          << espalier_last_error();
      for (size_t i = 0; i < 3; ++i)
        for (size_t r = 0; r < parts[i].tokens.size(); ++r) {
          seen[i].push_back(parts[i].tokens[r]);
          expectRow(m, parts[i], r, seen[i]);
        }
    }
    for (size_t i = 0; i < 3; ++i) {
      ASSERT_EQ(espalier_session_length(several.sessions[i]), seen[i].size());
      const int32_t *tokens = espalier_session_tokens(several.sessions[i]);
      EXPECT_EQ(Tokens(tokens, tokens + seen[i].size()), seen[i]);
    }
  }
}

TEST(Batch, TreesBesideChains) {
  Tokens tree = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
  Tokens parents = {-1, 0, 0, -1, 1, 3, 4, 5, 6, 2};
  for (uint32_t chain : {1u, 5u, 21u}) {
    Opened m;
    ASSERT_EQ(m.open(), ESPALIER_OK);
    Several several(m, 3);
    std::vector<Part> prompts;
    for (uint32_t i = 0; i < 3; ++i)
      prompts.emplace_back(someTokens(9 + i * 6, i));
    ASSERT_EQ(stepBatch(m, several.sessions, prompts), ESPALIER_OK);
    std::vector<Part> parts;
    parts.emplace_back(someTokens(chain, 30));
    parts.emplace_back(tree, parents);
    parts.emplace_back(someTokens(chain + 1, 31));
    ASSERT_EQ(stepBatch(m, several.sessions, parts), ESPALIER_OK);
    for (size_t i : {size_t(0), size_t(2)}) {
      Tokens seen = prompts[i].tokens;
      for (size_t r = 0; r < parts[i].tokens.size(); ++r) {
        seen.push_back(parts[i].tokens[r]);
        expectRow(m, parts[i], r, seen);
      }
    }
    for (size_t row = 0; row < tree.size(); ++row) {
      Tokens path;
      for (int32_t at = int32_t(row); at >= 0; at = parents[size_t(at)])
        path.insert(path.begin(), tree[size_t(at)]);
      Tokens seen = prompts[1].tokens;
      seen.insert(seen.end(), path.begin(), path.end());
      expectRow(m, parts[1], row, seen);
    }
    EXPECT_EQ(espalier_session_length(several.sessions[1]), 15u);
    ASSERT_EQ(espalier_commit(several.sessions[1], 6), ESPALIER_OK);
    Tokens seen = prompts[1].tokens;
    for (int32_t token : {10, 11, 14, 16})
      seen.push_back(token);
    const int32_t *tokens = espalier_session_tokens(several.sessions[1]);
    EXPECT_EQ(Tokens(tokens, tokens + seen.size()), seen);
    seen.push_back(4);
    std::vector<Part> next;
    next.emplace_back(Tokens{4});
    ASSERT_EQ(stepBatch(m, {several.sessions[1]}, next), ESPALIER_OK);
    expectRow(m, next[0], 0, seen);
  }
}

TEST(Batch, OneStepForAll) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  Several several(m, 8);
  std::vector<Part> parts;
  for (int32_t i = 0; i < 8; ++i)
    parts.emplace_back(Tokens{i, 7}, Tokens(), false);
  fake::stepCount = 0;
  ASSERT_EQ(stepBatch(m, several.sessions, parts), ESPALIER_OK);
  EXPECT_EQ(fake::stepCount, 1u);
}

TEST(Batch, Refusals) {
  Opened m, other;
  m.options.context = 20;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  ASSERT_EQ(other.open(), ESPALIER_OK);
  Several several(m, 2);
  auto parts = [](uint32_t first, uint32_t second) {
    std::vector<Part> list;
    list.emplace_back(someTokens(first));
    list.emplace_back(someTokens(second));
    return list;
  };
  auto &s = several.sessions;
  EXPECT_EQ(stepBatch(m, {s[0], s[0]}, parts(1, 1)), ESPALIER_ERROR_ARGUMENT);
  EXPECT_STREQ(espalier_last_error(),
               "sequence 1: its session is that of sequence 0 too: each takes "
               "a session of its own");
  EXPECT_EQ(stepBatch(m, {s[0], other.session}, parts(1, 1)),
            ESPALIER_ERROR_ARGUMENT);
  EXPECT_STREQ(espalier_last_error(),
               "sequence 1: expected a session of model 'fake', got one of "
               "another model");
  EXPECT_EQ(stepBatch(m, {s[0], nullptr}, parts(1, 1)),
            ESPALIER_ERROR_ARGUMENT);
  EXPECT_EQ(stepBatch(m, s, parts(4, 21)), ESPALIER_ERROR_CONTEXT);
  EXPECT_EQ(std::string(espalier_last_error()).find("sequence 1: 21 tokens"),
            0u);
  std::vector<Part> bad = parts(3, 3);
  bad[1].tokens[1] = 50;
  EXPECT_EQ(stepBatch(m, s, bad), ESPALIER_ERROR_ARGUMENT);
  EXPECT_EQ(espalier_step_batch(m.model, s.data(), nullptr, 2),
            ESPALIER_ERROR_ARGUMENT);
  EXPECT_EQ(espalier_step_batch(m.model, s.data(), &bad[0].request, 0),
            ESPALIER_ERROR_ARGUMENT);
  EXPECT_EQ(espalier_session_length(s[0]), 0u);
}

TEST(Batch, CancelledLeavesAllAsTheyWere) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  Several several(m, 2);
  std::vector<Part> parts;
  parts.emplace_back(someTokens(100), Tokens(), false);
  parts.emplace_back(someTokens(100, 1), Tokens(), false);
  fake::stepMilliseconds = 10;
  fake::stepCount = 0;
  std::thread canceller([&] {
    while (fake::stepCount == 0)
      std::this_thread::yield();
    espalier_cancel(several.sessions[1]);
  });
  EXPECT_EQ(stepBatch(m, several.sessions, parts), ESPALIER_CANCELLED);
  canceller.join();
  fake::stepMilliseconds = 0;
  EXPECT_EQ(espalier_session_length(several.sessions[0]), 0u);
  EXPECT_EQ(espalier_session_length(several.sessions[1]), 0u);
}

//===--- Generation -------------------------------------------------------===//

namespace {

struct Text {
  Tokens tokens;
  size_t stopAfter = SIZE_MAX;
};

int collect(void *user, int32_t token, const char *, size_t) {
  auto &text = *static_cast<Text *>(user);
  if (token >= 0)
    text.tokens.push_back(token);
  return text.tokens.size() >= text.stopAfter;
}

/// Options that differ in everything.
espalier_generate_options optionsOf(size_t i) {
  espalier_generate_options options;
  espalier_generate_options_init(&options);
  options.temperature = i % 2 ? 1.0f : 0.0f;
  options.seed = i;
  options.max_tokens = uint32_t(5 + i * 7);
  options.min_p = i == 3 ? 0.1f : 0.0f;
  options.presence_penalty = i == 2 ? 3.0f : 0.0f;
  return options;
}

} // namespace

TEST(Batch, GeneratesWhatEachGeneratesAlone) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  constexpr size_t count = 5;
  std::vector<Text> alone(count), together(count);
  std::vector<Tokens> prompts;
  std::vector<espalier_generate_options> options;
  for (uint32_t i = 0; i < count; ++i) {
    prompts.push_back(someTokens(1 + i * 9, i));
    options.push_back(optionsOf(i));
  }
  alone[4].stopAfter = together[4].stopAfter = 4;
  Several one(m, count), all(m, count);
  for (size_t i = 0; i < count; ++i)
    EXPECT_EQ(espalier_generate(one.sessions[i], prompts[i].data(),
                                prompts[i].size(), &options[i], collect,
                                &alone[i], nullptr),
              i == 4 ? ESPALIER_CANCELLED : ESPALIER_OK);
  std::vector<espalier_timing> timings(count);
  std::vector<espalier_sequence> sequences(count);
  for (size_t i = 0; i < count; ++i) {
    timings[i].size = sizeof(espalier_timing);
    sequences[i] = {sizeof(espalier_sequence),
                    ESPALIER_OK,
                    all.sessions[i],
                    prompts[i].data(),
                    prompts[i].size(),
                    &options[i],
                    collect,
                    &together[i],
                    &timings[i]};
  }
  fake::stepCount = 0;
  ASSERT_EQ(espalier_generate_batch(m.model, sequences.data(), count),
            ESPALIER_OK)
      << espalier_last_error();
  // 1 + 10 + 19 + 28 + 37 rows of prompts; then as long as the longest that
  // runs, which is the fourth.
  EXPECT_EQ(fake::stepCount, 6u + 25);
  for (size_t i = 0; i < count; ++i) {
    EXPECT_EQ(together[i].tokens, alone[i].tokens) << i;
    EXPECT_EQ(sequences[i].status, i == 4 ? ESPALIER_CANCELLED : ESPALIER_OK);
    EXPECT_EQ(timings[i].new_tokens, alone[i].tokens.size());
    EXPECT_EQ(timings[i].finish, uint32_t(i == 4 ? ESPALIER_FINISH_CANCELLED
                                                 : ESPALIER_FINISH_LENGTH));
    EXPECT_EQ(espalier_session_length(all.sessions[i]),
              espalier_session_length(one.sessions[i]));
  }
}

TEST(Batch, GenerationRefusesBeforeAnythingRuns) {
  Opened m;
  m.options.context = 10;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  Several several(m, 2);
  Tokens good = {1}, longOne = someTokens(11);
  espalier_generate_options options = optionsOf(0), wrong = optionsOf(0);
  wrong.min_p = 2;
  auto run = [&](const Tokens &prompt, const espalier_generate_options &o) {
    espalier_sequence sequences[2] = {};
    for (espalier_sequence &sequence : sequences)
      sequence.size = sizeof(sequence);
    sequences[0].session = several.sessions[0];
    sequences[0].prompt = good.data();
    sequences[0].prompt_count = 1;
    sequences[1].session = several.sessions[1];
    sequences[1].prompt = prompt.data();
    sequences[1].prompt_count = prompt.size();
    sequences[1].options = &o;
    return espalier_generate_batch(m.model, sequences, 2);
  };
  fake::stepCount = 0;
  EXPECT_EQ(run(longOne, options), ESPALIER_ERROR_CONTEXT);
  EXPECT_EQ(run({}, options), ESPALIER_ERROR_ARGUMENT);
  EXPECT_EQ(run({1}, wrong), ESPALIER_ERROR_ARGUMENT);
  EXPECT_STREQ(espalier_last_error(),
               "sequence 1: min_p: expected 0 to 1, got 2");
  EXPECT_EQ(fake::stepCount, 0u);
}
