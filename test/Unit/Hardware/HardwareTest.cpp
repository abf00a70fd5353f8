//===- HardwareTest.cpp - Machine descriptions and costs ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Hardware/CostModel.h"
#include "espalier/Hardware/Machine.h"

#include <gtest/gtest.h>

using namespace espalier;
using namespace espalier::hardware;

namespace {

const char *const good = R"({
  "schema": "espalier-machine-1", "name": "m", "description": "d",
  "target": "cpu", "isa": "avx2",
  "workers": {"value": 2, "unit": "count", "source": "s"},
  "clock": {"value": 2, "unit": "GHz", "source": "s"},
  "barrier": {"value": 500, "unit": "ns", "source": "s"},
  "tile": {
    "start": {"value": 50, "unit": "ns", "source": "s"},
    "worth": {"value": 20, "unit": "count", "source": "s"},
    "per_worker": {"value": 4, "unit": "count", "source": "s"},
    "rows_least": {"value": 8, "unit": "count", "source": "s"},
    "rows_usual": {"value": 32, "unit": "count", "source": "s"},
    "rows_most": {"value": 64, "unit": "count", "source": "s"},
    "lines_ahead": {"value": 16, "unit": "count", "source": "s"},
    "split_at": {"value": 1024, "unit": "count", "source": "s"},
    "split_gain": {"value": 25, "unit": "percent", "source": "s"}},
  "vector": {
    "width": {"value": 256, "unit": "bit", "source": "s"},
    "registers": {"value": 16, "unit": "count", "source": "s"},
    "fma_issue": {"value": 2, "unit": "ops/cycle", "source": "s"},
    "int8_dot_issue": {"value": 1, "unit": "ops/cycle", "source": "s"}},
  "memory": [
    {"name": "L2", "size": {"value": 512, "unit": "KiB", "source": "s"},
     "bandwidth": {"value": 32, "unit": "B/cycle", "source": "s"},
     "shared": false},
    {"name": "DRAM", "size": {"value": 8, "unit": "GiB", "source": "s"},
     "bandwidth": {"value": 20, "unit": "GB/s", "source": "s"},
     "shared": true}]})";

/// `good` with the first `from` replaced by `to`.
std::string edited(std::string_view from, std::string_view to) {
  std::string text = good;
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string failure(const std::string &text) {
  Result<Machine> got = parseMachine(text, "m.json");
  return got ? "" : got.error().message;
}

} // namespace

TEST(Hardware, ReadsEveryValueInBasicUnits) {
  Result<Machine> m = parseMachine(good, "m.json");
  ASSERT_TRUE(bool(m)) << m.error().message;
  EXPECT_EQ(m->name, "m");
  EXPECT_EQ(m->isa, "avx2");
  EXPECT_EQ(m->workers, 2u);
  EXPECT_EQ(m->clock, 2e9);
  EXPECT_DOUBLE_EQ(m->barrier, 5e-7);
  EXPECT_DOUBLE_EQ(m->tileStart, 5e-8);
  EXPECT_EQ(m->tileWorth, 20u);
  EXPECT_EQ(m->tilesPerWorker, 4u);
  EXPECT_EQ(m->rowsLeast, 8u);
  EXPECT_EQ(m->rowsUsual, 32u);
  EXPECT_EQ(m->rowsMost, 64u);
  EXPECT_EQ(m->linesAhead, 16u);
  EXPECT_EQ(m->splitAt, 1024u);
  EXPECT_EQ(m->splitGain, 0.25);
  EXPECT_EQ(m->vectorBits, 256u);
  EXPECT_EQ(m->vectorRegisters, 16u);
  ASSERT_EQ(m->memory.size(), 2u);
  EXPECT_EQ(m->privateCache().name, "L2");
  EXPECT_EQ(m->privateCache().size, 524288u);
  EXPECT_EQ(m->privateCache().bandwidth, 64e9);
  EXPECT_EQ(m->mainMemory().bandwidth, 20e9);
  EXPECT_EQ(m->floatPeak(), 128e9);
  EXPECT_EQ(m->int8Peak(), 256e9);
}

TEST(Hardware, CatalogueIsValid) {
  ASSERT_EQ(machineNames().size(), 2u);
  for (std::string_view name : machineNames()) {
    Result<Machine> m = findMachine(std::string(name));
    ASSERT_TRUE(bool(m)) << m.error().message;
    EXPECT_EQ(m->name, name);
  }
  EXPECT_EQ(findMachine("x86-64-v3")->vectorBits, 256u);
  EXPECT_EQ(findMachine("x86-64-v4")->vectorBits, 512u);
  EXPECT_TRUE(bool(findMachine(defaultMachine)));
}

