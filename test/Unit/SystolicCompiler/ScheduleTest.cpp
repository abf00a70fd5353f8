//===- ScheduleTest.cpp - Times and semaphores ----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Compiled.h"
#include "espalier/Target/Systolic/Decode.h"

using namespace espalier;
using namespace espalier::systolic;

namespace {

/// Sequences on a small machine: rows of 16 bytes, regions 0 (read) and 1
/// (read and written) of 4 KiB.
struct Small {
  SystolicMachine machine = plainMachine(4, 4, true);
  Sequence sequence;

  Small() {
    machine.scratchpadBytes = 4096;
    machine.scratchpadBanks = 4;
    machine.accumulatorBytes = 1024;
    machine.accumulatorBanks = 1;
    machine.lanes = 4;
    machine.latencyMap = 4;
    machine.dramBandwidth = 16;
    machine.dramLatency = 10;
    Program &frame = sequence.frame;
    frame.regions = {{ESPALIER_REGION_WEIGHTS, "in", 4096, {}},
                     {ESPALIER_REGION_CACHE, "both", 4096, {}}};
    frame.symbols = {{"in", {ESPALIER_SYSTOLIC_ADDRESS(0, 0)}},
                     {"both", {ESPALIER_SYSTOLIC_ADDRESS(1, 0)}},
                     {"layers",
                      {ESPALIER_SYSTOLIC_ADDRESS(1, 0),
                       ESPALIER_SYSTOLIC_ADDRESS(1, 1024)}}};
    frame.shapes.push_back({});
  }

  uint16_t shape(uint32_t rows) {
    Shape form = {};
    form.rows = rows;
    form.columns = 4;
    form.stride_a = form.stride_c = 1;
    form.stride_b = 16;
    form.type_a = form.type_b = form.type_c = ESPALIER_SYSTOLIC_F32;
    sequence.frame.shapes.push_back(form);
    return uint16_t(sequence.frame.shapes.size() - 1);
  }
  void put(unsigned queue, uint8_t opcode, uint32_t rows, uint32_t a,
           uint32_t b, uint32_t c) {
    Instruction in;
    in.opcode = opcode;
    in.a = a;
    in.b = b;
    in.c = c;
    in.shape = rows ? shape(rows) : 0;
    sequence.body.push_back({espalier_systolic_queue(queue), in});
  }
  void load(uint32_t to, uint32_t rows, uint32_t symbol = 0,
            uint32_t offset = 0) {
    put(ESPALIER_QUEUE_DMA_IN, ESPALIER_OP_LOAD, rows, to, symbol, offset);
  }
  void store(uint32_t from, uint32_t rows, uint32_t symbol = 1,
             uint32_t offset = 0) {
    put(ESPALIER_QUEUE_DMA_OUT, ESPALIER_OP_STORE, rows, from, symbol, offset);
  }
  void copy(unsigned queue, uint32_t from, uint32_t to, uint32_t rows) {
    put(queue, ESPALIER_OP_MAP, rows, from, 0, to);
  }

  std::vector<uint64_t> issues() {
    std::vector<Placement> placements;
    Result<Program> program = schedule(sequence, machine, &placements);
    EXPECT_TRUE(bool(program)) << (program ? "" : program.error().message);
    if (program)
      scheduled = *program;
    std::vector<uint64_t> issues;
    for (const Placement &p : placements)
      issues.push_back(p.issue);
    return issues;
  }
  std::string failure() {
    Result<Program> program = schedule(sequence, machine);
    return program ? "" : program.error().message;
  }
  unsigned count(uint8_t opcode) const {
    unsigned sum = 0;
    for (auto &queue : scheduled.queues)
      for (const Instruction &in : queue)
        sum += in.opcode == opcode;
    return sum;
  }

  Program scheduled;
};

using Times = std::vector<uint64_t>;
constexpr unsigned A = ESPALIER_QUEUE_VECTOR_A, B = ESPALIER_QUEUE_VECTOR_B;

} // namespace

TEST(SystolicSchedule, ReadersFollowWritersRowByRow) {
  Small s;
  s.load(0, 8);        // row j is written in 10 + j
  s.copy(A, 0, 64, 8); // reads row j in t + j, writes it in t + j + 4
  s.store(64, 8);
  EXPECT_EQ(s.issues(), (Times{0, 11, 16}));
  EXPECT_EQ(s.count(ESPALIER_OP_WAIT), 2u);
  EXPECT_EQ(s.count(ESPALIER_OP_SIGNAL), 2u);
  EXPECT_EQ(s.scheduled.semaphores, 2u);
  EXPECT_EQ(predictCycles(s.scheduled, s.machine), 16u + 8 + 10);
}

