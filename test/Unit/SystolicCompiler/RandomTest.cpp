//===- RandomTest.cpp - Any matmul on any machine -------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Predicted cycles are simulated cycles, and the bits are the reference's. A
/// failure is found again by the number in its trace, which is the seed.
///
//===----------------------------------------------------------------------===//
#include "Simulated.h"

using namespace espalier;
using namespace espalier::systolic;
using simulator::Mode;

namespace {

/// False: the machine is too small for it.
bool check(const SystolicMachine &machine, const GemmSpec &spec,
           std::mt19937_64 &random, bool elements) {
  Result<Gemm> gemm = buildGemm(spec, machine);
  if (!gemm) {
    EXPECT_NE(gemm.error().message.find("fit"), std::string::npos)
        << gemm.error().message;
    return false;
  }
  Result<Program> program = schedule(gemm->sequence, machine);
  if (!program) {
    // Both operands of MATMUL_OS in the one bank that has one port.
    EXPECT_NE(program.error().message.find("needs more ports"),
              std::string::npos)
        << program.error().message;
    return false;
  }
  std::string text = hardware::systolicMachineText(machine, "random");
  Prediction prediction = predict(*program, machine);
  Data data = randomData(*gemm, random);
  Outcome strict = simulate(*gemm, *program, text, data);
  EXPECT_EQ(strict.error, "") << text;
  if (!strict.error.empty())
    return true;
  EXPECT_EQ(strict.cycles, prediction.cycles) << text;
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
    EXPECT_EQ(strict.report.queues[q].first, prediction.queues[q].first);
    EXPECT_EQ(strict.report.queues[q].complete, prediction.queues[q].last);
    constexpr simulator::Unit units[] = {
        simulator::Unit::DmaIn, simulator::Unit::DmaOut, simulator::Unit::Array,
        simulator::Unit::VectorA, simulator::Unit::VectorB};
    EXPECT_EQ(strict.report.counters.busy[unsigned(units[q])],
              prediction.queues[q].busy);
  }
  EXPECT_EQ(strict.report.counters.busy[unsigned(simulator::Unit::Load)],
            prediction.queues[ESPALIER_QUEUE_ARRAY].loading);
  std::vector<uint8_t> wanted =
      gemmReference(*gemm, data.rowMajor[0], data.rowMajor[1]);
  EXPECT_TRUE(gemm->output.unpack(strict.output) == wanted) << text;
  // The semaphores alone keep the order, whatever the times.
  Outcome elastic = simulate(*gemm, *program, text, data, Mode::Elastic);
  EXPECT_EQ(elastic.error, "");
  EXPECT_TRUE(elastic.output == strict.output) << text;
  if (elements && machine.rows <= 16 && machine.columns <= 16) {
    Outcome stepped = simulate(*gemm, *program, text, data, Mode::Elements);
    EXPECT_EQ(stepped.error, "");
    EXPECT_EQ(stepped.cycles, strict.cycles);
    EXPECT_TRUE(stepped.output == strict.output) << text;
  }
  return true;
}

} // namespace

/// Two hundred machines, five matmuls on each.
TEST(SystolicRandom, PredictedCyclesAreSimulated) {
  unsigned machines = 0, matmuls = 0;
  for (uint64_t seed = 0; machines < 200 && seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    SystolicMachine machine = randomMachine(random);
    unsigned done = 0;
    for (unsigned tries = 0; done < 5 && tries < 40; ++tries)
      done += check(machine, randomGemm(machine, random), random, done == 0);
    machines += done == 5;
    matmuls += done;
    if (::testing::Test::HasFailure())
      break;
  }
  EXPECT_EQ(machines, 200u);
  EXPECT_GE(matmuls, 1000u);
}