TEST(Hardware, UnknownMachineListsTheCatalogue) {
  Result<Machine> m = findMachine("/nowhere/pdp-11");
  ASSERT_FALSE(bool(m));
  EXPECT_EQ(m.error().message,
            "machine '/nowhere/pdp-11': neither a name of the catalogue "
            "('x86-64-v3', 'x86-64-v4') nor a file that can be read");
}

TEST(Hardware, ErrorsNameKeyAndWhatIsAllowed) {
  struct {
    const char *from, *to, *message;
  } cases[] = {
      {"\"isa\": \"avx2\"", "\"isa\": \"sse9\"",
       "m.json: key 'isa': got 'sse9'; allowed: 'avx2', 'avx512'"},
      {"espalier-machine-1", "espalier-machine-2",
       "m.json: key 'schema': got 'espalier-machine-2'; allowed: "
       "'espalier-machine-1'"},
      {"\"target\": \"cpu\"", "\"target\": \"gpu\"",
       "m.json: key 'target': got 'gpu'; allowed: 'cpu'"},
      {"\"name\": \"m\",", "", "m.json: key 'name': missing"},
      {"\"name\": \"m\"", "\"name\": \"\"",
       "m.json: key 'name': expected a string that is not empty"},
      {"\"name\": \"m\",", "\"name\": \"m\", \"cores\": 2,",
       "m.json: key 'cores': unknown; allowed here: schema, name, "
       "description, target, isa, workers, clock, barrier, tile, vector, "
       "memory"},
      {"\"value\": 2, \"unit\": \"count\"", "\"value\": 0, \"unit\": \"count\"",
       "m.json: key 'workers.value': expected a whole number of 1 to 1024 "
       "count"},
      {"\"value\": 2, \"unit\": \"count\"",
       "\"value\": 1.5, \"unit\": \"count\"",
       "m.json: key 'workers.value': expected a whole number of 1 to 1024 "
       "count"},
      {"\"value\": 2, \"unit\": \"count\"",
       "\"value\": \"2\", \"unit\": \"count\"",
       "m.json: key 'workers.value': expected a whole number of 1 to 1024 "
       "count"},
      {"\"unit\": \"GHz\"", "\"unit\": \"THz\"",
       "m.json: key 'clock.unit': got 'THz'; allowed: 'GHz', 'MHz'"},
      {"\"unit\": \"GHz\", \"source\": \"s\"", "\"unit\": \"GHz\"",
       "m.json: key 'clock.source': missing"},
      {"\"clock\": {\"value\": 2, \"unit\": \"GHz\", \"source\": \"s\"}",
       "\"clock\": 2", "m.json: key 'clock': expected an object, got integer"},
      {"\"value\": 32, \"unit\": \"count\"",
       "\"value\": 33, \"unit\": \"count\"",
       "m.json: key 'tile.rows_usual': expected a power of two, got 33"},
      {"\"value\": 32, \"unit\": \"count\"",
       "\"value\": 128, \"unit\": \"count\"",
       "m.json: key 'tile': expected rows_least <= rows_usual <= rows_most"},
      {"\"value\": 25, \"unit\": \"percent\"",
       "\"value\": 100, \"unit\": \"percent\"",
       "m.json: key 'tile.split_gain.value': expected a number of 0 to 99 "
       "percent"},
      {"\"value\": 1024, \"unit\": \"count\"",
       "\"value\": 0, \"unit\": \"count\"",
       "m.json: key 'tile.split_at.value': expected a whole number of 1 to "
       "65536 count"},
      {"\"unit\": \"KiB\"", "\"unit\": \"kB\"",
       "m.json: key 'memory[0].size.unit': got 'kB'; allowed: 'B', 'KiB', "
       "'MiB', 'GiB'"},
      {"\"value\": 8, \"unit\": \"GiB\"", "\"value\": 8, \"unit\": \"KiB\"",
       "m.json: key 'memory[1].size': smaller than the level before it; list "
       "the levels from the nearest on"},
      {"\"shared\": true", "\"shared\": 1",
       "m.json: key 'memory[1].shared': expected true or false"},
      {"\"shared\": true", "\"shared\": false",
       "m.json: key 'memory': expected the last level, main memory, to be "
       "shared"},
      {"\"value\": 20, \"unit\": \"GB/s\"", "\"value\": -1, \"unit\": \"GB/s\"",
       "m.json: key 'memory[1].bandwidth.value': expected a number of 0.001 "
       "to 1e+06 GB/s"},
  };
  for (auto &c : cases)
    EXPECT_EQ(failure(edited(c.from, c.to)), c.message);
  EXPECT_EQ(failure("[]"), "m.json: key '(the whole file)': expected an "
                           "object, got array");
  EXPECT_NE(failure("{").find("m.json: byte"), std::string::npos);
}

