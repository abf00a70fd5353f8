//===- ProgramTest.cpp - What the decoder refuses -------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Builder.h"
#include "Systolic/Simulator.h"

#include <cstddef>
#include <functional>
#include <gtest/gtest.h>

using namespace espalier;
using namespace espalier::simulator;
using namespace espalier::test;

namespace {

std::string openError(const Builder &b, const std::vector<uint8_t> &bytes,
                      const Limits &limits = {}) {
  auto s = Simulator::open(bytes, b.machine.text(), "machine", limits);
  return s ? "" : s.error().message;
}
std::string openError(const Builder &b) { return openError(b, b.bytes()); }

#define EXPECT_ERROR(got, text)                                                \
  EXPECT_NE((got).find(text), std::string::npos) << "got: " << (got)

constexpr uint16_t rowShape = 0;
/// A program that loads, multiplies, maps and stores.
Builder whole() {
  Builder b;
  b.bucketRows = 4;
  b.shape(makeShape(4, 16, 1, 16, 0, 0, I8, I8, 0, 0));       // 0: DMA
  b.shape(makeShape(4, 4, 1, 0, 1, 4, I8, 0, I32, 4));        // 1: array
  b.shape(makeShape(4, 4, 1, 1, 1, 0, I32, I32, F32, 1 | 4)); // 2: vector
  uint32_t w = b.place(ESPALIER_REGION_WEIGHTS, "w", 64);
  uint32_t o = b.place(ESPALIER_REGION_OUTPUT, "o", 64);
  b.constant(2);
  uint32_t mark = b.mark("phase");
  b.control(DmaIn, 0, ESPALIER_OP_MARK, {0, mark});
  b.add(DmaIn, 0, ESPALIER_OP_LOAD, uint16_t(0), {0, w});
  b.order(DmaIn, Array, 14);
  b.add(Array, 14, ESPALIER_OP_LOAD_WEIGHTS, uint16_t(1), {0});
  b.add(Array, 18, ESPALIER_OP_MATMUL, uint16_t(1),
        {0, 0, 0, ESPALIER_FLAG_SWAP});
  b.order(Array, VectorA, 28);
  b.add(VectorA, 28, ESPALIER_OP_BINARY, uint16_t(2),
        {0, 0, 40, ESPALIER_FLAG_CONSTANT, ESPALIER_BINARY_MULTIPLY});
  b.order(VectorA, DmaOut, 36);
  b.add(DmaOut, 36, ESPALIER_OP_STORE, uint16_t(0), {0, o});
  return b;
}

TEST(Decoder, TakesAWholeProgram) {
  Builder b = whole();
  std::vector<uint8_t> bytes = b.bytes();
  auto s = Simulator::open(bytes, b.machine.text(), "machine");
  ASSERT_TRUE(s) << s.error().message;
  EXPECT_TRUE(s->run());
  EXPECT_EQ(s->program().marks[0], "phase");
}

TEST(Decoder, Header) {
  struct Case {
    size_t offset;
    uint32_t value;
    const char *error;
  };
  using H = espalier_systolic_header;
  const Case cases[] = {
      {offsetof(H, magic), 1, "not a program of the accelerator"},
      {offsetof(H, version), 2, "version 2 with a header of 96 bytes"},
      {offsetof(H, header_bytes), 95, "header of 95 bytes"},
      {offsetof(H, file_bytes), 99, "expected 99 bytes, got "},
      {offsetof(H, shapes), 65537, "65537 shapes, at most 65536 are allowed"},
      {offsetof(H, semaphores), 257, "257 semaphores, at most 256"},
      {offsetof(H, bucket_rows), 65537, "a bucket of 65537 rows"},
      {offsetof(H, marks), 65537, "65537 marks"},
      {offsetof(H, regions), 65537, "65537 regions"},
      {offsetof(H, constants), 3, "the sections do not add up"},
      {offsetof(H, addresses), 0xffffffff, "the sections do not add up"},
      {offsetof(H, data_bytes), 1, "the sections do not add up"},
      {offsetof(H, instructions), 0, "the sections do not add up"},
      {offsetof(H, array_rows), 8,
       "is for an array of 8 x 4, the machine "
       "'test' has 4 x 4"},
  };
  Builder b = whole();
  for (const Case &c : cases) {
    std::vector<uint8_t> bytes = b.bytes();
    memcpy(bytes.data() + c.offset, &c.value, 4);
    EXPECT_ERROR(openError(b, bytes), c.error);
  }
  std::vector<uint8_t> bytes = b.bytes();
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(openError(b, {bytes.begin(), bytes.begin() + long(size)}), "");
}

TEST(Decoder, RegionsAndAddresses) {
  auto check = [](const std::function<void(Builder &)> &change,
                  const char *error) {
    Builder b = whole();
    change(b);
    EXPECT_ERROR(openError(b), error);
  };
  check([](Builder &b) { b.regions[0].kind = 5; }, "region 0: unknown kind 5");
  check([](Builder &b) { b.regions[1].name = 1000; },
        "region 1: a name at 1000");
  check([](Builder &b) { b.regions[0].bytes = uint64_t(1) << 41; },
        "at most 1099511627776 are allowed");
  check([](Builder &b) { b.regions[0].data_bytes = 3; },
        "3 bytes of contents for 64");
  check(
      [](Builder &b) {
        b.regions[0].data_bytes = 64;
        b.regions[0].data = ~uint64_t(0);
      },
      "contents at 18446744073709551615 of 0 bytes of data");
  check([](Builder &b) { b.strings.back() = 'x'; },
        "the strings do not end with a zero");
  check([](Builder &b) { b.strings = std::string(300, 'x') + '\0'; },
        "a name of more than 255 bytes");
  check([](Builder &b) { b.addresses[0] = ESPALIER_SYSTOLIC_ADDRESS(2, 0); },
        "address 0: byte 0 of region 2 does not exist");
  check([](Builder &b) { b.addresses[0] = ESPALIER_SYSTOLIC_ADDRESS(0, 65); },
        "address 0: byte 65 of region 0 does not exist");
  check([](Builder &b) { b.symbols[1].count = 2; },
        "symbol 1: addresses 1 and on, 2 of 2");
  check([](Builder &b) { b.symbols[0].count = 0; }, "symbol 0: addresses");
  check([](Builder &b) { b.shapes[1].reserved = 1; }, "shape 1: expected 0");
  check([](Builder &b) { b.shapes[1].spaces = 8; }, "shape 1: expected 0");
  check(
      [](Builder &b) {
        b.add(DmaIn, 50, ESPALIER_OP_LOAD, rowShape, {0, 0, 1});
      },
      "queue DMA in, instruction 3 (LOAD): symbol 0: needs 80 bytes, and a "
      "region has only 64");
  check(
      [](Builder &b) {
        b.add(DmaOut, 50, ESPALIER_OP_STORE, rowShape, {0, 0});
      },
      "symbol 0: a region that is read only cannot be written");
}

TEST(Decoder, Instructions) {
  struct Case {
    unsigned queue;
    uint8_t opcode;
    uint16_t shape;
    Fields fields;
    const char *error;
  };
  const Case cases[] = {
      {DmaIn, 0x99, 0, {}, "queue DMA in, instruction 3 (?): unknown opcode"},
      {DmaIn, ESPALIER_OP_STORE, 0, {}, "(STORE): this queue does not take it"},
      {Array, ESPALIER_OP_MAP, 0, {}, "(MAP): this queue does not take it"},
      {VectorB, ESPALIER_OP_MATMUL, 1, {}, "this queue does not take it"},
      {DmaIn, ESPALIER_OP_LOAD, 0, {0, 0, 0, 2}, "flags 2, allowed are 1"},
      {VectorA,
       ESPALIER_OP_MAP,
       2,
       {0, 0, 0, 0, 10},
       "kind 10, expected less than 10"},
      {VectorA, ESPALIER_OP_BINARY, 2, {0, 0, 0, 0, 5}, "kind 5"},
      {VectorA, ESPALIER_OP_REDUCE, 2, {0, 0, 0, 0, 3}, "kind 3"},
      {DmaIn, ESPALIER_OP_GATHER, 0, {0, 0, 0, 0, 4}, "kind 4"},
      {VectorA,
       ESPALIER_OP_BINARY,
       2,
       {0, 0, 0, 12},
       "b cannot be of two forms"},
      {VectorA,
       ESPALIER_OP_BINARY,
       2,
       {0, 1, 0, ESPALIER_FLAG_CONSTANT, 0},
       "constant 1 of 1"},
      {VectorA, ESPALIER_OP_MAP, 3, {}, "shape 3 of 3"},
      {VectorA, ESPALIER_OP_DELAY, 1, {}, "it has no shape"},
      {DmaIn, ESPALIER_OP_LOAD, 0, {0, 2}, "symbol 2 of 2"},
      {DmaIn, ESPALIER_OP_WAIT, 0, {}, "a count of 0"},
      {DmaIn,
       ESPALIER_OP_WAIT,
       0,
       {0, 1, 0, 0, 9},
       "semaphore 9, expected less than 3"},
      {DmaIn, ESPALIER_OP_MARK, 0, {0, 1}, "mark 1 of 1"},
      {DmaIn, ESPALIER_OP_END, 0, {}, "END must be the last instruction"},
      {DmaIn,
       ESPALIER_OP_LOAD,
       0,
       {4093, 0},
       "operand a ends at byte 65552 of the scratchpad's 65536"},
      {DmaIn, ESPALIER_OP_LOAD, 0, {0xffffff, 0}, "operand a ends at byte"},
      {Array,
       ESPALIER_OP_MATMUL,
       1,
       {0, 0, 1021},
       "operand c ends at byte 16400 of the accumulator's 16384"},
      {DmaIn,
       ESPALIER_OP_REPEAT,
       0,
       {0, 2},
       "queue DMA in: a REPEAT without END_REPEAT"},
      {DmaIn, ESPALIER_OP_END_REPEAT, 0, {}, "(END_REPEAT): without a REPEAT"},
      {DmaIn, ESPALIER_OP_REPEAT, 0, {0, 0}, "a count of 0"},
  };
  for (const Case &c : cases) {
    Builder b = whole();
    b.add(c.queue, 60, c.opcode, c.shape, c.fields);
    std::string error = openError(b);
    // A REPEAT before END is first found to be open there.
    if (c.opcode == ESPALIER_OP_REPEAT && c.fields.b)
      EXPECT_ERROR(error, "within a loop");
    else
      EXPECT_ERROR(error, c.error);
  }
  Builder b = whole();
  b.ends = false;
  EXPECT_ERROR(openError(b), "the last instruction must be END");
}

TEST(Decoder, Shapes) {
  struct Case {
    unsigned queue;
    uint8_t opcode;
    Shape shape;
    const char *error;
    uint8_t flags = 0;
  };
  const Case cases[] = {
      {DmaIn, ESPALIER_OP_LOAD, makeShape(0, 16, 1, 16, 0, 0, I8, I8, 0, 0),
       "rows: expected 1 to 65536, got 0"},
      {DmaIn, ESPALIER_OP_LOAD, makeShape(1, 0, 1, 16, 0, 0, I8, I8, 0, 0),
       "columns: expected 1 to the size of a memory, got 0"},
      {DmaIn, ESPALIER_OP_LOAD, makeShape(1, 16, 1, 16, 0, 0, I8, I8, 0, 1),
       "space of a: expected the scratchpad (0), got 1"},
      {DmaIn, ESPALIER_OP_LOAD, makeShape(1, 4, 1, 16, 0, 0, F32, BF16, 0, 0),
       "type of b: expected float32, got bf16"},
      {DmaIn, ESPALIER_OP_LOAD,
       makeShape(1, 4, 1, 16, 0, 0, I8, ESPALIER_SYSTOLIC_Q8_0, 0, 0),
       "type of b: expected int8, got Q8_0"},
      {DmaIn, ESPALIER_OP_LOAD, makeShape(2, 17, 1, 16, 0, 0, I8, I8, 0, 0),
       "stride of what is written: expected rows that do not overlap, got 1"},
      {DmaOut, ESPALIER_OP_STORE, makeShape(1, 4, 1, 16, 0, 0, BF16, F32, 0, 0),
       "type of b: expected bf16, got float32"},
      {DmaIn, ESPALIER_OP_GATHER, makeShape(3, 4, 1, 16, 0, 2, I8, I8, 0, 0),
       "it needs 5 elements of an argument, and there are 4"},
      {Array, ESPALIER_OP_LOAD_WEIGHTS,
       makeShape(5, 4, 1, 0, 0, 0, I8, 0, 0, 0),
       "rows: expected at most the array's 4 rows, got 5"},
      {Array, ESPALIER_OP_LOAD_WEIGHTS,
       makeShape(4, 5, 1, 0, 0, 0, I8, 0, 0, 0),
       "columns: expected at most the array's 4 columns, got 5"},
      {Array, ESPALIER_OP_LOAD_WEIGHTS,
       makeShape(5, 4, 1, 0, 0, 0, I8, 0, 0, 0),
       "rows: expected at most the array's 4 columns, got 5",
       ESPALIER_FLAG_TRANSPOSED},
      {Array, ESPALIER_OP_LOAD_WEIGHTS,
       makeShape(4, 4, 1, 0, 0, 0, F32, 0, 0, 0),
       "type of a: expected bf16 or int8, got float32"},
      {Array, ESPALIER_OP_MATMUL, makeShape(4, 5, 1, 0, 1, 4, I8, 0, I32, 4),
       "columns: expected at most the array's 4 rows, got 5"},
      {Array, ESPALIER_OP_MATMUL, makeShape(4, 4, 1, 0, 1, 5, I8, 0, I32, 4),
       "extra: expected 1 to the array's 4 columns, got 5"},
      {Array, ESPALIER_OP_MATMUL, makeShape(4, 4, 1, 0, 1, 4, I8, 0, F32, 4),
       "type of c: expected int32, got float32"},
      {Array, ESPALIER_OP_MATMUL, makeShape(4, 4, 1, 0, 1, 4, I8, 0, I32, 0),
       "space of c: expected the accumulator (1), got 0"},
      {Array, ESPALIER_OP_MATMUL, makeShape(4, 4, 1, 0, 0, 4, I8, 0, I32, 4),
       "stride of what is written"},
      {Array, ESPALIER_OP_MATMUL_OS, makeShape(5, 9, 1, 1, 1, 4, I8, 0, I32, 4),
       "rows: expected at most the array's 4 rows, got 5"},
      {Array, ESPALIER_OP_MATMUL_OS,
       makeShape(4, 9, 1, 1, 1, 4, I8, BF16, I32, 4),
       "type of b: expected int8, got bf16"},
      {VectorA, ESPALIER_OP_MAP,
       makeShape(4, 4, 1, 0, 1, 0, ESPALIER_SYSTOLIC_Q4_0, 0, F32, 0),
       "type of a: expected int8 or int32 or bf16 or float32, got Q4_0"},
      {VectorA, ESPALIER_OP_MAP, makeShape(4, 4, 1, 0, 1, 0, 9, 0, F32, 0),
       "got 9"},
      {VectorA, ESPALIER_OP_REDUCE, makeShape(4, 4, 1, 0, 1, 0, F32, 0, I32, 0),
       "type of c: expected float32, got int32"},
      {VectorA, ESPALIER_OP_ARGMAX, makeShape(4, 4, 1, 0, 0, 0, F32, 0, F32, 0),
       "stride of what is written"},
      {VectorA, ESPALIER_OP_MASK, makeShape(5, 4, 1, 0, 1, 0, F32, 0, F32, 0),
       "it needs 5 elements of an argument, and there are 4"},
      {VectorA, ESPALIER_OP_ROPE,
       makeShape(1, 12, 3, 1, 3, 8 | 8 << 16, F32, F32, F32, 0),
       "extra (elements of a head): expected a divisor of the columns, got 8"},
      {VectorA, ESPALIER_OP_ROPE,
       makeShape(1, 8, 3, 1, 3, 8 | 5 << 16, F32, F32, F32, 0),
       "extra (elements that are rotated): expected an even number of 2 to "
       "those of a head, got 5"},
  };
  for (const Case &c : cases) {
    Builder b = whole();
    b.add(c.queue, 60, c.opcode, c.shape, {0, 0, 0, c.flags});
    EXPECT_ERROR(openError(b), c.error);
  }
  Builder b = whole();
  b.machine.types = "\"bf16\"";
  EXPECT_ERROR(openError(b), "the machine's array has no int8");
  b.machine = MachineText();
  b.machine.dataflows = "\"output_stationary\"";
  EXPECT_ERROR(openError(b), "no dataflow 'weight_stationary'");
  b.machine.dataflows = "\"weight_stationary\"";
  b.add(Array, 60, ESPALIER_OP_MATMUL_OS, uint16_t(1));
  EXPECT_ERROR(openError(b), "no dataflow 'output_stationary'");
}

TEST(Decoder, Loops) {
  Builder deep;
  deep.loop(0, 0, 2);
  deep.loop(1, 0, 2);
  deep.loop(2, 0, 2);
  EXPECT_ERROR(openError(deep), "loops deeper than 2");

  Builder some;
  some.control(DmaIn, 0, ESPALIER_OP_REPEAT, {0, 2});
  some.control(DmaIn, 5, ESPALIER_OP_END_REPEAT);
  EXPECT_ERROR(openError(some),
               "queues DMA in and DMA out: a different number of loops");

  for (bool count : {true, false}) {
    Builder b;
    for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
      b.control(q, 0, ESPALIER_OP_REPEAT, {0, count && q == 3 ? 3u : 2u});
      b.control(q, !count && q == 3 ? 6 : 5, ESPALIER_OP_END_REPEAT);
    }
    EXPECT_ERROR(openError(b), count ? "queues DMA in and vector A: "
                                       "instructions 0 and 0: the loops differ"
                                     : "expected the same number of cycles "
                                       "before each END_REPEAT, got 5 and 6");
  }