TEST(SystolicRandom, MachinesOfTheCatalogue) {
  std::mt19937_64 random(7);
  for (std::string_view name : hardware::systolicMachineNames()) {
    SystolicMachine machine = *hardware::findSystolicMachine(std::string(name));
    for (bool shadow : {true, false}) {
      SCOPED_TRACE(std::string(name));
      machine.shadow = shadow;
      GemmSpec spec = oneGemm(37, 300, 270);
      spec.int8 = machine.int8;
      for (Operands operands :
           {Operands::Scratchpad, Operands::Weights, Operands::Dram}) {
        spec.operands = operands;
        // Of the edge device, the memories hold less.
        if (machine.rows == 16 && operands == Operands::Scratchpad)
          spec.linears[0].n = 160;
        EXPECT_TRUE(check(machine, spec, random, false));
      }
    }
  }
}

/// Matmuls after each other take the first columns of the one before, scaled
/// and rounded.
TEST(SystolicRandom, ChainsOfMatmuls) {
  SystolicMachine machine = plainMachine(8, 8, true);
  machine.scratchpadBytes = 1u << 16;
  machine.accumulatorBytes = 1u << 13;
  machine.loadRows = 4;
  machine.dramBandwidth = 16;
  std::string text = hardware::systolicMachineText(machine, "test");
  for (uint64_t rows : {1u, 5u, 12u}) {
    GemmSpec spec;
    spec.m = rows;
    spec.linears = {{40, 48}, {32, 64}, {64, 20}};
    spec.operands = Operands::Dram;
    spec.scale = 0x1p-9f;
    Compiled c = compile(spec, machine);
    std::mt19937_64 random(rows);
    Data data = randomData(c.gemm, random);
    Outcome run = simulate(c.gemm, c.program, text, data);
    ASSERT_EQ(run.error, "");
    EXPECT_EQ(run.cycles, c.prediction.cycles);
    std::vector<uint8_t> input = data.rowMajor[0], wanted;
    for (unsigned i = 0; i < 3; ++i) {
      auto [k, n] = spec.linears[i];
      Gemm one = c.gemm;
      one.spec.linears = {{k, n}};
      wanted = gemmReference(one, input, data.rowMajor[i + 1]);
      if (i == 2)
        break;
      uint64_t next = spec.linears[i + 1].k;
      input.assign(rows * next, 0);
      for (uint64_t r = 0; r < rows; ++r)
        for (uint64_t j = 0; j < next; ++j) {
          int32_t sum;
          memcpy(&sum, &wanted[(r * n + j) * 4], 4);
          float value = std::nearbyint(float(sum) * spec.scale);
          input[r * next + j] =
              uint8_t(int8_t(std::min(127.0f, std::max(-128.0f, value))));
        }
    }
    EXPECT_TRUE(c.gemm.output.unpack(run.output) == wanted);
    Outcome elastic =
        simulate(c.gemm, c.program, text, data, simulator::Mode::Elastic);
    EXPECT_TRUE(elastic.output == run.output) << elastic.error;
  }
}

/// The cycles of the targets are what the simulator counts.
TEST(SystolicRandom, TheLargeOnesAreSimulated) {
  SystolicMachine machine =
      *hardware::findSystolicMachine(hardware::defaultSystolicMachine);
  std::string text = hardware::systolicMachineText(machine, "test");
  std::vector<GemmSpec> specs = {oneGemm(128, 4096, 4096),
                                 oneGemm(64, 2048, 8192),
                                 oneGemm(1, 14336, 4096, Operands::Dram),
                                 oneGemm(64, 4096, 4096, Operands::Weights)};
  for (uint64_t rows : {1u, 128u}) {
    GemmSpec layer;
    layer.m = rows;
    layer.linears = {{4096, 6144}, {4096, 4096}, {4096, 28672}, {14336, 4096}};
    layer.operands = Operands::Dram;
    specs.push_back(layer);
  }
  for (const GemmSpec &spec : specs) {
    Compiled c = compile(spec, machine);
    Outcome run =
        simulate(c.gemm, c.program, text, {}, simulator::Mode::Timing);
    EXPECT_EQ(run.error, "");
    EXPECT_EQ(run.cycles, c.prediction.cycles);
  }
}
