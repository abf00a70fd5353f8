//===- ElasticTest.cpp - What elastic mode refuses ------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Builder.h"
#include "Systolic/Simulator.h"

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
