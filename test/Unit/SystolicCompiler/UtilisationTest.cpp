//===- UtilisationTest.cpp - How well the machine is used -----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Compiled.h"

#include <chrono>

using namespace espalier;
using namespace espalier::systolic;

namespace {

SystolicMachine theDefault() {
  return *hardware::findSystolicMachine(hardware::defaultSystolicMachine);
}

double utilisation(uint64_t m, uint64_t n, uint64_t k) {
  SystolicMachine machine = theDefault();
  return double(m * n * k) /
         (double(compile(oneGemm(m, n, k), machine).cycles) * machine.rows *
          machine.columns);
}

/// Cycles that the DRAM bus is busy.
uint64_t busCycles(const Compiled &compiled) {
  return compiled.prediction.queues[ESPALIER_QUEUE_DMA_IN].busy +
         compiled.prediction.queues[ESPALIER_QUEUE_DMA_OUT].busy;
}

/// The linears of one layer of an 8B model, after each other.
GemmSpec layer(uint64_t rows) {
  GemmSpec spec;
  spec.m = rows;
  spec.linears = {{4096, 6144}, {4096, 4096}, {4096, 28672}, {14336, 4096}};
  spec.operands = Operands::Dram;
  spec.scale = 0x1p-10f;
  return spec;
}

} // namespace

TEST(SystolicUtilisation, OperandsInTheScratchpad) {
  EXPECT_GE(utilisation(128, 4096, 4096), 0.995);
  EXPECT_GE(utilisation(64, 2048, 8192), 0.99);
}

TEST(SystolicUtilisation, DecodeIsBoundByDram) {
  SystolicMachine machine = theDefault();
  Compiled c = compile(oneGemm(1, 14336, 4096, Operands::Dram), machine);
  EXPECT_LE(double(c.cycles) * 0.99, 14336.0 * 4096 / machine.dramBandwidth);
}

TEST(SystolicUtilisation, LinearsOfALayerFromDram) {
  SystolicMachine machine = theDefault();
  for (uint64_t rows : {1u, 16u, 64u, 128u}) {
    Compiled c = compile(layer(rows), machine);
    uint64_t tiles = 0;
    for (auto &linear : c.gemm.spec.linears)
      tiles += linear.k / 128 * (linear.n / 128);
    uint64_t array = tiles * std::max<uint64_t>(rows, machine.loadCycles());
    uint64_t bus = tiles * 128 * 128 / machine.dramBandwidth;
    EXPECT_GE(busCycles(c), bus);
    EXPECT_LE(double(c.cycles) * 0.99, double(std::max(array, bus)))
        << rows << " rows: " << c.cycles;
  }
}

/// Rows up to the ridge are free but for their own way through the array.
TEST(SystolicUtilisation, RowsUpToTheRidgeAreFree) {
  SystolicMachine machine = theDefault();
  uint64_t tile = 128 * 128;
  uint64_t ridge =
      std::max<uint64_t>(machine.loadCycles(), tile / machine.dramBandwidth);
  ASSERT_EQ(ridge, 64u);
  uint64_t one =
      compile(oneGemm(1, 4096, 4096, Operands::Weights), machine).cycles;
  for (uint64_t rows : {2u, 16u, 33u, 63u, 64u})
    EXPECT_LE(
        compile(oneGemm(rows, 4096, 4096, Operands::Weights), machine).cycles,
        one + rows - 1)
        << rows;
  // And behind it they are not.
  EXPECT_GT(compile(oneGemm(2 * ridge, 4096, 4096, Operands::Weights), machine)
                .cycles,
            one + 2 * ridge - 1);
}

TEST(SystolicUtilisation, SchedulingIsFast) {
  // 40,000 instructions that take time.
  SystolicMachine machine = theDefault();
  Result<Gemm> gemm = buildGemm(layer(1), machine);
  ASSERT_TRUE(bool(gemm));
  EXPECT_GT(gemm->sequence.body.size(), 39000u);
  auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(bool(schedule(gemm->sequence, machine)));
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(took.count(), 20) << "a fraction of a second is usual";
}