  Builder layers = whole();
  uint32_t symbol = layers.symbol({0, 0});
  layers.loop(60, 1, 2);
  layers.add(DmaIn, 60, ESPALIER_OP_LOAD, rowShape, {0, symbol});
  layers.endLoop(80);
  EXPECT_ERROR(openError(layers), "symbol 2: layer 2 of 2");
}

TEST(Decoder, WorkIsBounded) {
  Builder b;
  b.loop(0, 0, 0xffffff);
  b.loop(0, 0, 0xffffff);
  b.endLoop(0);
  b.endLoop(0);
  Limits limits;
  limits.work = 1u << 20;
  EXPECT_ERROR(openError(b, b.bytes(), limits),
               "does more than the limit of 1048576 units of work");
  EXPECT_ERROR(openError(b), "does more than the limit of 1099511627776 units "
                             "of work (instructions, or 64 multiplications "
                             "each); espalier-sim --work N allows more");
  Builder c = whole();
  limits.work = 20;
  EXPECT_ERROR(openError(c, c.bytes(), limits), "the limit of 20 units");
}

TEST(Simulator, BindsMemory) {
  Builder b = whole();
  std::vector<uint8_t> bytes = b.bytes(), weights(64, 3), out(63);
  auto s = Simulator::open(bytes, b.machine.text(), "machine");
  ASSERT_TRUE(s);
  Status status = s->bind(1, std::span<uint8_t>(out));
  EXPECT_ERROR(status ? std::string() : status.error().message,
               "region 'o': expected 64 bytes of memory, got 63");
  status = s->bind(1, std::span<const uint8_t>(weights));
  EXPECT_ERROR(status ? std::string() : status.error().message,
               "region 'o': its memory must be writable");
  out.resize(64);
  EXPECT_TRUE(s->bind(1, std::span<uint8_t>(out)));
  EXPECT_TRUE(s->bind(0, std::span<const uint8_t>(weights)));
  ASSERT_TRUE(s->run());
  EXPECT_EQ(out[0], 3);
  weights[0] = 9;
  ASSERT_TRUE(s->run());
  EXPECT_EQ(out[0], 9);
}

