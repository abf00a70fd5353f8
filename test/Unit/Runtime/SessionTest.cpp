//===- SessionTest.cpp - Chains, trees, chunks, cancelling ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Fixture.h"

#include <chrono>
#include <thread>

TEST(Session, ChainEqualsDefinitionHoweverChunked) {
  Tokens tokens = someTokens(70);
  for (uint32_t type : {ESPALIER_F32, ESPALIER_F16, ESPALIER_BF16}) {
    for (uint32_t chunk : {1u, 3u, 16u, 17u, 70u}) {
      Opened m(type);
      ASSERT_EQ(m.open(), ESPALIER_OK) << espalier_last_error();
      for (uint32_t begin = 0; begin < tokens.size(); begin += chunk) {
        Tokens part(tokens.begin() + begin,
                    tokens.begin() + std::min<size_t>(begin + chunk, 70));
        std::vector<float> logits = m.step(part);
        ASSERT_EQ(m.status, ESPALIER_OK) << espalier_last_error();
        for (size_t r = 0; r < part.size(); ++r) {
          Tokens seen = prefix(tokens, begin + r + 1);
          ASSERT_EQ(rowOf(logits, r), m.fakeModel.logitsAfter(seen))
              << "chunk " << chunk << " row " << begin + r;
          std::vector<float> states = m.fakeModel.hiddenAfter(seen);
          for (size_t layer = 0; layer <= fake::layers; ++layer)
            for (size_t i = 0; i < fake::hidden; ++i)
              ASSERT_EQ(m.hidden[(layer * part.size() + r) * fake::hidden + i],
                        states[layer * fake::hidden + i]);
        }
      }
      EXPECT_EQ(espalier_session_length(m.session), 70u);
    }
  }
}

TEST(Session, WantedRowsOnly) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  Tokens tokens = someTokens(40);
  std::vector<uint32_t> wanted = {0, 15, 16, 39};
  std::vector<float> logits(wanted.size() * fake::vocab);
  espalier_step_request request = fake::requestFor(tokens);
  request.wanted_count = 4;
  request.wanted = wanted.data();
  request.logits = logits.data();
  ASSERT_EQ(espalier_step(m.session, &request), ESPALIER_OK);
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_EQ(rowOf(logits, i),
              m.fakeModel.logitsAfter(prefix(tokens, wanted[i] + 1)));
}

TEST(Session, TreeRowsEqualTheirChainsAndCommitKeepsAPath) {
  // A tree of three branches below a prompt that ends in the middle of a tile.
  Tokens prompt = someTokens(21);
  Tokens tree = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
  Tokens parents = {-1, 0, 0, -1, 1, 3, 4, 5, 6, 2};
  for (uint32_t type : {ESPALIER_F32, ESPALIER_F16}) {
    for (int32_t kept = -1; kept < int32_t(tree.size()); ++kept) {
      Opened m(type);
      ASSERT_EQ(m.open(), ESPALIER_OK);
      m.step(prompt);
      std::vector<float> logits = m.step(tree, &parents);
      ASSERT_EQ(m.status, ESPALIER_OK) << espalier_last_error();
      EXPECT_EQ(espalier_session_length(m.session), 21u);
      Tokens keptPath;
      for (size_t row = 0; row < tree.size(); ++row) {
        Tokens path;
        for (int32_t at = int32_t(row); at >= 0; at = parents[size_t(at)])
          path.insert(path.begin(), tree[size_t(at)]);
        if (int32_t(row) == kept)
          keptPath = path;
        Tokens seen = prompt;
        seen.insert(seen.end(), path.begin(), path.end());
        EXPECT_EQ(rowOf(logits, row), m.fakeModel.logitsAfter(seen)) << row;
      }
      ASSERT_EQ(espalier_commit(m.session, kept), ESPALIER_OK);
      EXPECT_EQ(espalier_session_length(m.session), 21 + keptPath.size());
      Tokens seen = prompt;
      seen.insert(seen.end(), keptPath.begin(), keptPath.end());
      seen.push_back(5);
      EXPECT_EQ(m.step({5}), m.fakeModel.logitsAfter(seen)) << "kept " << kept;
    }
  }
}

