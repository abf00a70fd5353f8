//===- LoopTest.cpp - What loops of programs do ---------------------===//
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

TEST(Loops, BodyBeginsQuiescent) {
  for (uint64_t end : {13, 14}) {
    Builder b;
    b.loop(5, 0, 3);
    load(b, 6, 4, 0); // complete in 6 + 4 + 10
    b.endLoop(end + 6);
    if (end == 13)
      EXPECT_REFUSED(b, "a loop's body begins before everything is complete, "
                        "in cycle 20");
    else
      EXPECT_RUNS(b);
  }
}

TEST(Loops, TimesAndLayers) {
  Builder b;
  uint32_t w = b.region(ESPALIER_REGION_WEIGHTS, "w", 64, [] {
    std::vector<uint8_t> bytes(64);
    for (size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = uint8_t(i);
    return bytes;
  }());
  uint32_t o = b.region(ESPALIER_REGION_OUTPUT, "o", 64);
  uint32_t from = b.symbol({0, ESPALIER_SYSTOLIC_ADDRESS(w, 48),
                            ESPALIER_SYSTOLIC_ADDRESS(w, 32),
                            ESPALIER_SYSTOLIC_ADDRESS(w, 16)});
  uint32_t to = b.symbol(
      {ESPALIER_SYSTOLIC_ADDRESS(o, 0), ESPALIER_SYSTOLIC_ADDRESS(o, 0),
       ESPALIER_SYSTOLIC_ADDRESS(o, 16), ESPALIER_SYSTOLIC_ADDRESS(o, 32)});
  Shape row = makeShape(1, 16, 1, 16, 0, 0, I8, I8, 0, 0);
  b.loop(5, 1, 3);
  b.add(DmaIn, 5, ESPALIER_OP_LOAD, row, {0, from});
  b.order(DmaIn, DmaOut, 16);
  b.add(DmaOut, 16, ESPALIER_OP_STORE, row, {0, to});
  b.endLoop(27);
  std::vector<uint8_t> bytes = b.bytes();
  auto s = Simulator::open(bytes, b.machine.text(), "machine");
  ASSERT_TRUE(s) << s.error().message;
  for (Mode mode : {Mode::Strict, Mode::Timing, Mode::Elastic}) {
    auto report = s->run({}, mode);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->cycles, mode == Mode::Elastic ? 3 * 22u : 5 + 3 * 22u);
    if (mode != Mode::Timing) {
      std::span<const uint8_t> out = s->contents(*s->region("o"));
      EXPECT_EQ(out[0], 48);
      EXPECT_EQ(out[16], 32);
      EXPECT_EQ(out[47], 31);
    }
  }
}