TEST(Hardware, CostIsTheSlowestOfWhatOverlaps) {
  Result<Machine> m = parseMachine(good, "m.json");
  CostModel cost(*m);
  EXPECT_DOUBLE_EQ(cost.seconds({.memoryBytes = 20e9}), 1);
  EXPECT_DOUBLE_EQ(cost.seconds({.cacheBytes = 256e9}), 2);
  EXPECT_DOUBLE_EQ(cost.seconds({.floatOps = 128e9, .int8Ops = 256e9}), 2);
  EXPECT_DOUBLE_EQ(cost.seconds({.memoryBytes = 60e9,
                                 .cacheBytes = 128e9,
                                 .floatOps = 128e9,
                                 .barriers = 2000000}),
                   3 + 1);
}

TEST(Hardware, RowBlockKeepsArithmeticTheBound) {
  Result<Machine> m = parseMachine(good, "m.json");
  CostModel cost(*m);
  EXPECT_EQ(cost.rowBlock(4096, 0.625, true), 32u);
  // float32: 128 GFLOP/s * 4 B / (2 * 20 GB/s) = 12.8 rows, twice is 25.6.
  EXPECT_EQ(cost.rowBlock(4096, 4, false), 32u);
  // A faster vector unit or slower memory takes more rows.
  m->memory.back().bandwidth = 8e9;
  EXPECT_EQ(CostModel(*m).rowBlock(1024, 4, false), 64u);
  // Half of 512 KiB holds 16 rows of 16 KiB.
  EXPECT_EQ(CostModel(*m).rowBlock(16384, 4, false), 16u);
  EXPECT_EQ(CostModel(*m).rowBlock(UINT64_MAX, 4, false), 8u);
}

TEST(Hardware, TilesAreWorthTaking) {
  Result<Machine> m = parseMachine(good, "m.json");
  CostModel cost(*m);
  // A panel of 10 KB takes a worker 1 us: exactly worth it.
  EXPECT_EQ(cost.panelsPerTile(1000, 10000), 1u);
  EXPECT_EQ(cost.panelsPerTile(1000, 2500), 4u);
  // Four tiles for each of two workers come first.
  EXPECT_EQ(cost.panelsPerTile(1000, 10000, 4), 4u);
  EXPECT_EQ(cost.panelsPerTile(16, 10000, 4), 2u);
  EXPECT_EQ(cost.panelsPerTile(16, 10), 2u);
  EXPECT_EQ(cost.panelsPerTile(3, 10), 1u);
  EXPECT_EQ(cost.panelsPerTile(0, 0), 1u);
}

TEST(Hardware, AttentionIsSplitWhereThatIsFaster) {
  Result<Machine> m = parseMachine(good, "m.json");
  CostModel cost(*m);
  EXPECT_EQ(cost.largestShare(9), 5u);
  EXPECT_EQ(cost.largestShare(8), 4u);
  // One head leaves the second worker idle.
  EXPECT_TRUE(cost.splitsAttention({1, 1, 64, 2}));
  // Nine heads on two workers are five and four: merging eats what evening
  // them out would save.
  AttentionShape nine = {9, 3, 64, 2};
  EXPECT_FALSE(cost.splitsAttention(nine));
  EXPECT_LT(cost.attentionSeconds(nine, 1024, true),
            cost.attentionSeconds(nine, 1024, false));
  // The machine says what is enough, and where: at one block there is nothing
  // to deal out.
  Machine eager = *m;
  eager.splitGain = 0;
  EXPECT_TRUE(CostModel(eager).splitsAttention(nine));
  Machine close = *m;
  close.splitAt = 64;
  EXPECT_FALSE(CostModel(close).splitsAttention({1, 1, 64, 2}));
  // One block of positions and one key/value head are one tile.
  EXPECT_GT(cost.attentionSeconds({8, 1, 64, 2}, 64, true),
            cost.attentionSeconds({8, 1, 64, 2}, 64, false));
  // Eight heads are even as they are.
  EXPECT_FALSE(cost.splitsAttention({8, 8, 64, 2}));
}
