//===- HazardTest.cpp - What strict mode refuses --------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Each hazard of docs/Systolic.md: a program that meets it by one cycle, and
/// its neighbour that does not. The machine: 4 x 4, w = 1, V = 16, B = 16,
/// D = 10; latencies map 3, function 7, divide 9, reduce 5.
///
//===----------------------------------------------------------------------===//
#include "SmallPrograms.h"

#include <gtest/gtest.h>

using namespace espalier;
using namespace espalier::simulator;
using namespace espalier::test;

namespace {

TEST(Structural, Bus) {
  for (bool early : {true, false}) {
    Builder b;
    load(b, 0, 8, 0);
    load(b, early ? 7 : 8, 1, 20);
    if (early)
      EXPECT_REFUSED(b, "cycle 7: queue DMA in, instruction 1 (LOAD): the unit "
                        "is busy, until cycle 8");
    else
      EXPECT_RUNS(b);
  }
  for (bool early : {true, false}) {
    Builder b = loaded();
    load(b, 30, 8, 20);
    uint32_t out = b.place(ESPALIER_REGION_OUTPUT, "o", 16);
    b.add(DmaOut, early ? 37 : 38, ESPALIER_OP_STORE,
          makeShape(1, 16, 1, 16, 0, 0, I8, I8, 0, 0), {0, out});
    if (early)
      EXPECT_REFUSED(b, "queue DMA out, instruction 0 (STORE): the DRAM's bus "
                        "is busy, until cycle 38");
    else
      EXPECT_RUNS(b);
  }
}

TEST(Structural, VectorUnit) {
  for (bool early : {true, false}) {
    Builder b = loaded();
    copy(b, VectorA, start, 4, 0, 20);
    copy(b, VectorA, start + (early ? 3 : 4), 1, 8, 30);
    if (early)
      EXPECT_REFUSED(b, "cycle 29: queue vector A, instruction 1 (MAP): the "
                        "unit is busy, until cycle 30");
    else
      EXPECT_RUNS(b);
  }
  Builder b = loaded();
  copy(b, VectorA, start, 4, 0, 20);
  copy(b, VectorB, start, 4, 0, 40);
  EXPECT_RUNS(b);
}

TEST(Structural, WeightsAreTakenOnce) {
  Builder b = loaded();
  weights(b, start);
  weights(b, start + 4);
  EXPECT_REFUSED(b, "no MATMUL has taken the weights loaded before");
  Builder none = loaded();
  matmul(none, start, 0);
  EXPECT_REFUSED(none, "the array has no weights");
  Builder twice = loaded();
  weights(twice, start);
  matmul(twice, start + 4, ESPALIER_FLAG_SWAP);
  matmul(twice, start + 8, ESPALIER_FLAG_SWAP, 4, 8);
  EXPECT_REFUSED(twice, "SWAP, but no weights wait");
  Builder other = loaded();
  weights(other, start, 0, 3);
  matmul(other, start + 4, ESPALIER_FLAG_SWAP);
  EXPECT_REFUSED(other, "its columns are not the rows of the tile of weights");
}

TEST(Structural, Shadow) {
  // LOAD_WEIGHTS takes 4 cycles; MATMUL of 4 rows streams 4.
  struct Times {
    uint64_t first, load, second;
    const char *error;
  };
  for (Times t :
       {Times{4, 4, 8, ""}, Times{3, 4, 8, "weights are not loaded"},
        Times{4, 4, 7, "the weights are not loaded"},
        Times{4, 5, 8, "the weights are not loaded"}, Times{4, 5, 9, ""}}) {
    Builder b = loaded();
    weights(b, start);
    matmul(b, start + t.first, ESPALIER_FLAG_SWAP);
    weights(b, start + t.load);
    matmul(b, start + t.second, ESPALIER_FLAG_SWAP, 4, 8);
    if (*t.error)
      EXPECT_REFUSED(b, t.error);
    else
      EXPECT_RUNS(b);
  }
  for (uint64_t second : {7, 8}) {
    Builder b = loaded();
    weights(b, start);
    matmul(b, start + 4, ESPALIER_FLAG_SWAP);
    matmul(b, start + second, 0, 4, 8);
    if (second == 7)
      EXPECT_REFUSED(b, "the MATMUL before still streams, until cycle 34");
    else
      EXPECT_RUNS(b);
  }
  // Only LOAD_WEIGHTS may go with the MATMUL before it.
  Builder b = loaded();
  weights(b, start);
  matmul(b, start, ESPALIER_FLAG_SWAP);
  EXPECT_REFUSED(b, "cycle 26: queue array, instruction 1 (MATMUL)");
}

TEST(Structural, OnePlane) {
  MachineText m;
  m.shadow = false;
  for (uint64_t load : {13, 14}) {
    Builder b = loaded(m);
    weights(b, start);
    matmul(b, start + 4, ESPALIER_FLAG_SWAP); // complete 4 + 4 + 6
    weights(b, start + load);
    matmul(b, start + load + 4, ESPALIER_FLAG_SWAP, 4, 8);
    if (load < 14)
      EXPECT_REFUSED(b, "a MATMUL is not complete, and there is one plane, "
                        "until cycle 40");
    else
      EXPECT_RUNS(b);
  }
  Builder b = loaded(m);
  weights(b, start);
  matmul(b, start + 4, ESPALIER_FLAG_SWAP);
  weights(b, start + 14);
  matmul(b, start + 18, 0, 4, 8);
  EXPECT_REFUSED(b, "the first MATMUL after LOAD_WEIGHTS needs SWAP");
}

TEST(Structural, OutputStationary) {
  for (bool shadow : {false, true})
    for (uint32_t k : {2u, 9u}) {
      MachineText m;
      m.shadow = shadow;
      uint64_t next = shadow ? std::max(k, 4u) : k + 6;
      for (uint64_t at : {next - 1, next}) {
        Builder b = loaded(m);
        stationary(b, start, k, 0);
        stationary(b, start + at, 1, 300);
        if (at < next)
          EXPECT_REFUSED(b, "the array is busy with a MATMUL_OS");
        else
          EXPECT_RUNS(b);
      }
    }
  for (uint64_t at : {13, 14}) { // MATMUL at 4 is complete in 14
    Builder b = loaded();
    weights(b, start);
    matmul(b, start + 4, ESPALIER_FLAG_SWAP);
    stationary(b, start + at, 5, 8);
    if (at < 14)
      EXPECT_REFUSED(b, "a MATMUL is not complete");
    else
      EXPECT_RUNS(b);
  }
  for (uint64_t at : {10, 11}) {
    Builder b = loaded();
    stationary(b, start, 5, 8); // complete in 11
    weights(b, start + at);
    if (at < 11)
      EXPECT_REFUSED(b, "a MATMUL_OS is not complete, until cycle 37");
    else
      EXPECT_RUNS(b);
  }
  Builder b = loaded();
  weights(b, start);
  matmul(b, start + 4, ESPALIER_FLAG_SWAP);
  stationary(b, start + 14, 5, 8);
  matmul(b, start + 40, 0, 4, 16);
  EXPECT_REFUSED(b, "the array has no weights");
}

TEST(PortHazards, Scratchpad) {
  MachineText m;
  m.readPorts = m.writePorts = 1; // banks of 1024 granules
  for (uint32_t from : {8u, 1024u}) {
    Builder b(m);
    load(b, 0, 16, 0);
    load(b, 16, 16, 1024);
    copy(b, VectorA, 50, 4, 0, 2048);
    copy(b, VectorB, 53, 4, from, 3072);
    if (from == 8)
      EXPECT_REFUSED(b, "cycle 53: queue vector B, instruction 0 (MAP): reads "
                        "bank 0 of the scratchpad, whose read ports are in use "
                        "in cycle 53");
    else
      EXPECT_RUNS(b);
  }
  // Writes of row j are in t + 3 + j: 53 .. 56 and 56 ...
  for (uint64_t at : {53, 54}) {
    Builder b(m);
    load(b, 0, 16, 0);
    load(b, 16, 16, 1024);
    copy(b, VectorA, 50, 4, 0, 2048);
    copy(b, VectorB, at, 4, 1024, 2060);
    if (at == 53)
      EXPECT_REFUSED(b, "writes bank 2 of the scratchpad, whose write ports "
                        "are in use in cycle 56");
    else
      EXPECT_RUNS(b);
  }
  // Each source for itself.
  Builder b(m);
  load(b, 0, 16, 0);
  b.add(VectorA, start, ESPALIER_OP_BINARY,
        makeShape(1, 16, 1, 1, 1, 0, I8, I8, I8, 0), {0, 1, 2048});
  EXPECT_REFUSED(b, "whose read ports are in use in cycle 26");
  EXPECT_NE(runOf(b, Mode::Elastic).find("by itself"), std::string::npos);
}

TEST(PortHazards, OperandOverTwoBanks) {
  MachineText m;
  m.readPorts = 1;
  Builder b(m);
  load(b, 0, 16, 1020); // banks 0 and 1
  load(b, 16, 4, 1100);
  copy(b, VectorA, 50, 16, 1020, 2048);
  copy(b, VectorB, 50, 4, 1100, 3072);
  EXPECT_REFUSED(b, "reads bank 1 of the scratchpad");
}

TEST(PortHazards, Accumulator) {
  MachineText m;
  m.vectorPorts = 1; // banks of 256 granules
  for (uint32_t to : {100u, 300u}) {
    Builder b = loaded(m);
    weights(b, start);
    matmul(b, start + 4, ESPALIER_FLAG_SWAP);
    copy(b, VectorA, start + 14, 4, 0, to, 5);
    if (to == 100)
      EXPECT_REFUSED(b, "writes bank 0 of the accumulator, whose vector ports "
                        "are in use in cycle 43");
    else
      EXPECT_RUNS(b);
  }
  // The array has a port of its own, which MATMUL_OS can take twice: the first
  // writes rows in k + 2 .. k + 5, the second one, 9 later, in 3 .. 6.
  Builder b = loaded();
  stationary(b, start, 9, 0);
  stationary(b, start + 9, 1, 8);
  EXPECT_REFUSED(b, "writes bank 0 of the accumulator, whose port to the array "
                    "is in use");
}

TEST(Data, ReadAfterWrite) {
  // Row j of the LOAD is written in 10 + j; the copy reads row j in t + j.
  for (uint64_t t : {10, 11}) {
    Builder b;
    load(b, 0, 4, 0);
    copy(b, VectorA, t, 4, 0, 20);
    if (t == 10)
      EXPECT_REFUSED(b, "cycle 10: queue vector A, instruction 0 (MAP): reads "
                        "scratchpad granule 0, which queue DMA in writes in "
                        "cycle 10, in cycle 10");
    else
      EXPECT_RUNS(b);
  }
  // MATMUL writes row j in t + j + 6.
  for (uint64_t t : {10, 11}) {
    Builder b = loaded();
    weights(b, start);
    matmul(b, start + 4, ESPALIER_FLAG_SWAP);
    copy(b, VectorA, start + t, 4, 0, 100, 5);
    if (t == 10)
      EXPECT_REFUSED(b, "reads accumulator granule 0, which queue array writes "
                        "in cycle 36");
    else
      EXPECT_RUNS(b);
  }
}

TEST(Data, WeightsReadRowByRow) {
  // LOAD_WEIGHTS reads row j in t + floor(j / w).
  for (unsigned w : {1u, 2u})
    for (bool transposed : {false, true})
      for (bool early : {true, false}) {
        MachineText m;
        m.loadRows = w;
        Builder b(m);
        load(b, 0, 4, 0);
        // With w = 2 row 3, written in 13, is read in t + 1.
        uint64_t t = transposed ? 14 : w == 1 ? 11 : 13;
        b.add(Array, early ? t - 1 : t, ESPALIER_OP_LOAD_WEIGHTS,
              makeShape(4, 4, 1, 0, 0, 0, I8, 0, 0, 0),
              {0, 0, 0, uint8_t(transposed ? ESPALIER_FLAG_TRANSPOSED : 0)});
        if (early)
          EXPECT_REFUSED(b, "which queue DMA in writes in cycle");
        else
          EXPECT_RUNS(b);
      }
}

TEST(Data, WriteAfterRead) {
  // Issued before the copy, the LOAD comes first in the order of the data: its
  // row is written in t + 10, and the copy reads granule 3 in 53.
  for (uint64_t t : {42, 43}) {
    Builder b = loaded();
    load(b, t, 1, 3);
    copy(b, VectorA, 50, 4, 0, 20);
    if (t == 43)
      EXPECT_REFUSED(b, "reads scratchpad granule 3, which queue DMA in writes "
                        "in cycle 53, in cycle 53");
    else
      EXPECT_RUNS(b);
  }
  for (uint64_t t : {51, 52}) {
    // Vector A reads granule 7 in 57; vector B writes it in t + 3.
    Builder b = loaded();
    copy(b, VectorA, 50, 8, 0, 20);
    copy(b, VectorB, t + 2, 1, 9, 7);
    if (t == 51)
      EXPECT_REFUSED(b, "cycle 53: queue vector B, instruction 0 (MAP): "
                        "overwrites scratchpad granule 7, which queue vector A "
                        "reads in cycle 57, in cycle 56");
    else
      EXPECT_RUNS(b);
  }
}

TEST(Data, WriteAfterWrite) {
  // Function latency 7, map latency 3: the later copy would come first.
  for (uint64_t t : {54, 55}) {
    Builder b = loaded();
    b.add(VectorA, 50, ESPALIER_OP_MAP,
          makeShape(1, 16, 1, 0, 1, 0, I8, 0, I8, 0),
          {0, 0, 20, 0, ESPALIER_MAP_EXP2});
    copy(b, VectorB, t, 1, 1, 20);
    if (t == 54)
      EXPECT_REFUSED(b, "overwrites scratchpad granule 20, which queue vector "
                        "A writes in cycle 57, in cycle 57");
    else
      EXPECT_RUNS(b);
  }
}

TEST(Data, AccumulatingReadsWhenItWrites) {
  for (uint64_t t : {3, 4}) {
    Builder b = loaded();
    weights(b, start);
    matmul(b, start + 4, ESPALIER_FLAG_SWAP, 4, 0);
    matmul(b, start + 8, ESPALIER_FLAG_ACCUMULATE, 4, t == 3 ? 1 : 0);
    // Row 3 of the first is written a cycle before row 3 of the second is
    // added; granule 4 is written by nobody.
    if (t == 3)
      EXPECT_REFUSED(b, "reads accumulator granule 4, which this program has "
                        "not written");
    else
      EXPECT_RUNS(b);
  }
}

TEST(Data, InPlace) {
  Builder b = loaded();
  copy(b, VectorA, start, 4, 0, 0);
  EXPECT_RUNS(b);
  // Rows of several cycles: what is written first has been read.
  MachineText m;
  m.lanes = 1;
  Builder slow = loaded(m);
  copy(slow, VectorA, start, 4, 0, 0);
  EXPECT_RUNS(slow);
  // A row further up, before it is read.
  Builder shifted = loaded(m);
  copy(shifted, VectorA, start, 4, 0, 1);
  EXPECT_REFUSED(shifted, "overwrites scratchpad granule 1");
}

TEST(DramHazards, LoadAfterStore) {
  // The STORE at 50 is complete in 50 + 1 + 10.
  for (uint64_t t : {60, 61})
    for (uint64_t offset : {0u, 1u}) {
      Builder b = loaded();
      uint32_t cache = b.place(ESPALIER_REGION_CACHE, "cache", 64);
      Shape row = makeShape(1, 16, 1, 16, 0, 0, I8, I8, 0, 0);
      b.add(DmaOut, 50, ESPALIER_OP_STORE, row, {0, cache});
      b.add(DmaIn, t, ESPALIER_OP_LOAD, row, {40, cache, uint32_t(offset)});
      if (t == 60 && offset == 0)
        EXPECT_REFUSED(b, "cycle 60: queue DMA in, instruction 1 (LOAD): reads "
                          "byte 0 of region 'cache', which a store writes "
                          "until cycle 61");
      else
        EXPECT_RUNS(b);
    }
}

TEST(Unwritten, Memories) {
  Builder b;
  load(b, 0, 4, 0);
  copy(b, VectorA, 40, 5, 0, 20);
  EXPECT_REFUSED(b, "cycle 40: queue vector A, instruction 0 (MAP): reads "
                    "scratchpad granule 4, which this program has not written");
  // What a run before has written counts for nothing.
  std::vector<uint8_t> bytes = b.bytes();
  auto s = Simulator::open(bytes, b.machine.text(), "machine");
  ASSERT_TRUE(s);
  EXPECT_FALSE(s->run());
  EXPECT_FALSE(s->run());
}

TEST(Unwritten, Arena) {
  for (uint32_t columns : {16u, 17u}) {
    Builder b = loaded();
    uint32_t arena = b.place(ESPALIER_REGION_ARENA, "arena", 64);
    b.add(DmaOut, 50, ESPALIER_OP_STORE,
          makeShape(1, 16, 1, 16, 0, 0, I8, I8, 0, 0), {0, arena});
    b.add(DmaIn, 70, ESPALIER_OP_LOAD,
          makeShape(1, columns, 2, 64, 0, 0, I8, I8, 0, 0), {40, arena});
    if (columns == 17)
      EXPECT_REFUSED(b, "of arena 'arena', which this program has not written");
    else
      EXPECT_RUNS(b);
  }
}

TEST(Semaphores, WaitFindsTooFew) {
  for (bool early : {true, false}) {
    Builder b;
    b.semaphores = 1;
    load(b, 0, 4, 0);
    b.control(DmaIn, 20, ESPALIER_OP_SIGNAL);
    b.control(VectorA, early ? 19 : 20, ESPALIER_OP_WAIT, {0, 1});
    copy(b, VectorA, 21, 4, 0, 20);
    if (early)
      EXPECT_REFUSED(b, "cycle 19: queue vector A, instruction 0 (WAIT): "
                        "semaphore 0 holds 0, and 1 are needed");
    else
      EXPECT_RUNS(b);
  }
  // In one cycle, through three queues against their order.
  Builder b;
  b.semaphores = 2;
  b.control(DmaIn, 5, ESPALIER_OP_WAIT, {0, 2, 0, 0, 1});
  b.control(Array, 5, ESPALIER_OP_WAIT, {0, 1, 0, 0, 0});
  b.control(Array, 5, ESPALIER_OP_SIGNAL, {0, 0, 0, 0, 1});
  b.control(Array, 5, ESPALIER_OP_SIGNAL, {0, 0, 0, 0, 1});
  b.control(VectorB, 5, ESPALIER_OP_SIGNAL, {0, 0, 0, 0, 0});
  EXPECT_RUNS(b);
}

} // namespace
