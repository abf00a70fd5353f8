//===- TransferTest.cpp - What DMA moves, reports and traces --------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Builder.h"
#include "Systolic/Chains.h"
#include "Systolic/Simulator.h"
#include "espalier/Support/Encodings.h"
#include "espalier/Support/Half.h"
#include "espalier/Support/Json.h"

#include <bit>
#include <chrono>
#include <gtest/gtest.h>
#include <random>

using namespace espalier;
using namespace espalier::simulator;
using namespace espalier::test;

namespace {

std::vector<uint8_t> randomBytes(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> bytes(count);
  for (uint8_t &byte : bytes)
    byte = uint8_t(random());
  return bytes;
}

/// Runs a program and gives what region "o" holds.
std::vector<uint8_t> outputOf(const Builder &b,
                              const Arguments &arguments = {}) {
  std::vector<uint8_t> bytes = b.bytes();
  auto s = Simulator::open(bytes, b.machine.text(), "machine");
  if (!s) {
    ADD_FAILURE() << s.error().message;
    return {};
  }
  std::vector<uint8_t> result;
  for (Mode mode : {Mode::Elastic, Mode::Strict}) {
    auto report = s->run(arguments, mode);
    if (!report) {
      ADD_FAILURE() << report.error().message;
      return {};
    }
    std::span<const uint8_t> o = s->contents(*s->region("o"));
    EXPECT_TRUE(result.empty() ||
                std::equal(result.begin(), result.end(), o.begin()));
    result.assign(o.begin(), o.end());
  }
  return result;
}

TEST(Transfer, Blocks) {
  struct Case {
    uint8_t type;
    Encoding encoding;
    size_t bytes;
  };
  for (Case c : {Case{ESPALIER_SYSTOLIC_Q8_0, Encoding::Q8_0, 34},
                 Case{ESPALIER_SYSTOLIC_Q4_0, Encoding::Q4_0, 18},
                 Case{ESPALIER_SYSTOLIC_Q4_1, Encoding::Q4_1, 20}}) {
    constexpr uint32_t groups = 2, columns = 5;
    Builder b;
    std::vector<uint8_t> w = randomBytes(groups * columns * c.bytes, c.type);
    for (size_t i = 0; i < groups * columns; ++i) {
      uint16_t d = floatToF16(0.01f * float(i + 1)), m = floatToF16(-0.5f);
      memcpy(&w[i * c.bytes], &d, 2);
      if (c.type == ESPALIER_SYSTOLIC_Q4_1)
        memcpy(&w[i * c.bytes + 2], &m, 2);
    }
    uint32_t from = b.place(ESPALIER_REGION_WEIGHTS, "w", w.size(), w);
    uint32_t to = b.place(ESPALIER_REGION_OUTPUT, "o", 64 * columns * 2);
    auto rowBytes = uint32_t(columns * c.bytes);
    b.add(DmaIn, 0, ESPALIER_OP_LOAD,
          makeShape(groups, columns, 1, rowBytes, 0, 0, BF16, c.type, 0, 0),
          {0, from});
    uint64_t complete = (2 * rowBytes + 15) / 16 + 10;
    b.order(DmaIn, DmaOut, complete);
    b.add(DmaOut, complete, ESPALIER_OP_STORE,
          makeShape(64, columns, 1, columns * 2, 0, 0, BF16, BF16, 0, 0),
          {0, to});
    std::vector<uint8_t> got = outputOf(b);
    ASSERT_EQ(got.size(), 64u * columns * 2);
    for (uint32_t g = 0; g < groups; ++g)
      for (uint32_t n = 0; n < columns; ++n) {
        float expected[32];
        decodePanelColumn(c.encoding, 1, 32, &w[(g * columns + n) * c.bytes], 0,
                          expected);
        for (uint32_t k = 0; k < 32; ++k) {
          uint16_t bits;
          memcpy(&bits, &got[((g * 32 + k) * columns + n) * 2], 2);
          EXPECT_EQ(bits, floatToBf16(expected[k]));
        }
      }
  }
}

TEST(Transfer, RoundsFloat32) {
  Builder b;
  std::vector<uint8_t> w;
  for (float x : {1.0f, 1.00390625f, 1.01171875f, -3e38f})
    for (unsigned i = 0; i < 4; ++i)
      w.push_back(uint8_t(std::bit_cast<uint32_t>(x) >> 8 * i));
  uint32_t from = b.place(ESPALIER_REGION_WEIGHTS, "w", 16, w);
  uint32_t to = b.place(ESPALIER_REGION_OUTPUT, "o", 8);
  b.add(DmaIn, 0, ESPALIER_OP_LOAD,
        makeShape(1, 4, 1, 16, 0, 0, BF16, F32, 0, 0), {0, from});
  b.order(DmaIn, DmaOut, 11);
  b.add(DmaOut, 11, ESPALIER_OP_STORE,
        makeShape(1, 4, 1, 8, 0, 0, BF16, BF16, 0, 0), {0, to});
  std::vector<uint8_t> got = outputOf(b);
  const uint16_t expected[] = {0x3f80, 0x3f80, 0x3f82, floatToBf16(-3e38f)};
  EXPECT_EQ(memcmp(got.data(), expected, 8), 0);
}

TEST(Transfer, GatherLimitScatter) {
  Builder b;
  b.bucketRows = 4;
  std::vector<uint8_t> table = randomBytes(8 * 24, 5);
  uint32_t from = b.place(ESPALIER_REGION_WEIGHTS, "t", table.size(), table);
  uint32_t to = b.place(ESPALIER_REGION_OUTPUT, "o", 8 * 24);
  // Rows of 20 bytes, 24 apart: two cycles each.
  b.add(DmaIn, 0, ESPALIER_OP_GATHER,
        makeShape(3, 20, 2, 24, 0, 1, I8, I8, 0, 0),
        {0, from, 0, 0, ESPALIER_ARGUMENT_TOKEN});
  // Rows 2 .. 5 of the table, of which those below the limit of 4 are loaded.
  uint32_t row2 = b.symbol({ESPALIER_SYSTOLIC_ADDRESS(0, 48)});
  b.add(DmaIn, 6, ESPALIER_OP_LOAD, makeShape(4, 20, 2, 24, 0, 2, I8, I8, 0, 0),
        {6, row2, 0, ESPALIER_FLAG_LIMIT});
  b.order(DmaIn, DmaOut, 30);
  b.add(DmaOut, 30, ESPALIER_OP_SCATTER,
        makeShape(3, 20, 2, 24, 0, 0, I8, I8, 0, 0),
        {0, to, 0, 0, ESPALIER_ARGUMENT_CACHE_ROW});
  b.add(DmaOut, 36, ESPALIER_OP_STORE,
        makeShape(4, 20, 2, 24, 0, 0, I8, I8, 0, 0), {6, to, 0});
  int32_t tokens[] = {99, 5, -1, 0}, rows[] = {7, -1, 6, 0};
  Arguments arguments;
  arguments.arrays[ESPALIER_ARGUMENT_TOKEN] = tokens;
  arguments.arrays[ESPALIER_ARGUMENT_CACHE_ROW] = rows;
  arguments.limit = 4;
  std::vector<uint8_t> got = outputOf(b, arguments);
  std::vector<uint8_t> expected(8 * 24, 0);
  memcpy(&expected[7 * 24], &table[5 * 24], 20);
  memcpy(&expected[6 * 24], &table[0], 20);
  memcpy(&expected[0], &table[2 * 24], 20);
  memcpy(&expected[24], &table[3 * 24], 20);
  EXPECT_EQ(got, expected);
}

TEST(Chains, SameBitsWithAndWithoutVectors) {
  std::mt19937 random(1);
  for (size_t rows : {1u, 5u, 13u})
    for (size_t k : {1u, 31u}) {
      std::vector<float> a(rows * k), w(k * 32), fast(rows * 32), slow;
      for (float &x : a)
        x = std::ldexp(float(int(random() % 511) - 255),
                       int(random() % 40) - 20);
      for (float &x : w)
        x = std::ldexp(float(int(random() % 511) - 255),
                       int(random() % 40) - 20);
      for (float &x : fast)
        x = float(random() % 1000);
      slow = fast;
      for (bool goOn : {true, false}) {
        chains({a.data(), k, rows, w.data(), 32, k, 32, fast.data(), 32, goOn});
        chainsPortable(
            {a.data(), k, rows, w.data(), 32, k, 32, slow.data(), 32, goOn});
        EXPECT_EQ(memcmp(fast.data(), slow.data(), fast.size() * 4), 0);
      }
    }
}

/// A loop of `times` bodies of `count` matmuls of 1024 rows on a large array.
Builder longProgram(uint32_t times, uint32_t count) {
  MachineText m;
  m.rows = m.columns = 128;
  m.loadRows = 4;
  m.scratchpadKiB = 1024;
  m.accumulatorKiB = 1024;
  Builder b(m);
  uint16_t tile = b.shape(makeShape(128, 128, 8, 0, 0, 0, I8, 0, 0, 0));
  uint16_t rows = b.shape(makeShape(1024, 128, 8, 0, 32, 128, I8, 0, I32, 4));
  uint32_t mark = b.mark("body");
  b.loop(0, 0, times);
  b.control(Array, 0, ESPALIER_OP_MARK, {0, mark});
  b.add(Array, 0, ESPALIER_OP_LOAD_WEIGHTS, tile);
  uint64_t t = 32;
  for (uint32_t i = 0; i < count; ++i, t += 1024) {
    b.add(Array, t, ESPALIER_OP_MATMUL, rows, {0, 0, 0, ESPALIER_FLAG_SWAP});
    if (i + 1 < count)
      b.add(Array, t, ESPALIER_OP_LOAD_WEIGHTS, tile);
  }
  b.endLoop(t + 254);
  return b;
}

TEST(Timing, CountsWithoutData) {
  Builder b = longProgram(1000, 100);
  std::vector<uint8_t> bytes = b.bytes();
  auto s = Simulator::open(bytes, b.machine.text(), "machine");
  ASSERT_TRUE(s) << s.error().message;
  auto begin = std::chrono::steady_clock::now();
  auto report = s->run({}, Mode::Timing);
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(report) << report.error().message;
  uint64_t body = 32 + 100 * 1024 + 254;
  EXPECT_EQ(report->cycles, 1000 * body);
  EXPECT_EQ(report->counters.macs, 1000ull * 100 * 1024 * 128 * 128);
  EXPECT_NEAR(report->utilisation, 102400.0 / double(body), 1e-12);
  EXPECT_EQ(report->marks[0].times, 1000u);
  EXPECT_EQ(report->marks[0].cycles, 1000 * body);
  RecordProperty("simulated_cycles_per_second",
                 std::to_string(double(report->cycles) / seconds.count()));
}

TEST(Report, CountsBytesAndEnergy) {
  MachineText m;
  Builder b(m);
  uint32_t w = b.place(ESPALIER_REGION_WEIGHTS, "w", 64);
  uint32_t o = b.place(ESPALIER_REGION_OUTPUT, "o", 32);
  uint32_t first = b.mark("first"), second = b.mark("\"second\"");
  b.control(DmaIn, 0, ESPALIER_OP_MARK, {0, first});
  b.add(DmaIn, 0, ESPALIER_OP_LOAD, makeShape(4, 16, 1, 16, 0, 0, I8, I8, 0, 0),
        {0, w});
  b.order(DmaIn, Array, 14);
  b.add(Array, 14, ESPALIER_OP_LOAD_WEIGHTS,
        makeShape(4, 4, 1, 0, 0, 0, I8, 0, 0, 0));
  b.add(Array, 18, ESPALIER_OP_MATMUL,
        makeShape(3, 4, 1, 0, 1, 2, I8, 0, I32, 4),
        {0, 0, 0, ESPALIER_FLAG_SWAP});
  b.order(Array, VectorB, 27);
  b.control(VectorB, 27, ESPALIER_OP_MARK, {0, second});
  b.add(VectorB, 27, ESPALIER_OP_MAP,
        makeShape(3, 2, 1, 0, 1, 0, I32, 0, F32, 1), {0, 0, 20});
  b.order(VectorB, DmaOut, 33);
  b.add(DmaOut, 33, ESPALIER_OP_STORE,
        makeShape(3, 2, 1, 8, 0, 0, F32, F32, 0, 0), {20, o});
  std::vector<uint8_t> bytes = b.bytes();
  auto s = Simulator::open(bytes, m.text(), "machine");
  ASSERT_TRUE(s) << s.error().message;
  Trace trace;
  auto report = s->run({}, Mode::Strict, &trace);
  ASSERT_TRUE(report) << report.error().message;
  const Counters &c = report->counters;
  EXPECT_EQ(report->cycles, 33 + 2 + 10u);
  EXPECT_EQ(c.instructions, 5u);
  EXPECT_EQ(c.macs, 3u * 4 * 2);
  EXPECT_EQ(c.arrayMacsInt8, 3u * 16);
  EXPECT_EQ(c.vectorOps, 6u);
  EXPECT_EQ(c.dramRead, 64u);
  EXPECT_EQ(c.dramWritten, 24u);
  EXPECT_EQ(c.scratchpadWritten, 64u + 24);
  EXPECT_EQ(c.scratchpadRead, 16u + 12 + 24);
  EXPECT_EQ(c.accumulatorWritten, 24u);
  EXPECT_EQ(c.accumulatorRead, 24u);
  EXPECT_EQ(c.bus, 4u + 2);
  EXPECT_EQ(c.busy[unsigned(Unit::DmaIn)], 4u);
  EXPECT_EQ(c.busy[unsigned(Unit::Load)], 4u);
  EXPECT_EQ(c.busy[unsigned(Unit::Array)], 3u);
  EXPECT_EQ(c.busy[unsigned(Unit::VectorB)], 3u);
  EXPECT_DOUBLE_EQ(report->energy.total(),
                   48 * 0.5 + 6 * 3.0 + 140 + 48 * 4 + 88 * 30);
  EXPECT_DOUBLE_EQ(report->utilisation, 24.0 / (45 * 16));
  // Array and DMA out have no marks: they belong to what was issued last.
  EXPECT_EQ(report->marks[0].cycles, 27u);
  EXPECT_EQ(report->marks[1].first, 27u);
  EXPECT_EQ(report->marks[1].cycles, 18u);
  EXPECT_EQ(report->marks[0].counters.instructions, 3u);
  EXPECT_EQ(report->marks[1].counters.dramWritten, 24u);

  auto json = json::parse(s->json(*report, Mode::Strict));
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(json->find("cycles")->asUnsigned(), 45u);
  EXPECT_EQ(*(*json->find("marks")->asArray())[1].find("name")->asString(),
            "\"second\"");
  EXPECT_NE(s->text(*report, Mode::Strict).find("45 cycles"),
            std::string::npos);

  json = json::parse(traceJson(trace));
  ASSERT_TRUE(json) << json.error().message;
  const json::Array &events = *json->find("traceEvents")->asArray();
  EXPECT_EQ(events.size(), 5 + 2 + 5 + 1u);
  unsigned matmuls = 0;
  for (const json::Value &event : events)
    if (*event.find("name")->asString() == "MATMUL") {
      ++matmuls;
      EXPECT_EQ(event.find("tid")->asUnsigned(), 2u);
      EXPECT_EQ(event.find("ts")->asUnsigned(), 18u);
      EXPECT_EQ(event.find("dur")->asUnsigned(), 3u);
    }
  EXPECT_EQ(matmuls, 1u);
}

} // namespace
