//===- MutationTest.cpp - Programs with a time that is wrong --------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Whatever issue time is moved: the simulator refuses the program, or it
/// computes the same bits in the cycles that the predictor gives the changed
/// program. A silent difference is the one thing that must not be.
///
//===----------------------------------------------------------------------===//
#include "Simulated.h"

using namespace espalier;
using namespace espalier::systolic;

namespace {

struct Subject {
  SystolicMachine machine;
  std::string text;
  Compiled compiled;
  Data data;
  Outcome original;
  unsigned refused = 0, harmless = 0;

  Subject(const SystolicMachine &m, const GemmSpec &spec) : machine(m) {
    text = hardware::systolicMachineText(machine, "test");
    compiled = compile(spec, machine);
    std::mt19937_64 random(1);
    data = randomData(compiled.gemm, random);
    original = simulate(compiled.gemm, compiled.program, text, data);
    EXPECT_EQ(original.error, "");
    EXPECT_EQ(original.cycles, compiled.prediction.cycles);
  }

  /// True: strict mode refuses it.
  bool refuses(const Program &mutated) {
    Outcome run = simulate(compiled.gemm, mutated, text, data);
    if (!run.error.empty()) {
      ++refused;
      return true;
    }
    ++harmless;
    EXPECT_TRUE(run.output == original.output);
    EXPECT_EQ(run.cycles, predictCycles(mutated, machine));
    return false;
  }

  /// Moves what stands from `begin` to before `end` of a queue by some cycles,
  /// and nothing else; false where another instruction is in the way.
  bool move(Program &program, unsigned queue, size_t begin, size_t end,
            int64_t cycles) const {
    std::vector<Instruction> &list = program.queues[queue];
    if (int64_t(list[begin].dt) + cycles < 0 || end >= list.size() ||
        int64_t(list[end].dt) - cycles < 0)
      return false;
    list[begin].dt = uint32_t(list[begin].dt + cycles);
    list[end].dt = uint32_t(list[end].dt - cycles);
    return true;
  }

  void everyTime() {
    const int64_t amounts[] = {-64, -17, -5, -2, -1, 1, 2, 5, 17, 64, 1000};
    for (unsigned q = 0; q < ESPALIER_QUEUES; ++q)
      for (size_t i = 0; i + 1 < compiled.program.queues[q].size(); ++i)
        for (int64_t amount : amounts) {
          SCOPED_TRACE("queue " + std::to_string(q) + ", instruction " +
                       std::to_string(i) + ", " + std::to_string(amount));
          Program single = compiled.program;
          if (move(single, q, i, i + 1, amount))
            refuses(single);
          Program tail = compiled.program;
          uint32_t &dt = tail.queues[q][i].dt;
          if (int64_t(dt) + amount >= 0) {
            dt = uint32_t(dt + amount);
            refuses(tail);
          }
          if (::testing::Test::HasFailure())
            return;
        }
    // With the WAITs before it and the SIGNALs behind it.
    for (const Placement &p : compiled.placements)
      for (int64_t amount : amounts) {
        SCOPED_TRACE("queue " + std::to_string(p.queue) + ", instructions " +
                     std::to_string(p.begin) + " to " + std::to_string(p.end) +
                     ", " + std::to_string(amount));
        Program group = compiled.program;
        if (move(group, p.queue, p.begin, p.end, amount))
          refuses(group);
        if (::testing::Test::HasFailure())
          return;
      }
  }

  void criticalOnes() {
    unsigned critical = 0;
    for (const Placement &p : compiled.placements) {
      if (!p.critical)
        continue;
      SCOPED_TRACE("queue " + std::to_string(p.queue) + ", instruction " +
                   std::to_string(p.at) + " at " + std::to_string(p.issue));
      Program earlier = compiled.program;
      // An instruction behind it in the same queue may follow, or stay.
      std::vector<Instruction> &list = earlier.queues[p.queue];
      ASSERT_GT(list[p.begin].dt, 0u);
      list[p.begin].dt -= 1;
      if (p.end < list.size())
        list[p.end].dt += 1;
      EXPECT_TRUE(refuses(earlier));
      ++critical;
    }
    EXPECT_GT(critical, 0u);
  }
};

SystolicMachine smallMachine(bool shadow) {
  SystolicMachine m = plainMachine(4, 4, shadow);
  m.scratchpadBytes = 4096;
  m.scratchpadBanks = 4;
  m.readPorts = 1;
  m.accumulatorBytes = 1024;
  m.accumulatorBanks = 2;
  m.vectorPorts = 1;
  m.lanes = 4;
  m.loadRows = 2;
  m.dramBandwidth = 8;
  m.dramLatency = 11;
  return m;
}

std::vector<Subject> subjects() {
  std::vector<Subject> all;
  for (bool shadow : {true, false})
    for (bool outputStationary : {false, true})
      for (Operands operands : {Operands::Scratchpad, Operands::Dram}) {
        SystolicMachine machine = smallMachine(shadow);
        if (outputStationary)
          machine.readPorts = 2;
        GemmSpec spec = oneGemm(6, 11, 10, operands);
        spec.outputStationary = outputStationary;
        spec.int8 = shadow;
        all.emplace_back(machine, spec);
      }
  // Buffers that are used again and again.
  SystolicMachine tight = smallMachine(true);
  tight.scratchpadBytes = 1024;
  tight.accumulatorBytes = 1024;
  all.emplace_back(tight, oneGemm(14, 13, 9, Operands::Dram));
  GemmSpec chain;
  chain.m = 3;
  chain.linears = {{8, 12}, {8, 6}};
  chain.operands = Operands::Dram;
  chain.scale = 0x1p-8f;
  all.emplace_back(smallMachine(true), chain);
  return all;
}

} // namespace

TEST(SystolicMutation, NoTimeIsWrongInSilence) {
  unsigned refused = 0, harmless = 0;
  for (Subject &subject : subjects()) {
    subject.everyTime();
    refused += subject.refused;
    harmless += subject.harmless;
    if (::testing::Test::HasFailure())
      return;
  }
  std::printf("%u refused, %u harmless\n", refused, harmless);
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(harmless, 100u);
}

TEST(SystolicMutation, CriticalInstructionsCannotBeEarlier) {
  for (Subject &subject : subjects())
    subject.criticalOnes();
}
