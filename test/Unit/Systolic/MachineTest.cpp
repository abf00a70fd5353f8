//===- MachineTest.cpp - The simulator's reader of machines ---------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Machine.h"
#include "Builder.h"

#include <gtest/gtest.h>

using namespace espalier;
using namespace espalier::simulator;
using namespace espalier::test;

namespace {

std::string errorOf(const std::string &text) {
  auto machine = parseMachine(text, "m.json");
  return machine ? "" : machine.error().message;
}

/// The test's machine with `from` replaced once.
std::string with(const std::string &from, const std::string &to) {
  std::string text = MachineText().text();
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(MachineReader, ReadsEveryFigure) {
  MachineText t;
  t.rows = 128;
  t.columns = 64;
  t.loadRows = 4;
  t.shadow = false;
  t.dataflows = "\"output_stationary\"";
  t.types = "\"int8\"";
  auto m = parseMachine(t.text(), "m.json");
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->name, "test");
  EXPECT_EQ(m->clock, 1e9);
  EXPECT_EQ(m->rows, 128u);
  EXPECT_EQ(m->columns, 64u);
  EXPECT_EQ(m->loadRows, 4u);
  EXPECT_FALSE(m->weightStationary);
  EXPECT_TRUE(m->outputStationary);
  EXPECT_FALSE(m->shadow);
  EXPECT_EQ(m->scratchpadBytes, 65536u);
  EXPECT_EQ(m->scratchpadBanks, 4u);
  EXPECT_EQ(m->readPorts, 4u);
  EXPECT_EQ(m->accumulatorBytes, 16384u);
  EXPECT_EQ(m->vectorPorts, 4u);
  EXPECT_EQ(m->lanes, 16u);
  EXPECT_EQ(m->latencyMap, 3u);
  EXPECT_EQ(m->latencyFunction, 7u);
  EXPECT_EQ(m->latencyDivide, 9u);
  EXPECT_EQ(m->latencyReduce, 5u);
  EXPECT_EQ(m->bandwidth, 16u);
  EXPECT_EQ(m->dramLatency, 10u);
  EXPECT_FALSE(m->bf16);
  EXPECT_TRUE(m->int8);
  EXPECT_EQ(m->energyTable, "of a test");
  EXPECT_EQ(m->macInt8, 0.5);
  EXPECT_EQ(m->dramByte, 30);
}

TEST(MachineReader, NamesKeysAndWhatIsAllowed) {
  struct Case {
    const char *from, *to, *error;
  };
  const Case cases[] = {
      {"espalier-machine-1", "espalier-machine-2",
       "m.json: key 'schema': got 'espalier-machine-2'; allowed: "
       "'espalier-machine-1'"},
      {"\"systolic\"", "\"cpu\"",
       "key 'target': got 'cpu'; allowed: "
       "'systolic'"},
      {"\"clock\"", "\"clocks\"",
       "key 'clocks': unknown; allowed here: schema, name, description"},
      {"\"GHz\"", "\"Hz\"",
       "key 'clock.unit': got 'Hz'; allowed: 'GHz', "
       "'MHz'"},
      {"\"value\": 4,", "\"value\": 0,",
       "key 'array.rows.value': expected a whole number of 1 to 1024 count"},
      {"\"value\": 4,", "\"value\": 1025,", "of 1 to 1024 count"},
      {"\"value\": 4,", "\"value\": 2.5,", "expected a whole number"},
      {"\"value\": 4,", "\"value\": \"4\",", "expected a whole number"},
      {"\"shadow\"", "\"both\"",
       "key 'array.overlap': got 'both'; allowed: 'none', 'shadow'"},
      {"\"weight_stationary\", ", "\"input_stationary\", ",
       "key 'array.dataflows': expected a list of one or more of "
       "'weight_stationary', 'output_stationary', each once"},
      {"\"weight_stationary\", ", "\"output_stationary\", ", "each once"},
      {"\"load_rows\": {\"value\": 1,", "\"load_rows\": {\"value\": 5,",
       "key 'array.load_rows.value': expected a whole number of 1 to 4 count"},
      {"\"size\": {\"value\": 64.000000, \"unit\": \"KiB\"",
       "\"size\": {\"value\": 2, \"unit\": \"GiB\"",
       "key 'scratchpad.size.value': expected a whole number of "},
      {"\"size\": {\"value\": 64.000000, \"unit\": \"KiB\"",
       "\"size\": {\"value\": 257, \"unit\": \"MiB\"",
       "expected a whole number of 0.000976562 to 256 MiB"},
      {"\"lanes\": {\"value\": 16,", "\"lanes\": {\"value\": 65537,",
       "key 'vector.lanes.value': expected a whole number of 1 to 65536 count"},
      {"\"map\": {\"value\": 3.000000,", "\"map\": {\"value\": 65537,",
       "expected a whole number of 1 to 65536 cycle"},
      {"\"latency\": {\"value\": 10.000000,", "\"latency\": {\"value\": 0,",
       "key 'dram.latency.value': expected a whole number of 1 to 65536 cycle"},
      {"\"read_ports\": {\"value\": 4,", "\"read_ports\": {\"value\": 17,",
       "expected a whole number of 1 to 16 count"},
      {"\"size\": {\"value\": 64.000000, \"unit\": \"KiB\"",
       "\"size\": {\"value\": 1032, \"unit\": \"B\"",
       "key 'scratchpad.size': expected equal banks of a multiple of 16 "
       "bytes, got 1032 bytes in 4 banks"},
      {"\"ideal\"", "\"banked\"", "key 'dram.model': got 'banked'"},
      {"16.000000, \"unit\": \"B/cycle\"", "16.5, \"unit\": \"B/cycle\"",
       "key 'dram.bandwidth.value': expected a whole number of 1 to 65536"},
      {"\"bf16\", \"int8\"", "\"fp8\"",
       "key 'types': expected a list of one or more of 'bf16', 'int8'"},
      {"\"bf16\", \"int8\"", "", "key 'types'"},
      {"\"table\": \"of a test\"", "\"table\": \"\"",
       "key 'energy.table': expected a string that is not empty"},
      {", \"source\": \"chosen\"}", "}", "key 'clock.source': missing"},
      {"{\"schema\"", "[{\"schema\"", "m.json: "},
  };
  for (const Case &c : cases) {
    std::string error = errorOf(with(c.from, c.to));
    EXPECT_NE(error.find(c.error), std::string::npos)
        << c.to << "\ngives " << error << "\nexpected " << c.error;
  }
  EXPECT_NE(errorOf("[]").find("key '(the whole file)': expected an object, "
                               "got array"),
            std::string::npos);
}

} // namespace
