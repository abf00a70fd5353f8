//===- VectorTest.cpp - What vector units compute, to the bit -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Every instruction of the vector units against code that does it one element
/// after the other, on values of all kinds, and its times by a COPY behind it
/// that is a cycle too early, or not.
///
//===----------------------------------------------------------------------===//
#include "Builder.h"
#include "Systolic/Simulator.h"
#include "espalier/Support/Elementary.h"
#include "espalier/Support/Half.h"

#include <bit>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace espalier;
using namespace espalier::simulator;
using namespace espalier::test;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Numbers of every size, with infinities, zeros and a NaN among them.
std::vector<float> values(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> v;
  const float special[] = {0.0f,      -0.0f,    infinity, -infinity, NAN,
                           0x1p-140f, -0x1p31f, 127.5f,   126.5f,    -128.5f};
  for (size_t i = 0; i < count; ++i) {
    float magnitude =
        std::ldexp(float(random() % 4096), int(random() % 20) - 16);
    v.push_back(i < 10 ? special[i] : random() % 2 ? magnitude : -magnitude);
  }
  return v;
}

void append(std::vector<uint8_t> &out, uint8_t type, float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  unsigned size = 4;
  if (type == BF16) {
    bits = floatToBf16(value);
    size = 2;
  } else if (type != F32) {
    float clamped = std::isnan(value)         ? 0
                    : std::fabs(value) > 1e6f ? 1e6f
                                              : value;
    bits = uint32_t(int32_t(clamped));
    size = type == I8 ? 1 : 4;
  }
  for (unsigned i = 0; i < size; ++i)
    out.push_back(uint8_t(bits >> 8 * i));
}
float element(const uint8_t *bytes, uint8_t type, size_t i) {
  uint32_t bits = 0;
  memcpy(&bits,
         bytes + i * (type == I8     ? 1
                      : type == BF16 ? 2
                                     : 4),
         type == I8     ? 1
         : type == BF16 ? 2
                        : 4);
  return type == I8     ? float(int8_t(bits))
         : type == I32  ? float(int32_t(bits))
         : type == BF16 ? bf16ToFloat(uint16_t(bits))
                        : std::bit_cast<float>(bits);
}
/// What a result is in the type of its destination.
float rounded(float value, uint8_t type) {
  if (type == F32)
    return value;
  if (type == BF16)
    return bf16ToFloat(floatToBf16(value));
  double least = type == I8 ? -128 : -0x1p31, most = type == I8 ? 127 : 0x1p31;
  double r = std::isnan(value) ? 0 : std::nearbyint(double(value));
  return float(int64_t(std::min(std::max(r, least), most)));
}
unsigned sizeOf(uint8_t type) { return type == I8 ? 1 : type == BF16 ? 2 : 4; }

/// Loads matrices, runs one instruction, stores its result.
class Bench {
public:
  uint32_t rows, columns;
  uint8_t typeA = F32, typeB = F32, typeC = F32;
  uint32_t rowsB = 0, columnsB = 0;
  uint32_t resultColumns = 0; ///< of what is stored
  uint32_t extra = 0;
  std::vector<float> a, b;
  std::vector<int32_t> positions;
  uint64_t busy = 0, latency = 0;

  Bench(uint32_t rows, uint32_t columns) : rows(rows), columns(columns) {
    a = values(size_t(rows) * columns, rows * 31 + columns);
    rowsB = rows;
    columnsB = columns;
    resultColumns = columns;
  }

