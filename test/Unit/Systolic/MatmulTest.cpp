//===- MatmulTest.cpp - Products, their times and their bits --------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Builder.h"
#include "Systolic/Simulator.h"
#include "espalier/Support/Half.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace espalier;
using namespace espalier::simulator;
using namespace espalier::test;

namespace {

/// M x K times K x N on a machine, both in the scratchpad, tile by tile: K
/// tiles of all columns one after the other, each tile with one MATMUL of all
/// rows.
struct Problem {
  uint32_t m, k, n;
  uint8_t type;
  bool stationary = false; ///< output-stationary
  bool transposed = false;
};

uint32_t ceilDiv(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

class Product {
public:
  Product(const MachineText &machine, const Problem &p) : p(p), b(machine) {
    std::mt19937 random(p.m * 131 + p.k * 31 + p.n);
    element = p.type == I8 ? 1 : 2;
    auto fill = [&](uint64_t count, std::vector<uint8_t> &bytes) {
      for (uint64_t i = 0; i < count; ++i) {
        auto value = int(random() % 255) - 127;
        uint16_t bits = floatToBf16(float(value) * 0x1p-5f);
        bytes.push_back(p.type == I8 ? uint8_t(value) : uint8_t(bits));
        if (p.type != I8)
          bytes.push_back(uint8_t(bits >> 8));
      }
    };
    fill(uint64_t(p.m) * p.k, left);
    fill(uint64_t(p.k) * p.n, right);
    if (p.transposed) // n x k in memory
      swapRight();
  }

  /// Loads both matrices, then everything in its earliest cycle; the first
  /// instruction of the array issues in `start`.
  std::vector<uint8_t> build() {
    uint32_t rightRows = p.transposed ? p.n : p.k,
             rightColumns = p.transposed ? p.k : p.n;
    strideA = ceilDiv(p.k * element, 16);
    strideB = ceilDiv(rightColumns * element, 16);
    strideC = ceilDiv(p.n * 4, 16);
    baseB = p.m * strideA;
    uint32_t a = b.place(ESPALIER_REGION_WEIGHTS, "a", left.size(), left);
    uint32_t w = b.place(ESPALIER_REGION_WEIGHTS, "b", right.size(), right);
    uint32_t out =
        b.place(ESPALIER_REGION_OUTPUT, "c", uint64_t(p.m) * p.n * 4);
    unsigned bandwidth = b.machine.bandwidth, latency = b.machine.dramLatency;
    auto beats = [&](uint64_t bytes) {
      return (bytes + bandwidth - 1) / bandwidth;
    };
    b.add(
        DmaIn, 0, ESPALIER_OP_LOAD,
        makeShape(p.m, p.k, strideA, p.k * element, 0, 0, p.type, p.type, 0, 0),
        {0, a});
    uint64_t second = beats(left.size());
    b.add(DmaIn, second, ESPALIER_OP_LOAD,
          makeShape(rightRows, rightColumns, strideB, rightColumns * element, 0,
                    0, p.type, p.type, 0, 0),
          {baseB, w});
    start = second + beats(right.size()) + latency;
    b.order(DmaIn, Array, start);
    end = p.stationary ? outputStationary() : weightStationary();
    // Int32 and float32 alike are moved through a vector unit's COPY.
    uint8_t result = p.type == I8 ? I32 : F32;
    uint32_t copy = baseB + rightRows * strideB;
    b.order(Array, VectorA, end);
    b.add(VectorA, end, ESPALIER_OP_MAP,
          makeShape(p.m, p.n, strideC, 0, strideC, 0, result, 0, result, 1),
          {0, 0, copy});
    uint64_t copied =
        end + uint64_t(p.m) * ceilDiv(p.n, b.machine.lanes) + b.machine.map;
    b.order(VectorA, DmaOut, copied);
    b.add(DmaOut, copied, ESPALIER_OP_STORE,
          makeShape(p.m, p.n, strideC, p.n * 4, 0, 0, result, result, 0, 0),
          {copy, out});
    return b.bytes();
  }

  /// The results by the definition, as bits.
  std::vector<uint32_t> expected() const {
    std::vector<uint32_t> result;
    uint32_t run = p.stationary ? p.k : b.machine.rows;
    for (uint32_t i = 0; i < p.m; ++i)
      for (uint32_t n = 0; n < p.n; ++n) {
        float total = 0;
        int32_t sum = 0;
        for (uint32_t k0 = 0; k0 < p.k; k0 += run) {
          float chain = 0;
          for (uint32_t k = k0; k < std::min(p.k, k0 + run); ++k) {
            uint64_t x = uint64_t(i) * p.k + k;
            uint64_t y =
                p.transposed ? uint64_t(n) * p.k + k : uint64_t(k) * p.n + n;
            if (p.type == I8)
              sum += int8_t(left[x]) * int8_t(right[y]);
            else
              chain = std::fma(value(left, x), value(right, y), chain);
          }
          total = total + chain;
        }
        result.push_back(p.type == I8 ? uint32_t(sum)
                                      : std::bit_cast<uint32_t>(total));
      }
    return result;
  }

  uint64_t start = 0, end = 0;

private:
  static float value(const std::vector<uint8_t> &bytes, uint64_t i) {
    return bf16ToFloat(uint16_t(bytes[i * 2] | bytes[i * 2 + 1] << 8));
  }
  void swapRight() {
    std::vector<uint8_t> turned(right.size());
    for (uint32_t k = 0; k < p.k; ++k)
      for (uint32_t n = 0; n < p.n; ++n)
        for (uint32_t i = 0; i < element; ++i)
          turned[(uint64_t(n) * p.k + k) * element + i] =
              right[(uint64_t(k) * p.n + n) * element + i];
    right = turned;
  }

  /// Section 2.1 of the research on the subject without overlap, 2.2 with it.
  uint64_t weightStationary() {
    const MachineText &m = b.machine;
    uint64_t length = ceilDiv(m.rows, m.loadRows), load = start, use = 0;
    uint64_t fill = m.rows + m.columns - 2;
    bool first = true;
    for (uint32_t n0 = 0; n0 < p.n; n0 += m.columns)
      for (uint32_t k0 = 0; k0 < p.k; k0 += m.rows) {
        uint32_t k = std::min(m.rows, p.k - k0),
                 n = std::min(m.columns, p.n - n0);
        // The LOAD_WEIGHTS of the next tile goes with the MATMUL of this one.
        if (first)
          loadTile(load, k0, k, n0, n);
        use = first ? start + length : std::max(use + p.m, load + length);
        if (!m.shadow)
          use = load + length;
        first = false;
        Fields f{k0 * element / 16, 0, n0 * 4 / 16, ESPALIER_FLAG_SWAP};
        if (k0)
          f.flags |= ESPALIER_FLAG_ACCUMULATE;
        b.add(Array, use, ESPALIER_OP_MATMUL,
              makeShape(p.m, k, strideA, 0, strideC, n, p.type, 0,
                        p.type == I8 ? I32 : F32, 4),
              f);
        uint32_t k1 = k0 + m.rows, n1 = n0;
        if (k1 >= p.k) {
          k1 = 0;
          n1 += m.columns;
        }
        if (n1 >= p.n)
          continue;
        load = m.shadow ? use : use + p.m + fill;
        loadTile(load, k1, std::min(m.rows, p.k - k1), n1,
                 std::min(m.columns, p.n - n1));
      }
    return use + p.m + fill;
  }
  void loadTile(uint64_t t, uint32_t k0, uint32_t k, uint32_t n0, uint32_t n) {
    uint32_t at = p.transposed ? baseB + n0 * strideB + k0 * element / 16
                               : baseB + k0 * strideB + n0 * element / 16;
    b.add(Array, t, ESPALIER_OP_LOAD_WEIGHTS,
          makeShape(p.transposed ? n : k, p.transposed ? k : n, strideB, 0, 0,
                    0, p.type, 0, 0, 0),
          {at, 0, 0, uint8_t(p.transposed ? ESPALIER_FLAG_TRANSPOSED : 0)});
  }
  uint64_t outputStationary() {
    const MachineText &m = b.machine;
    uint64_t t = start, fill = m.rows + m.columns - 2, complete = 0;
    for (uint32_t m0 = 0; m0 < p.m; m0 += m.rows)
      for (uint32_t n0 = 0; n0 < p.n; n0 += m.columns) {
        uint32_t rows = std::min(m.rows, p.m - m0),
                 n = std::min(m.columns, p.n - n0);
        b.add(Array, t, ESPALIER_OP_MATMUL_OS,
              makeShape(rows, p.k, strideA, strideB, strideC, n, p.type, p.type,
                        p.type == I8 ? I32 : F32, 4),
              {m0 * strideA, baseB + n0 * element / 16,
               m0 * strideC + n0 * 4 / 16});
        complete = t + p.k + fill;
        t = m.shadow ? t + std::max(p.k, m.rows) : complete;
      }
    return complete;
  }

  Problem p;
  Builder b;
  uint32_t element = 1, strideA = 0, strideB = 0, strideC = 0, baseB = 0;
  std::vector<uint8_t> left, right;
};

std::vector<uint32_t> outputOf(const Simulator &s) {
  std::span<const uint8_t> bytes = s.contents(*s.region("c"));
  std::vector<uint32_t> values(bytes.size() / 4);
  memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void check(const MachineText &machine, const Problem &p, uint64_t cycles) {
  SCOPED_TRACE(std::to_string(p.m) + " x " + std::to_string(p.k) + " x " +
               std::to_string(p.n) + (p.type == I8 ? " int8" : " bf16") +
               (p.stationary ? " os" : " ws") +
               (machine.shadow ? " shadow " : " none ") +
               std::to_string(machine.rows) + " x " +
               std::to_string(machine.columns) +
               " w=" + std::to_string(machine.loadRows));
  Product product(machine, p);
  std::vector<uint8_t> bytes = product.build();
  auto s = Simulator::open(bytes, machine.text(), "machine");
  ASSERT_TRUE(s) << s.error().message;
  std::vector<uint32_t> expected = product.expected();
  uint64_t strict = 0;
  for (Mode mode :
       {Mode::Strict, Mode::Timing, Mode::Elements, Mode::Elastic}) {
    if (mode == Mode::Elements && machine.rows > 16)
      continue;
    auto report = s->run({}, mode);
    ASSERT_TRUE(report) << report.error().message;
    if (mode == Mode::Elastic) {
      EXPECT_LE(report->cycles, strict);
    } else {
      const QueueReport &array = report->queues[Array];
      EXPECT_EQ(array.first, product.start);
      EXPECT_EQ(array.complete - array.first, cycles);
      EXPECT_TRUE(strict == 0 || report->cycles == strict);
      strict = report->cycles;
    }
    if (mode != Mode::Timing) {
      EXPECT_EQ(outputOf(*s), expected);
    }
  }
}

TEST(Matmul, WeightStationaryWithoutOverlap) {
  MachineText m;
  m.shadow = false;
  for (unsigned size : {4u, 8u, 16u}) {
    m.rows = m.columns = size;
    for (Problem p : {Problem{5, 16, 16, I8}, Problem{16, 32, 16, BF16},
                      Problem{1, 48, 16, I8}, Problem{3, 19, 16, BF16}}) {
      uint64_t folds = uint64_t(ceilDiv(p.k, size)) * ceilDiv(p.n, size);
      if (p.k % 16 && p.type == BF16 && size == 4)
        continue; // tiles begin at granules
      if (size * (p.type == I8 ? 1 : 2) % 16)
        continue;
      check(m, p, folds * (p.m + 2 * size + size - 2));
    }
  }
}

TEST(Matmul, WeightStationaryWithShadow) {
  MachineText m;
  for (unsigned w : {1u, 2u, 4u}) {
    m.loadRows = w;
    m.rows = m.columns = 16;
    for (Problem p :
         {Problem{5, 32, 32, I8}, Problem{16, 48, 32, BF16},
          Problem{1, 48, 16, I8}, Problem{20, 64, 16, BF16},
          Problem{7, 19, 9, I8}, Problem{4, 21, 16, BF16, false, true},
          Problem{9, 32, 32, I8, false, true}}) {
      uint64_t folds = uint64_t(ceilDiv(p.k, 16)) * ceilDiv(p.n, 16);
      uint64_t length = ceilDiv(16, w);
      check(m, p,
            length + (folds - 1) * std::max<uint64_t>(p.m, length) + p.m + 30);
    }
  }
}

TEST(Matmul, BandsThatDoNotDivideTheRows) {
  MachineText m;
  m.rows = 8;
  m.columns = 16;
  for (unsigned w : {3u, 5u, 8u}) {
    m.loadRows = w;
    uint64_t length = ceilDiv(8, w);
    check(m, {4, 24, 16, BF16},
          length + 2 * std::max<uint64_t>(4, length) + 4 + 22);
  }
}

TEST(Matmul, OutputStationary) {
  MachineText m;
  m.rows = m.columns = 16;
  for (bool shadow : {false, true}) {
    m.shadow = shadow;
    for (Problem p :
         {Problem{16, 5, 16, I8, true}, Problem{20, 40, 32, BF16, true},
          Problem{3, 1, 7, BF16, true}, Problem{33, 18, 48, I8, true}}) {
      uint64_t folds = uint64_t(ceilDiv(p.m, 16)) * ceilDiv(p.n, 16);
      uint64_t one = p.k + 30;
      uint64_t next = shadow ? std::max(p.k, 16u) : one;
      check(m, p, (folds - 1) * next + one);
    }
  }
}

TEST(Matmul, LargerArray) {
  MachineText m;
  m.rows = m.columns = 128;
  m.loadRows = 4;
  m.scratchpadKiB = 512;
  m.accumulatorKiB = 256;
  m.bandwidth = 256;
  check(m, {100, 256, 256, I8}, 32 + 3 * 100 + 100 + 254);
  check(m, {100, 256, 128, BF16}, 32 + 100 + 100 + 254);
}

} // namespace
