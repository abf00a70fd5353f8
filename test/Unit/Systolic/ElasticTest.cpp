//===- ElasticTest.cpp - What elastic mode refuses ------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "SmallPrograms.h"

#include <gtest/gtest.h>

using namespace espalier;
using namespace espalier::simulator;
using namespace espalier::test;

/// A later read of the writer's own queue hides no read of another one.
TEST(Elastic, ReadersOfEachQueue) {
  MachineText m;
  m.reduce = 9;
  constexpr uint64_t start = 26; // the LOAD is complete
  for (bool overlaps : {true, false}) {
    Builder b(m);
    uint32_t symbol = b.place(ESPALIER_REGION_WEIGHTS, "w", 256);
    b.add(DmaIn, 0, ESPALIER_OP_LOAD,
          makeShape(16, 16, 1, 16, 0, 0, I8, I8, 0, 0), {0, symbol});
    b.order(DmaIn, VectorA, start);
    b.order(DmaIn, VectorB, start);
    // Reads granules 4 to 10 for seven cycles, or 4 to 7 for four.
    b.add(VectorB, start, ESPALIER_OP_MAP,
          makeShape(1, overlaps ? 112 : 64, 7, 0, 7, 0, I8, 0, I8, 0),
          {4, 0, 20});
    // Behind it, reads granule 8 in cycle 36, in which it writes it.
    b.add(VectorA, start, ESPALIER_OP_MAP,
          makeShape(1, 16, 1, 0, 1, 0, I8, 0, I8, 0), {0, 0, 40});
    b.add(VectorA, start + 1, ESPALIER_OP_ARGMAX,
          makeShape(1, 16, 1, 0, 1, 0, I8, 0, F32, 0),
          {0, 0, 8, ESPALIER_FLAG_ACCUMULATE});
    // Writes it in cycle 31.
    b.add(VectorA, start + 2, ESPALIER_OP_MAP,
          makeShape(1, 16, 1, 0, 1, 0, I8, 0, I8, 0), {0, 0, 8});
    std::vector<uint8_t> bytes = b.bytes();
    auto s = Simulator::open(bytes, m.text(), "machine");
    ASSERT_TRUE(s) << s.error().message;
    auto report = s->run({}, Mode::Elastic);
    std::string error = report ? "" : report.error().message;
    if (overlaps)
      EXPECT_NE(
          error.find("overwrites scratchpad granule 8, which queue vector "
                     "B reads in cycle 32, in cycle 31"),
          std::string::npos)
          << error;
    else
      EXPECT_EQ(error, "");
  }
}

TEST(Elastic, NeedsItsSemaphores) {
  Builder b;
  load(b, 0, 4, 0);
  copy(b, VectorA, 20, 4, 0, 20);
  EXPECT_RUNS(b);
  EXPECT_NE(runOf(b, Mode::Elastic)
                .find("reads scratchpad granule 0, which queue DMA in writes"),
            std::string::npos);
  Builder dead;
  dead.semaphores = 1;
  dead.control(DmaIn, 0, ESPALIER_OP_WAIT, {0, 1});
  EXPECT_NE(runOf(dead, Mode::Elastic).find("waits for semaphore 0 for ever"),
            std::string::npos);
  // Signals of a small file must not fill the memory.
  Builder flood;
  flood.semaphores = 1;
  flood.loop(0, 0, 0xffffff);
  flood.control(DmaIn, 0, ESPALIER_OP_SIGNAL);
  flood.endLoop(0);
  EXPECT_NE(
      runOf(flood, Mode::Elastic)
          .find("semaphore 0 holds 1048576 signals that nobody has taken"),
      std::string::npos);
}

TEST(Elastic, WaitsForPorts) {
  MachineText m;
  m.readPorts = 1;
  Builder b(m);
  load(b, 0, 64, 0);
  b.order(DmaIn, VectorA, 74);
  copy(b, VectorA, 74, 64, 0, 1024);
  b.order(DmaIn, VectorB, 138);
  copy(b, VectorB, 138, 8, 16, 2048);
  // In the cycle in which the port is free, another queue goes first.
  for (uint64_t t = 74; t < 200; ++t)
    load(b, t, 1, 3072);
  std::vector<uint8_t> bytes = b.bytes();
  auto s = Simulator::open(bytes, m.text(), "machine");
  ASSERT_TRUE(s) << s.error().message;
  for (Mode mode : {Mode::Strict, Mode::Elastic}) {
    auto report = s->run({}, mode);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->queues[VectorA].first, 74u);
    EXPECT_EQ(report->queues[VectorB].first, 138u);
  }
}