  /// The results, widened; the program took the time that the page says.
  std::vector<float> run(uint8_t opcode, Fields fields) {
    Builder p;
    p.machine.scratchpadKiB = 1024;
    p.bucketRows = rows;
    std::vector<uint8_t> bytesA, bytesB;
    for (float x : a)
      append(bytesA, typeA, x);
    for (float x : b)
      append(bytesB, typeB, x);
    uint32_t strideA = (columns * sizeOf(typeA) + 15) / 16;
    uint32_t strideB = (columnsB * sizeOf(typeB) + 15) / 16;
    uint32_t strideC = (resultColumns * sizeOf(typeC) + 15) / 16;
    uint32_t symbolA =
        p.place(ESPALIER_REGION_WEIGHTS, "a", bytesA.size(), bytesA);
    uint32_t out = p.place(ESPALIER_REGION_OUTPUT, "c",
                           uint64_t(rows) * resultColumns * sizeOf(typeC));
    p.add(DmaIn, 0, ESPALIER_OP_LOAD,
          makeShape(rows, columns, strideA, columns * sizeOf(typeA), 0, 0,
                    typeA, typeA, 0, 0),
          {0, symbolA});
    uint64_t t = 20000;
    uint32_t baseB = 16384, baseC = 32768;
    if (!b.empty()) {
      uint32_t symbolB =
          p.place(ESPALIER_REGION_TABLE, "b", bytesB.size(), bytesB);
      p.add(DmaIn, 10000, ESPALIER_OP_LOAD,
            makeShape(rowsB, columnsB, strideB, columnsB * sizeOf(typeB), 0, 0,
                      typeB, typeB, 0, 0),
            {baseB, symbolB});
      fields.b = baseB;
    }
    if (fields.flags & ESPALIER_FLAG_CONSTANT)
      fields.b = p.constant(constant);
    fields.c = baseC;
    Shape s = makeShape(rows, columns, strideA, strideB, strideC, extra, typeA,
                        typeB, typeC, 0);
    p.order(DmaIn, VectorA, t);
    if (accumulate) { // twice, the second time from what is there
      p.add(VectorA, t, opcode, s, fields);
      t += 10000;
      fields.flags |= ESPALIER_FLAG_ACCUMULATE;
      fields.b += columns;
    }
    p.add(VectorA, t, opcode, s, fields);
    uint64_t complete = t + busy + latency;
    p.order(VectorA, DmaOut, complete);
    p.add(DmaOut, complete, ESPALIER_OP_STORE,
          makeShape(rows, resultColumns, strideC, resultColumns * sizeOf(typeC),
                    0, 0, typeC, typeC, 0, 0),
          {baseC, out});
    std::vector<uint8_t> bytes = p.bytes();
    auto simulator = Simulator::open(bytes, p.machine.text(), "machine");
    if (!simulator) {
      ADD_FAILURE() << simulator.error().message;
      return {};
    }
    Arguments arguments;
    arguments.arrays[ESPALIER_ARGUMENT_POSITION] = positions;
    std::vector<float> result;
    for (Mode mode : {Mode::Elastic, Mode::Strict}) {
      auto report = simulator->run(arguments, mode);
      if (!report) {
        ADD_FAILURE() << report.error().message;
        return {};
      }
      if (mode == Mode::Strict) {
        EXPECT_EQ(report->queues[VectorA].complete, complete);
        EXPECT_EQ(report->counters.busy[unsigned(Unit::VectorA)],
                  accumulate ? 2 * busy : busy);
      }
      std::vector<float> before = result;
      result.clear();
      std::span<const uint8_t> c = simulator->contents(1);
      for (size_t i = 0; i < size_t(rows) * resultColumns; ++i)
        result.push_back(element(c.data(), typeC, i));
      if (!before.empty())
        compare(before, result);
    }
    return result;
  }

  static void compare(const std::vector<float> &got,
                      const std::vector<float> &expected) {
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i)
      if (!(std::isnan(got[i]) && std::isnan(expected[i])))
        ASSERT_EQ(std::bit_cast<uint32_t>(got[i]),
                  std::bit_cast<uint32_t>(expected[i]))
            << "element " << i << ": " << got[i] << ", " << expected[i];
  }

  float constant = 0;
  bool accumulate = false;
};

/// What the source is after its way through its type.
float source(const Bench &bench, const std::vector<float> &v, uint8_t type,
             size_t i) {
  std::vector<uint8_t> bytes;
  append(bytes, type, v[i]);
  return element(bytes.data(), type, 0);
}