TEST(Session, TreesLargerThanAChunk) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  Tokens tree = someTokens(40), parents;
  for (int32_t i = 0; i < 40; ++i)
    parents.push_back(i / 2 - 1 < 0 ? -1 : i / 2 - 1);
  std::vector<float> logits = m.step(tree, &parents);
  ASSERT_EQ(m.status, ESPALIER_OK);
  Tokens path;
  for (int32_t at = 39; at >= 0; at = parents[size_t(at)])
    path.insert(path.begin(), tree[size_t(at)]);
  EXPECT_EQ(rowOf(logits, 39), m.fakeModel.logitsAfter(path));
}

TEST(Session, TreeRefusals) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  EXPECT_EQ(espalier_commit(m.session, 0), ESPALIER_ERROR_ARGUMENT);
  for (Tokens parents : {Tokens{0, 0}, Tokens{-1, 1}, Tokens{-2, 0}}) {
    m.step({1, 2}, &parents);
    EXPECT_EQ(m.status, ESPALIER_ERROR_ARGUMENT);
  }
  Tokens parents = {-1, 0};
  m.step({1, 2}, &parents);
  EXPECT_EQ(espalier_commit(m.session, 2), ESPALIER_ERROR_ARGUMENT);
  EXPECT_EQ(espalier_commit(m.session, -2), ESPALIER_ERROR_ARGUMENT);
  m.step({3}); // drops the tree
  EXPECT_EQ(espalier_commit(m.session, 1), ESPALIER_ERROR_ARGUMENT);
  // Shallow, but with more rows than the cache has.
  Tokens roots(10000, -1);
  m.step(Tokens(roots.size(), 1), &roots);
  EXPECT_EQ(m.status, ESPALIER_ERROR_CONTEXT);
  EXPECT_NE(std::string(espalier_last_error()).find("a tree of 10000 rows"),
            std::string::npos);
}

TEST(Session, TruncateForgets) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  Tokens tokens = someTokens(30);
  m.step(tokens);
  EXPECT_EQ(espalier_session_truncate(m.session, 31), ESPALIER_ERROR_ARGUMENT);
  ASSERT_EQ(espalier_session_truncate(m.session, 18), ESPALIER_OK);
  Tokens seen = prefix(tokens, 18);
  seen.push_back(42);
  EXPECT_EQ(m.step({42}), m.fakeModel.logitsAfter(seen));
}

TEST(Session, ContextIsALimit) {
  Opened m;
  m.options.context = 20;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  EXPECT_EQ(espalier_model_context(m.model), 20u);
  m.step(someTokens(21));
  EXPECT_EQ(m.status, ESPALIER_ERROR_CONTEXT);
  EXPECT_STREQ(espalier_last_error(),
               "21 tokens do not fit into the context: it holds 20, and 0 are "
               "used: open the model with a larger context");
  m.step(someTokens(20));
  EXPECT_EQ(m.status, ESPALIER_OK);
  m.step({1});
  EXPECT_EQ(m.status, ESPALIER_ERROR_CONTEXT);
  // A tree may have more rows than are left, but none may be deeper.
  ASSERT_EQ(espalier_session_truncate(m.session, 19), ESPALIER_OK);
  Tokens flat(10, -1), deep = {-1, 0};
  m.step(someTokens(10), &flat);
  EXPECT_EQ(m.status, ESPALIER_OK);
  m.step({1, 2}, &deep);
  EXPECT_EQ(m.status, ESPALIER_ERROR_CONTEXT);
  Tokens huge(200, -1);
  m.step(someTokens(200), &huge);
  EXPECT_EQ(m.status, ESPALIER_ERROR_CONTEXT);
}

TEST(Session, RequestsAreChecked) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  for (Tokens tokens :
       {Tokens{}, Tokens{-1}, Tokens{1, 50}, Tokens{INT32_MAX}}) {
    m.step(tokens);
    EXPECT_EQ(m.status, ESPALIER_ERROR_ARGUMENT);
  }
  EXPECT_STREQ(espalier_last_error(),
               "token 0: expected an id of 0 to 49, got 2147483647");
  Tokens tokens = {1, 2};
  std::vector<float> logits(100);
  for (std::vector<uint32_t> wanted :
       {std::vector<uint32_t>{1, 0}, {0, 0}, {0, 2}}) {
    espalier_step_request request = fake::requestFor(tokens);
    request.wanted_count = 2;
    request.wanted = wanted.data();
    request.logits = logits.data();
    EXPECT_EQ(espalier_step(m.session, &request), ESPALIER_ERROR_ARGUMENT);
    request.logits = nullptr;
    EXPECT_EQ(espalier_step(m.session, &request), ESPALIER_ERROR_ARGUMENT);
  }
  espalier_step_request request = fake::requestFor(tokens);
  request.size += 8;
  EXPECT_EQ(espalier_step(m.session, &request), ESPALIER_ERROR_ARGUMENT);
  EXPECT_EQ(espalier_session_length(m.session), 0u);
}

