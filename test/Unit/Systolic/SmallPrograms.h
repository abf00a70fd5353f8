//===- SmallPrograms.h - What tests of hazards are built of ---------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Instructions on the machine of these tests: 4 x 4, w = 1, V = 16, B = 16,
/// D = 10; latencies map 3, function 7, divide 9, reduce 5.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_SYSTOLIC_SMALLPROGRAMS_H
#define ESPALIER_TEST_UNIT_SYSTOLIC_SMALLPROGRAMS_H

#include "Builder.h"
#include "Systolic/Simulator.h"

namespace espalier::test {
using namespace simulator;

/// The error of a run; "" where there is none.
inline std::string runOf(const Builder &b, Mode mode = Mode::Strict,
                         const Arguments &arguments = {}) {
  std::vector<uint8_t> bytes = b.bytes();
  auto s = Simulator::open(bytes, b.machine.text(), "machine");
  if (!s)
    return "open: " + s.error().message;
  auto report = s->run(arguments, mode);
  return report ? "" : report.error().message;
}

#define EXPECT_REFUSED(b, text)                                                \
  EXPECT_NE(runOf(b).find(text), std::string::npos) << runOf(b)
#define EXPECT_RUNS(b) EXPECT_EQ(runOf(b), "")

/// A LOAD of `rows` rows of 16 bytes to granule `to` of the scratchpad: one
/// cycle a row; row j is written in t + 10 + j.
inline void load(Builder &b, uint64_t t, uint32_t rows, uint32_t to) {
  uint32_t symbol = b.place(ESPALIER_REGION_WEIGHTS, "w", rows * 16);
  b.add(DmaIn, t, ESPALIER_OP_LOAD,
        makeShape(rows, 16, 1, 16, 0, 0, I8, I8, 0, 0), {to, symbol});
}
/// Rows of 16 int8, in scratchpad or accumulator (space bits as of shapes): row
/// j is read in t + j and written in t + j + 3.
inline void copy(Builder &b, unsigned queue, uint64_t t, uint32_t rows,
                 uint32_t from, uint32_t to, uint8_t spaces = 0) {
  b.add(queue, t, ESPALIER_OP_MAP,
        makeShape(rows, 16, 1, 0, 1, 0, I8, 0, I8, spaces), {from, 0, to});
}
inline void weights(Builder &b, uint64_t t, uint32_t from = 0, uint32_t k = 4) {
  b.add(Array, t, ESPALIER_OP_LOAD_WEIGHTS,
        makeShape(k, 4, 1, 0, 0, 0, I8, 0, 0, 0), {from});
}
inline void matmul(Builder &b, uint64_t t, uint8_t flags, uint32_t rows = 4,
                   uint32_t to = 0, uint32_t k = 4) {
  b.add(Array, t, ESPALIER_OP_MATMUL,
        makeShape(rows, k, 1, 0, 1, 4, I8, 0, I32, 4), {0, 0, to, flags});
}
inline void stationary(Builder &b, uint64_t t, uint32_t k, uint32_t to) {
  b.add(Array, t, ESPALIER_OP_MATMUL_OS,
        makeShape(4, k, 1, 1, 1, 4, I8, 0, I32, 4), {0, 0, to});
}
/// Sixteen granules are in the scratchpad by cycle 26.
inline Builder loaded(const MachineText &machine = {}) {
  Builder b(machine);
  load(b, 0, 16, 0);
  return b;
}
inline constexpr uint64_t start = 26;

} // namespace espalier::test

#endif // ESPALIER_TEST_UNIT_SYSTOLIC_SMALLPROGRAMS_H