TEST(SystolicSchedule, WritersFollowReaders) {
  Small s;
  s.load(0, 8);
  s.copy(A, 0, 64, 8); // 11: reads row j in 11 + j
  s.load(0, 8);        // writes row j in t + 10 + j, issues behind the copy
  EXPECT_EQ(s.issues(), (Times{0, 11, 11}));
}

TEST(SystolicSchedule, LoadsRunAheadWhereNothingConflicts) {
  Small s;
  s.load(0, 8);
  s.copy(A, 0, 64, 8);
  s.store(64, 8);
  s.load(128, 8); // before the store, in the cycles that the bus is free
  EXPECT_EQ(s.issues(), (Times{0, 11, 16, 8}));
}

TEST(SystolicSchedule, TheBusIsOne) {
  Small s;
  s.load(0, 2);
  s.store(0, 2);  // 11
  s.load(64, 10); // 2 .. 11 would overlap it
  EXPECT_EQ(s.issues(), (Times{0, 11, 13}));
}

TEST(SystolicSchedule, PortsOfABank) {
  Small s;
  s.machine.readPorts = 1;
  s.load(0, 8);
  s.copy(A, 0, 64, 8);
  s.copy(B, 0, 128, 8); // the same bank is read: behind the first
  EXPECT_EQ(s.issues(), (Times{0, 11, 19}));
  s.machine.readPorts = 2;
  EXPECT_EQ(s.issues(), (Times{0, 11, 11}));
  s.machine.writePorts = 1;
  s.sequence.body[2].second.c = 80; // and so the one that is written
  EXPECT_EQ(s.issues(), (Times{0, 11, 19}));
}

TEST(SystolicSchedule, SemaphoresThatOthersImplyAreLeftOut) {
  Small s;
  s.load(0, 8);
  s.copy(A, 0, 64, 8);
  s.copy(B, 64, 128, 8);
  s.load(64, 8, 0, 8); // follows B, and so what A wrote
  s.load(0, 8, 0, 16); // follows A: B has waited for it
  s.issues();
  EXPECT_EQ(s.count(ESPALIER_OP_WAIT), 3u);
}

TEST(SystolicSchedule, StoresAreCompleteBeforeTheirBytesAreLoaded) {
  Small s;
  s.load(0, 4);
  s.store(0, 4, 1, 8);
  s.load(64, 1, 1, 7);  // beside them
  s.load(64, 1, 1, 11); // the last of them
  EXPECT_EQ(s.issues(), (Times{0, 11, 4, 25}));
}

TEST(SystolicSchedule, LoopsBeginWhenEverythingIsComplete) {
  Small s;
  s.load(0, 8); // complete in 18
  s.put(0, ESPALIER_OP_REPEAT, 0, 0, 2, 0);
  s.store(0, 4, 2); // of the layer: 18, complete in 32
  s.load(64, 4, 2); // 32, complete in 46
  s.put(0, ESPALIER_OP_END_REPEAT, 0, 0, 0, 0);
  s.copy(A, 64, 128, 4);
  EXPECT_EQ(s.issues(), (Times{0, 18, 32, 46}));
  for (auto &queue : s.scheduled.queues) {
    uint64_t now = 0, begin = 0;
    for (const Instruction &in : queue) {
      now += in.dt;
      if (in.opcode == ESPALIER_OP_REPEAT)
        begin = now;
      if (in.opcode == ESPALIER_OP_END_REPEAT)
        EXPECT_EQ(now - begin, 28u);
    }
    EXPECT_EQ(begin, 18u);
  }
  // 18, two turns of 28, and the copy.
  EXPECT_EQ(predictCycles(s.scheduled, s.machine), 18u + 56 + 8);
}

/// The books are no larger than the symbols are long.
TEST(SystolicSchedule, LoopsOfAnyLength) {
  Times first;
  for (uint32_t times : {2u, 0xffffffu}) {
    Small s;
    s.load(0, 8);
    s.put(0, ESPALIER_OP_REPEAT, 0, 0, times, 0);
    s.store(0, 4, 1);
    s.load(64, 4, 1);
    s.put(0, ESPALIER_OP_END_REPEAT, 0, 0, 0, 0);
    first = first.empty() ? s.issues() : first;
    EXPECT_EQ(s.issues(), first);
  }
  EXPECT_EQ(first, (Times{0, 18, 32}));
}

