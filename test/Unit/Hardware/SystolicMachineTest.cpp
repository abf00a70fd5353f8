//===- SystolicMachineTest.cpp - Descriptions of accelerators -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Hardware/SystolicMachine.h"
#include "espalier/Hardware/Machine.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace espalier;
using namespace espalier::hardware;

namespace {

std::string good() {
  return systolicMachineText(*findSystolicMachine(defaultSystolicMachine), "s");
}

std::string failure(const std::string &text) {
  Result<SystolicMachine> got = parseSystolicMachine(text, "m.json");
  return got ? "" : got.error().message;
}

} // namespace

TEST(SystolicMachine, CatalogueIsValidAndRoundTrips) {
  ASSERT_EQ(systolicMachineNames().size(), 5u);
  for (std::string_view name : systolicMachineNames()) {
    Result<SystolicMachine> m = findSystolicMachine(std::string(name));
    ASSERT_TRUE(bool(m)) << m.error().message;
    EXPECT_EQ(m->name, name);
    Result<SystolicMachine> again =
        parseSystolicMachine(systolicMachineText(*m, "s"), "again");
    ASSERT_TRUE(bool(again)) << again.error().message;
    EXPECT_EQ(*again, *m);
  }
}

TEST(SystolicMachine, TheDefault) {
  Result<SystolicMachine> m = findSystolicMachine(defaultSystolicMachine);
  ASSERT_TRUE(bool(m));
  EXPECT_EQ(m->rows, 128u);
  EXPECT_EQ(m->columns, 128u);
  EXPECT_TRUE(m->weightStationary && m->outputStationary && m->shadow);
  EXPECT_EQ(m->loadCycles(), 32u);
  EXPECT_EQ(m->scratchpadBytes, 24u << 20);
  EXPECT_EQ(m->accumulatorBytes, 2u << 20);
  EXPECT_EQ(m->accumulatorBanks, 8u);
  EXPECT_EQ(m->lanes, 128u);
  EXPECT_EQ(m->dramBandwidth, 256u);
  EXPECT_EQ(m->dramLatency, 100u);
  EXPECT_TRUE(m->bf16 && m->int8);
}

TEST(SystolicMachine, EachKindRefusesTheOther) {
  Result<Machine> cpu = findMachine("systolic-128");
  ASSERT_FALSE(bool(cpu));
  EXPECT_EQ(cpu.error().message.find(
                "systolic-128: the machine is an accelerator, and this "
                "command compiles for CPUs"),
            0u);
  Result<SystolicMachine> systolic = findSystolicMachine("x86-64-v3");
  ASSERT_FALSE(bool(systolic));
  EXPECT_EQ(systolic.error().message,
            "x86-64-v3: key 'target': got 'cpu'; allowed: 'systolic'");
  EXPECT_EQ(findSystolicMachine("/nowhere/pdp-11").error().message,
            "machine '/nowhere/pdp-11': neither a name of the catalogue "
            "('systolic-128', 'systolic-16-edge', 'systolic-256', "
            "'neuroncore-v2-like', 'tpu-v1-like') nor a file that can be read");
}

TEST(SystolicMachine, ErrorsNameKeyAndWhatIsAllowed) {
  struct {
    const char *from, *to, *message;
  } cases[] = {
      {"\"rows\": {\"value\": 128", "\"rows\": {\"value\": 1025",
       "key 'array.rows.value': expected a whole number of 1 to 1024 count"},
      {"\"load_rows\": {\"value\": 4", "\"load_rows\": {\"value\": 129",
       "key 'array.load_rows.value': expected a whole number of 1 to 128 "
       "count"},
      {"\"overlap\": \"shadow\"", "\"overlap\": \"deep\"",
       "key 'array.overlap': got 'deep'; allowed: 'none', 'shadow'"},
      {"[\"weight_stationary\", \"output_stationary\"]", "[]",
       "key 'array.dataflows': expected an array of 1 to 2 strings"},
      {"[\"weight_stationary\", \"output_stationary\"]",
       "[\"input_stationary\"]",
       "key 'array.dataflows': got 'input_stationary'; allowed: "
       "'weight_stationary', 'output_stationary'"},
      {"[\"bf16\", \"int8\"]", "[\"int8\", \"int8\"]",
       "key 'types': 'int8' stands there twice"},
      {"[\"bf16\", \"int8\"]", "[\"fp8\"]",
       "key 'types': got 'fp8'; allowed: 'bf16', 'int8'"},
      {"\"banks\": {\"value\": 24", "\"banks\": {\"value\": 7",
       "key 'scratchpad.size': expected a multiple of 16 bytes for each of 7 "
       "banks, got 25165824 bytes"},
      {"\"unit\": \"B/cycle\"", "\"unit\": \"GB/s\"",
       "key 'dram.bandwidth.unit': got 'GB/s'; allowed: 'B/cycle'"},
      {"\"model\": \"ideal\"", "\"model\": \"banked\"",
       "key 'dram.model': got 'banked'; allowed: 'ideal'"},
      {"\"unit\": \"pJ\"", "\"unit\": \"J\"",
       "key 'energy.mac_int8.unit': got 'J'; allowed: 'pJ'"},
      {"\"model\": \"ideal\",\n", "", "key 'dram.model': missing"},
      {"\"table\":", "\"tables\":",
       "key 'energy.tables': unknown; allowed here: table, mac_int8, "
       "mac_bf16, vector_op, scratchpad_byte, accumulator_byte, dram_byte"},
      {"\"target\": \"systolic\"", "\"target\": \"gpu\"",
       "key 'target': got 'gpu'; allowed: 'systolic'"},
  };
  ASSERT_EQ(failure(good()), "");
  for (auto &c : cases) {
    std::string text = good();
    size_t at = text.find(c.from);
    ASSERT_NE(at, std::string::npos) << c.from;
    EXPECT_EQ(failure(text.replace(at, strlen(c.from), c.to)),
              std::string("m.json: ") + c.message);
  }
}
