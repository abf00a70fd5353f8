//===- TeamTest.cpp - Workers and barriers ----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Core/Team.h"
#include "Core/Barrier.h"
#include "Core/FloatingPointState.h"
#include "espalier/Support/MappedFile.h"
#include "espalier/Support/ShortenedFiles.h"
#include "espalier/espalier.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace espalier::runtime;

namespace {

/// Workers write in turn what the others read after the barrier.
struct Meeting {
  Barrier barrier;
  std::atomic<uint32_t> claim{0};
  std::vector<uint32_t> cells;
  uint32_t rounds;
  std::atomic<uint32_t> wrong{0};

  Meeting(uint32_t workers, uint32_t rounds) : cells(workers), rounds(rounds) {
    barrier.configure(workers, spinPolicyFor(workers));
  }
  static void entry(void *context, uint32_t worker) {
    auto &m = *static_cast<Meeting *>(context);
    for (uint32_t round = 1; round <= m.rounds; ++round) {
      m.cells[worker] = round; // plain memory: only the barrier orders it
      m.claim.fetch_add(1, std::memory_order_relaxed);
      m.barrier.wait(m.claim);
      for (uint32_t cell : m.cells)
        if (cell != round)
          m.wrong.fetch_add(1);
      if (m.claim.load() != 0)
        m.wrong.fetch_add(1);
      m.barrier.wait(m.claim);
    }
  }
};

void meet(uint32_t workers, uint32_t rounds, uint32_t runs) {
  espalier_team *team = nullptr;
  ASSERT_EQ(espalier_team_create(workers, &team), ESPALIER_OK);
  EXPECT_EQ(team->workers, workers);
  Meeting meeting(workers, rounds);
  for (uint32_t i = 0; i < runs; ++i)
    team->run(team, Meeting::entry, &meeting);
  EXPECT_EQ(meeting.wrong.load(), 0u);
  espalier_team_destroy(team);
}

} // namespace

// Workers block signals, but not those of their own faults: a handler of the
// application sees a worker that reads a mapped file which was cut off.
TEST(Team, AWorkersFaultReachesAHandler) {
  char name[] = "/tmp/espalier-team-XXXXXX";
  int fd = mkstemp(name);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(ftruncate(fd, 16 * 4096), 0);
  espalier::ShortenedFileGuard guard;
  auto file = espalier::MappedFile::open(name);
  ASSERT_TRUE(bool(file));
  ASSERT_EQ(ftruncate(fd, 0), 0);
  espalier_team *team = nullptr;
  ASSERT_EQ(espalier_team_create(4, &team), ESPALIER_OK);
  auto read = [](void *context, uint32_t worker) {
    auto &mapped = *static_cast<espalier::MappedFile *>(context);
    EXPECT_EQ(mapped.bytes()[4096 * worker], 0);
  };
  team->run(team, read, &*file);
  EXPECT_TRUE(espalier::ShortenedFileGuard::lost());
  espalier_team_destroy(team);
  close(fd);
  unlink(name);
}

TEST(Team, OneWorkerIsTheCaller) { meet(1, 100, 3); }
TEST(Team, TwoWorkersMeet) { meet(2, 5000, 3); }
TEST(Team, MoreWorkersThanCpusMeet) { meet(8, 300, 3); }

TEST(Team, ManyShortRuns) {
  espalier_team *team = nullptr;
  ASSERT_EQ(espalier_team_create(3, &team), ESPALIER_OK);
  std::vector<uint32_t> counts(3);
  auto count = [](void *context, uint32_t worker) {
    ++(*static_cast<std::vector<uint32_t> *>(context))[worker];
  };
  for (int i = 0; i < 2000; ++i)
    team->run(team, count, &counts);
  EXPECT_EQ(counts, std::vector<uint32_t>({2000, 2000, 2000}));
  espalier_team_destroy(team);
}

TEST(Team, SleepsBetweenRunsAndWakes) {
  espalier_team *team = nullptr;
  ASSERT_EQ(espalier_team_create(2, &team), ESPALIER_OK);
  Meeting meeting(2, 3);
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    team->run(team, Meeting::entry, &meeting);
  }
  EXPECT_EQ(meeting.wrong.load(), 0u);
  espalier_team_destroy(team);
}

TEST(Team, SleepersAtTheBarrierAreWoken) {
  espalier_team *team = nullptr;
  ASSERT_EQ(espalier_team_create(2, &team), ESPALIER_OK);
  Meeting meeting(2, 1);
  auto late = [](void *context, uint32_t worker) {
    if (worker == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
    Meeting::entry(context, worker);
  };
  for (int i = 0; i < 3; ++i)
    team->run(team, late, &meeting);
  EXPECT_EQ(meeting.wrong.load(), 0u);
  espalier_team_destroy(team);
}

// A worker that came late again and again is waited for by sleeping soon; the
// barrier still meets, and its patience comes back between steps.
TEST(Team, SpinsInVainAreShortened) {
  Barrier barrier;
  barrier.configure(2, {60000, 0});
  EXPECT_EQ(barrier.spinsNow(), 60000u);
  std::atomic<uint32_t> claim{0};
  std::thread late([&] {
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      barrier.wait(claim);
    }
  });
  for (int i = 0; i < 3; ++i)
    barrier.wait(claim);
  late.join();
  EXPECT_LE(barrier.spinsNow(), 15000u);
  EXPECT_GE(barrier.spinsNow(), 900u);
  uint32_t before = barrier.spinsNow();
  barrier.beginStep();
  EXPECT_EQ(barrier.spinsNow(), 2 * before);
  for (int i = 0; i < 8; ++i)
    barrier.beginStep();
  EXPECT_EQ(barrier.spinsNow(), 60000u);
}

TEST(Team, RefusesTooMany) {
  espalier_team *team = nullptr;
  EXPECT_EQ(espalier_team_create(5000, &team), ESPALIER_ERROR_ARGUMENT);
  EXPECT_EQ(team, nullptr);
  EXPECT_STREQ(espalier_last_error(),
               "espalier_team_create: expected at most 1024 workers, got 5000");
}

TEST(Team, DefaultTeamsAreSharedByNumberOfWorkers) {
  espalier_team *a, *b, *c;
  ASSERT_EQ(acquireDefaultTeam(2, &a), ESPALIER_OK);
  ASSERT_EQ(acquireDefaultTeam(2, &b), ESPALIER_OK);
  ASSERT_EQ(acquireDefaultTeam(3, &c), ESPALIER_OK);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  releaseDefaultTeam(a);
  releaseDefaultTeam(b);
  releaseDefaultTeam(c);
}

#if defined(__x86_64__)
TEST(FloatingPointState, IsSetAndPutBack) {
  uint32_t before = __builtin_ia32_stmxcsr();
  uint32_t flushToZeroDown = 0x1f80 | 0x8000 | 0x2000;
  __builtin_ia32_ldmxcsr(flushToZeroDown);
  {
    FloatingPointState state;
    EXPECT_EQ(__builtin_ia32_stmxcsr(), 0x1f80u);
  }
  EXPECT_EQ(__builtin_ia32_stmxcsr(), flushToZeroDown);
  __builtin_ia32_ldmxcsr(before);
}
#endif