/// A tile of 4 x 3 int8; MATMULs that do not fit it.
TEST(SystolicSchedule, TilesFitTheirMatmuls) {
  struct Case {
    uint32_t columns, extra;
    uint8_t type;
    bool transposed;
    const char *error;
  };
  for (const Case &c : {
           Case{4, 3, ESPALIER_SYSTOLIC_I8, false, ""},
           Case{3, 4, ESPALIER_SYSTOLIC_I8, true, ""},
           Case{3, 3, ESPALIER_SYSTOLIC_I8, false,
                "instruction 2 (MATMUL): has other columns than its tile of "
                "weights has rows"},
           Case{4, 4, ESPALIER_SYSTOLIC_I8, false,
                "instruction 2 (MATMUL): writes more columns than its tile of "
                "weights has"},
           Case{4, 3, ESPALIER_SYSTOLIC_BF16, false,
                "instruction 2 (MATMUL): is of another type than its tile of "
                "weights"},
       }) {
    Small s;
    s.load(0, 8);
    s.put(ESPALIER_QUEUE_ARRAY, ESPALIER_OP_LOAD_WEIGHTS, 4, 0, 0, 0);
    Shape &tile = s.sequence.frame.shapes.back();
    tile.columns = 3;
    tile.type_a = ESPALIER_SYSTOLIC_I8;
    s.sequence.body.back().second.flags =
        uint8_t(c.transposed ? ESPALIER_FLAG_TRANSPOSED : 0);
    s.put(ESPALIER_QUEUE_ARRAY, ESPALIER_OP_MATMUL, 4, 0, 0, 0);
    s.sequence.body.back().second.flags = ESPALIER_FLAG_SWAP;
    Shape &shape = s.sequence.frame.shapes.back();
    shape.columns = c.columns;
    shape.extra = c.extra;
    shape.type_a = c.type;
    shape.spaces = 4;
    EXPECT_EQ(s.failure(), c.error);
  }
}

/// Each address of a symbol has room for what is moved and may be written, as
/// the simulator wants it, whatever layers run.
TEST(SystolicCheck, AllPlacesOfASymbol) {
  auto check = [](bool store, uint64_t region, uint64_t byte) {
    Small s;
    s.sequence.frame.bucketRows = 1;
    s.sequence.frame.symbols[2].addresses[1] =
        ESPALIER_SYSTOLIC_ADDRESS(region, byte);
    s.load(0, 4, store ? 0 : 2);
    if (store)
      s.store(0, 4, 2);
    Result<Program> program = schedule(s.sequence, s.machine);
    EXPECT_TRUE(bool(program));
    Status status = program ? checkProgram(*program) : Status();
    return status ? std::string() : status.error().message;
  };
  EXPECT_EQ(check(false, 1, 4032), "");
  EXPECT_EQ(check(false, 1, 4048),
            "queue dma_in, instruction 0 (LOAD): expected a place within the "
            "4096 bytes of region 'both', got 64 from 4048 on");
  EXPECT_EQ(check(true, 1, 4032), "");
  EXPECT_NE(check(true, 0, 0).find("(STORE): region 'in' is read only"),
            std::string::npos);
}

TEST(SystolicSchedule, WhatCannotBeRight) {
  {
    Small s;
    s.copy(A, 0, 64, 4);
    EXPECT_EQ(s.failure(), "instruction 0 (MAP): reads what was never written");
  }
  {
    Small s;
    s.load(255, 2);
    EXPECT_EQ(s.failure(), "instruction 0 (LOAD): an operand ends at byte 4112 "
                           "of the scratchpad, which has 4096");
  }
  {
    Small s;
    s.put(A, ESPALIER_OP_LOAD, 1, 0, 0, 0);
    EXPECT_EQ(s.failure(), "instruction 0 (LOAD): not of queue 3");
  }
  {
    Small s;
    s.load(0, 4);
    Instruction in;
    in.opcode = ESPALIER_OP_MATMUL;
    in.flags = ESPALIER_FLAG_SWAP;
    in.shape = s.shape(4);
    s.sequence.body.push_back({ESPALIER_QUEUE_ARRAY, in});
    EXPECT_EQ(s.failure(),
              "instruction 1 (MATMUL): takes weights that were not loaded");
  }
  {
    Small s;
    s.load(0, 8);
    s.machine.writePorts = 1;
    s.machine.readPorts = 1;
    s.put(A, ESPALIER_OP_BINARY, 4, 0, 4, 64);
    s.sequence.body.back().second.flags = ESPALIER_FLAG_ROW;
    EXPECT_EQ(s.failure(),
              "instruction 1 (BINARY): needs more ports of a bank than there "
              "are");
  }
  {
    Small s;
    s.put(0, ESPALIER_OP_REPEAT, 0, 0, 2, 0);
    EXPECT_EQ(s.failure(), "instruction 0 (REPEAT): has no END_REPEAT");
  }
}
