//===- OracleTest.cpp - Cycles of matmuls that others computed ------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Without overlap, cycles are those of SCALE-Sim v3 (without memory stalls),
/// whose reports count from zero: one less. With overlap, those of double
/// buffering in general.
///
//===----------------------------------------------------------------------===//
#include "Compiled.h"

#include <cstdio>
#include <cstdlib>
#include <set>
#include <tuple>

using namespace espalier;
using namespace espalier::systolic;

namespace {

uint64_t ceilDiv(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

uint64_t reported(uint64_t m, uint64_t n, uint64_t k, unsigned array,
                  bool outputStationary) {
  GemmSpec spec = oneGemm(m, n, k);
  spec.outputStationary = outputStationary;
  return compile(spec, plainMachine(array, array, false)).cycles - 1;
}

} // namespace

TEST(SystolicOracle, FiguresOfLargeMatmuls) {
  struct {
    uint64_t m, n, k, ws128, os128, ws16, os16;
  } figures[] = {
      {128, 4096, 4096, 522239, 139199, 11403263, 8450047},
      {1, 4096, 4096, 392191, 139199, 3080191, 1056255},
      {64, 2048, 8192, 456703, 135135, 7208959, 4209663},
      {512, 128, 512, 3575, 3063, 142847, 138751},
  };
  for (auto &f : figures) {
    EXPECT_EQ(reported(f.m, f.n, f.k, 128, false), f.ws128);
    EXPECT_EQ(reported(f.m, f.n, f.k, 128, true), f.os128);
    EXPECT_EQ(reported(f.m, f.n, f.k, 16, false), f.ws16);
    EXPECT_EQ(reported(f.m, f.n, f.k, 16, true), f.os16);
  }
}

TEST(SystolicOracle, SquareMatmuls) {
  struct {
    unsigned size;
    uint64_t os, ws;
  } figures[] = {
      {4, 9, 13}, {8, 21, 29}, {16, 45, 61}, {32, 93, 125}, {64, 189, 253}};
  for (auto &f : figures) {
    EXPECT_EQ(reported(f.size, f.size, f.size, f.size, true), f.os);
    EXPECT_EQ(reported(f.size, f.size, f.size, f.size, false), f.ws);
  }
}

/// Reports that its repository ships: total less stall.
TEST(SystolicOracle, ShippedReports) {
  EXPECT_EQ(reported(256, 128, 256, 32, false), 52447u - 41248u);
  EXPECT_EQ(reported(256, 128, 256, 32, true), 52447u - 42272u);
  // Input-stationary is weight-stationary of the transposed problem.
  EXPECT_EQ(reported(128, 256, 256, 32, false), 19984u - 5777u);
  // The first convolution of AlexNet as a matmul.
  EXPECT_EQ(reported(3025, 96, 363, 32, false), 112283u);
}

/// L + (F - 1) * max(T, L) + T + R + C - 2.
TEST(SystolicOracle, OverlapFollowsTheFormula) {
  for (unsigned rows : {4u, 8u, 16u})
    for (unsigned columns : {4u, 16u})
      for (unsigned loadRows : {1u, 3u, 4u})
        for (uint64_t m : {1u, 2u, 4u, 5u, 16u, 33u})
          for (uint64_t k : {3u, 16u, 50u})
            for (uint64_t n : {1u, 16u, 40u}) {
              SystolicMachine machine = plainMachine(rows, columns, true);
              machine.scratchpadBytes = 1u << 20;
              machine.accumulatorBytes = 1u << 18;
              machine.loadRows = loadRows;
              uint64_t folds = ceilDiv(k, rows) * ceilDiv(n, columns);
              uint64_t load = ceilDiv(rows, loadRows);
              EXPECT_EQ(compile(oneGemm(m, n, k), machine).cycles,
                        load + (folds - 1) * std::max(m, load) + m + rows +
                            columns - 2)
                  << rows << "x" << columns << " " << m << " " << n << " " << k;
            }
}

TEST(SystolicOracle, OverlapOfTheDefaultMachine) {
  SystolicMachine machine =
      *hardware::findSystolicMachine(hardware::defaultSystolicMachine);
  EXPECT_EQ(compile(oneGemm(128, 4096, 4096), machine).cycles, 131358u);
  EXPECT_EQ(compile(oneGemm(64, 2048, 8192), machine).cycles, 65822u);
  EXPECT_EQ(compile(oneGemm(512, 128, 512), machine).cycles, 2334u);
  EXPECT_EQ(compile(oneGemm(1, 4096, 4096), machine).cycles, 33023u);
}

/// Every different row of the tables of LLMCompass (docs/Systolic.md says
/// where they are from), in files that ESPALIER_SYSTOLIC_TABLES lists, with
/// ':' between them; each must have some.
TEST(SystolicOracle, TablesOfOthers) {
  const char *paths = std::getenv("ESPALIER_SYSTOLIC_TABLES");
  if (!paths)
    GTEST_SKIP() << "ESPALIER_SYSTOLIC_TABLES names no tables";
  std::set<std::tuple<uint64_t, uint64_t, uint64_t, unsigned, unsigned,
                      std::string, uint64_t>>
      rows;
  std::string list = paths;
  uint64_t lines = 0;
  for (size_t at = 0; at < list.size();) {
    size_t end = std::min(list.find(':', at), list.size());
    FILE *file = std::fopen(list.substr(at, end - at).c_str(), "r");
    ASSERT_TRUE(file) << list.substr(at, end - at);
    uint64_t before = lines;
    char line[512];
    while (std::fgets(line, sizeof(line), file)) {
      unsigned long m, n, k, r, c;
      char flow[8];
      double cycles;
      if (std::sscanf(line, "%lu,%lu,%lu,%lu,%lu,%7[a-z],%lf", &m, &n, &k, &r,
                      &c, flow, &cycles) != 7)
        continue;
      std::string name = flow;
      ASSERT_TRUE(name == "os" || name == "ws" || name == "is") << line;
      if (name == "is") {
        std::swap(m, n);
        name = "ws";
      }
      rows.insert({m, n, k, unsigned(r), unsigned(c), name, uint64_t(cycles)});
      ++lines;
    }
    std::fclose(file);
    ASSERT_GT(lines, before) << list.substr(at, end - at) << " has no rows";
    at = end + 1;
  }
  ASSERT_GT(rows.size(), 0u);
  std::printf("%lu lines, %zu different\n", (unsigned long)lines, rows.size());
  for (auto &[m, n, k, r, c, flow, cycles] : rows) {
    SystolicMachine machine = plainMachine(r, c, false);
    GemmSpec spec = oneGemm(m, n, k);
    spec.outputStationary = flow == "os";
    EXPECT_EQ(compile(spec, machine).cycles - 1, cycles)
        << flow << " " << m << " " << n << " " << k << " on " << r << "x" << c;
  }
}