TEST(Session, CancelledFromAnotherThreadBetweenChunks) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  m.step(someTokens(5));
  fake::stepMilliseconds = 20;
  fake::stepCount = 0;
  std::thread canceller([&] {
    while (fake::stepCount == 0)
      std::this_thread::yield();
    espalier_cancel(m.session);
  });
  m.step(someTokens(160));
  canceller.join();
  fake::stepMilliseconds = 0;
  EXPECT_EQ(m.status, ESPALIER_CANCELLED);
  EXPECT_LT(fake::stepCount, 10u);
  EXPECT_EQ(espalier_session_length(m.session), 5u);
  Tokens seen = someTokens(5);
  seen.push_back(1);
  EXPECT_EQ(m.step({1}), m.fakeModel.logitsAfter(seen));
}

TEST(Session, SessionsOfOneModelFromTwoThreads) {
  Opened m;
  ASSERT_EQ(m.open(), ESPALIER_OK);
  auto work = [&](uint32_t seed, bool *equal) {
    espalier_session *session;
    if (espalier_session_create(m.model, &session) != ESPALIER_OK)
      return;
    Tokens tokens = someTokens(60, seed);
    *equal = true;
    for (size_t i = 0; i < tokens.size(); ++i) {
      std::vector<float> logits(fake::vocab);
      uint32_t wanted = 0;
      espalier_step_request request = {};
      request.size = sizeof(request);
      request.count = request.wanted_count = 1;
      request.tokens = &tokens[i];
      request.wanted = &wanted;
      request.logits = logits.data();
      *equal = *equal && espalier_step(session, &request) == ESPALIER_OK &&
               logits == m.fakeModel.logitsAfter(prefix(tokens, i + 1));
    }
    espalier_session_destroy(session);
  };
  bool equal[2] = {};
  std::thread other(work, 1, &equal[0]);
  work(2, &equal[1]);
  other.join();
  EXPECT_TRUE(equal[0] && equal[1]);
}

TEST(Session, SameBitsForAnyTeam) {
  Tokens tokens = someTokens(37);
  for (uint32_t workers : {1u, 2u, 3u, 8u}) {
    Opened m;
    m.options.threads = workers;
    ASSERT_EQ(m.open(), ESPALIER_OK);
    std::vector<float> logits = m.step(tokens);
    for (size_t r = 0; r < tokens.size(); ++r)
      ASSERT_EQ(rowOf(logits, r),
                m.fakeModel.logitsAfter(prefix(tokens, r + 1)));
  }
}

namespace {
/// An application's own threads: made anew for each run, which is slow and
/// simple.
struct OwnTeam {
  espalier_team api = {};
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  uint32_t runs = 0;

  explicit OwnTeam(uint32_t workers) {
    api.size = sizeof(api);
    api.version = 1;
    api.workers = workers;
    api.context = this;
    api.run = [](espalier_team *team, void (*fn)(void *, uint32_t), void *ctx) {
      ++static_cast<OwnTeam *>(team->context)->runs;
      std::vector<std::thread> threads;
      for (uint32_t w = 0; w < team->workers; ++w)
        threads.emplace_back(fn, ctx, w);
      for (std::thread &thread : threads)
        thread.join();
    };
    api.lock = [](espalier_team *team) {
      pthread_mutex_lock(&static_cast<OwnTeam *>(team->context)->mutex);
    };
    api.unlock = [](espalier_team *team) {
      pthread_mutex_unlock(&static_cast<OwnTeam *>(team->context)->mutex);
    };
  }
};
} // namespace

TEST(Session, ApplicationsOwnTeam) {
  OwnTeam team(3);
  Opened m;
  m.options.team = &team.api;
  ASSERT_EQ(m.open(), ESPALIER_OK) << espalier_last_error();
  EXPECT_EQ(m.step({4}), m.fakeModel.logitsAfter({4}));
  EXPECT_GE(team.runs, 2u);
  Opened refused;
  team.api.version = 2;
  refused.options.team = &team.api;
  EXPECT_EQ(refused.open(), ESPALIER_ERROR_ARGUMENT);
}