TEST(Vector, Map) {
  const std::function<float(float)> functions[ESPALIER_MAPS] = {
      [](float x) { return x; },
      [](float x) { return x < 0 ? 0.0f : x; },
      [](float x) { return x < 0 ? 0.0f : x * x; },
      [](float x) { return 1.0f / x; },
      [](float x) { return std::sqrt(x); },
      exp2Exact,
      tanhExact,
      siluExact,
      geluExact,
      geluTanhExact};
  for (uint8_t kind = 0; kind < ESPALIER_MAPS; ++kind)
    for (uint8_t typeA : {I8, I32, BF16, F32})
      for (uint8_t typeC : {I8, I32, BF16, F32}) {
        SCOPED_TRACE(std::to_string(kind) + ": " + std::to_string(typeA) +
                     " to " + std::to_string(typeC));
        Bench bench(3, 37); // three beats of 16 lanes
        bench.typeA = typeA;
        bench.typeC = typeC;
        bench.busy = 9;
        bench.latency = kind <= ESPALIER_MAP_RELU_SQUARED ? 3
                        : kind <= ESPALIER_MAP_SQRT       ? 9
                                                          : 7;
        std::vector<float> got = bench.run(ESPALIER_OP_MAP, {0, 0, 0, 0, kind}),
                           expected;
        for (size_t i = 0; i < bench.a.size(); ++i)
          expected.push_back(rounded(
              functions[kind](source(bench, bench.a, typeA, i)), typeC));
        Bench::compare(got, expected);
      }
}

TEST(Vector, CopyKeepsInt32) {
  Bench bench(1, 4);
  bench.typeA = bench.typeC = I32;
  bench.a = {16777217.0f, 1, 2, 3};
  bench.busy = 1;
  bench.latency = 3;
  EXPECT_EQ(bench.run(ESPALIER_OP_MAP, {})[1], 1.0f);
}

TEST(Vector, Binary) {
  const std::function<float(float, float)> functions[ESPALIER_BINARIES] = {
      [](float x, float y) { return x + y; },
      [](float x, float y) { return x - y; },
      [](float x, float y) { return x * y; },
      [](float x, float y) { return x / y; },
      [](float x, float y) { return y > x ? y : x; }};
  for (uint8_t kind = 0; kind < ESPALIER_BINARIES; ++kind)
    for (uint8_t form : {0, int(ESPALIER_FLAG_ROW), int(ESPALIER_FLAG_COLUMN),
                         int(ESPALIER_FLAG_CONSTANT)})
      for (uint8_t typeB : {BF16, F32, I8}) {
        SCOPED_TRACE(std::to_string(kind) + ", form " + std::to_string(form));
        Bench bench(5, 19);
        bench.typeB = typeB;
        bench.typeC = kind % 2 ? F32 : BF16;
        bench.rowsB = form == ESPALIER_FLAG_ROW ? 1 : 5;
        bench.columnsB = form == ESPALIER_FLAG_COLUMN ? 1 : 19;
        if (form != ESPALIER_FLAG_CONSTANT)
          bench.b = values(bench.rowsB * bench.columnsB, 7 + kind);
        bench.constant = 3.25f;
        bench.busy = 10;
        bench.latency = kind == ESPALIER_BINARY_DIVIDE ? 9 : 3;
        std::vector<float> got =
            bench.run(ESPALIER_OP_BINARY, {0, 0, 0, form, kind});
        std::vector<float> expected;
        for (size_t j = 0; j < 5; ++j)
          for (size_t i = 0; i < 19; ++i) {
            size_t at = form == ESPALIER_FLAG_ROW      ? i
                        : form == ESPALIER_FLAG_COLUMN ? j
                                                       : j * 19 + i;
            float y = form == ESPALIER_FLAG_CONSTANT
                          ? 3.25f
                          : source(bench, bench.b, typeB, at);
            expected.push_back(
                rounded(functions[kind](bench.a[j * 19 + i], y), bench.typeC));
          }
        Bench::compare(got, expected);
      }
}

/// Entry 1 of docs/numerics.md, as it stands there.
float sum16(const std::vector<float> &v) {
  float s[16] = {};
  for (size_t i = 0; i < v.size(); ++i)
    s[i % 16] = s[i % 16] + v[i];
  for (int j = 0; j <= 7; ++j)
    s[j] = s[j] + s[j + 8];
  for (int j = 0; j <= 3; ++j)
    s[j] = s[j] + s[j + 4];
  for (int j = 0; j <= 1; ++j)
    s[j] = s[j] + s[j + 2];
  return s[0] + s[1];
}