/// A sum of 4 bytes in a granule of 16, which is read as a whole, and only then
/// written as a whole: no run sees what the one before it left there.
TEST(Simulator, RunsBeginWithZeros) {
  for (uint8_t spaces : {0, 4}) {
    Builder b;
    uint32_t w = b.place(ESPALIER_REGION_WEIGHTS, "w", 16,
                         std::vector<uint8_t>(16, 0x3f));
    uint32_t o = b.place(ESPALIER_REGION_OUTPUT, "o", 16);
    uint8_t back = spaces >> 2;
    b.add(DmaIn, 0, ESPALIER_OP_LOAD,
          makeShape(1, 4, 1, 16, 0, 0, F32, F32, 0, 0), {0, w});
    b.order(DmaIn, VectorA, 20);
    b.add(VectorA, 20, ESPALIER_OP_REDUCE,
          makeShape(1, 4, 1, 0, 1, 0, F32, 0, F32, spaces), {0, 0, 1});
    b.add(VectorA, 40, ESPALIER_OP_MAP,
          makeShape(1, 4, 1, 0, 1, 0, F32, 0, F32, back), {1, 0, 2});
    b.add(VectorA, 60, ESPALIER_OP_MAP,
          makeShape(1, 4, 1, 0, 1, 0, F32, 0, F32, spaces), {0, 0, 1});
    b.order(VectorA, DmaOut, 80);
    b.add(DmaOut, 80, ESPALIER_OP_STORE,
          makeShape(1, 4, 1, 16, 0, 0, F32, F32, 0, 0), {2, o});
    std::vector<uint8_t> bytes = b.bytes();
    auto s = Simulator::open(bytes, b.machine.text(), "machine");
    ASSERT_TRUE(s) << s.error().message;
    for (Mode mode : {Mode::Strict, Mode::Timing, Mode::Strict, Mode::Elastic,
                      Mode::Elements}) {
      auto report = s->run({}, mode);
      ASSERT_TRUE(report) << report.error().message;
      if (mode == Mode::Timing)
        continue;
      std::span<const uint8_t> out = s->contents(1);
      EXPECT_NE(out[3], 0);
      EXPECT_EQ(std::vector<uint8_t>(out.begin() + 4, out.end()),
                std::vector<uint8_t>(12));
    }
  }
}

TEST(Simulator, ArgumentsAreNeeded) {
  Builder b = whole();
  uint32_t table = b.place(ESPALIER_REGION_TABLE, "t", 64);
  b.add(DmaIn, 60, ESPALIER_OP_GATHER,
        makeShape(4, 16, 1, 16, 0, 0, I8, I8, 0, 0),
        {100, table, 0, 0, ESPALIER_ARGUMENT_POSITION});
  std::vector<uint8_t> bytes = b.bytes();
  auto s = Simulator::open(bytes, b.machine.text(), "machine");
  ASSERT_TRUE(s) << s.error().message;
  auto report = s->run();
  ASSERT_FALSE(report);
  EXPECT_ERROR(report.error().message,
               "argument POSITION: expected 4 elements, got 0");
  Arguments arguments;
  int32_t positions[] = {0, 3, -1, 4};
  arguments.arrays[ESPALIER_ARGUMENT_POSITION] = positions;
  report = s->run(arguments);
  ASSERT_FALSE(report);
  EXPECT_ERROR(report.error().message,
               "(GATHER): element 3 of argument 1 is 4, and region 't' has no "
               "such row");
  positions[3] = 2;
  EXPECT_TRUE(s->run(arguments));
}

} // namespace