TEST(Vector, Reduce) {
  for (uint8_t kind = 0; kind < ESPALIER_REDUCES; ++kind)
    for (uint32_t columns : {1u, 16u, 61u}) {
      SCOPED_TRACE(std::to_string(kind) + ": " + std::to_string(columns));
      Bench bench(6, columns);
      bench.a = values(bench.a.size() + 10, columns);
      bench.a.erase(bench.a.begin(), bench.a.begin() + 10); // finite
      bench.resultColumns = 1;
      bench.busy = 6 * ((columns + 15) / 16); // 16 lanes: one row at once
      bench.latency = 5;
      std::vector<float> got =
                             bench.run(ESPALIER_OP_REDUCE, {0, 0, 0, 0, kind}),
                         expected;
      for (uint32_t j = 0; j < 6; ++j) {
        std::vector<float> row(bench.a.begin() + j * columns,
                               bench.a.begin() + (j + 1) * columns);
        float most = -infinity;
        for (float &x : row) {
          most = x > most ? x : most;
          if (kind == ESPALIER_REDUCE_SQUARES)
            x = x * x;
        }
        expected.push_back(kind == ESPALIER_REDUCE_MAXIMUM ? most : sum16(row));
      }
      Bench::compare(got, expected);
    }
}

TEST(Vector, Mask) {
  for (bool window : {false, true}) {
    Bench bench(4, 20);
    bench.positions = {0, 12, -1, 100};
    bench.extra = 3;
    bench.busy = 8;
    bench.latency = 3;
    std::vector<float> got =
        bench.run(ESPALIER_OP_MASK,
                  {0, 5, 0, uint8_t(window ? ESPALIER_FLAG_WINDOW : 0)});
    for (int j = 0; j < 4; ++j)
      for (int i = 0; i < 20; ++i) {
        int p = bench.positions[size_t(j)], key = 5 + i;
        bool visible = p >= 0 && key <= p && (!window || key > p - 3);
        float x = bench.a[size_t(j * 20 + i)], y = got[size_t(j * 20 + i)];
        EXPECT_TRUE(visible ? x == y || (std::isnan(x) && std::isnan(y))
                            : y == -infinity);
      }
  }
}

TEST(Vector, Rope) {
  Bench bench(3, 20); // two heads of 10, of which 6 are rotated
  bench.a = values(70, 3);
  bench.a.erase(bench.a.begin(), bench.a.begin() + 10);
  bench.b = values(28, 4);
  bench.b.erase(bench.b.begin(), bench.b.begin() + 10);
  bench.columnsB = 6;
  bench.extra = 6 << 16 | 10;
  bench.busy = 6;
  bench.latency = 3;
  std::vector<float> got = bench.run(ESPALIER_OP_ROPE, {});
  std::vector<float> expected = bench.a;
  for (size_t j = 0; j < 3; ++j)
    for (size_t head = 0; head < 20; head += 10)
      for (size_t i = 0; i < 3; ++i) {
        size_t at = j * 20 + head + i;
        float x = bench.a[at], y = bench.a[at + 3];
        float c = bench.b[j * 6 + i], s = bench.b[j * 6 + 3 + i];
        float xc = x * c, ys = y * s, yc = y * c, xs = x * s;
        expected[at] = xc - ys;
        expected[at + 3] = yc + xs;
      }
  Bench::compare(got, expected);
}

TEST(Vector, Argmax) {
  Bench bench(3, 5);
  bench.a = {1,         3,         NAN,       3,   2,   //
             NAN,       NAN,       NAN,       NAN, NAN, //
             -infinity, -infinity, -infinity, -1,  -infinity};
  bench.resultColumns = 2;
  bench.busy = 3;
  bench.latency = 5;
  for (bool again : {false, true}) {
    bench.accumulate = again; // the same values are no larger
    std::vector<float> got = bench.run(ESPALIER_OP_ARGMAX, {0, 100});
    ASSERT_EQ(got.size(), 6u);
    EXPECT_EQ(got[0], 3);
    EXPECT_EQ(std::bit_cast<int32_t>(got[1]), 101);
    EXPECT_EQ(got[2], -infinity);
    EXPECT_EQ(std::bit_cast<int32_t>(got[3]), 100);
    EXPECT_EQ(got[4], -1);
    EXPECT_EQ(std::bit_cast<int32_t>(got[5]), 103);
  }
}

} // namespace
