//===- Compiled.h - Matmuls of the tests ------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_SYSTOLICCOMPILER_COMPILED_H
#define ESPALIER_TEST_UNIT_SYSTOLICCOMPILER_COMPILED_H

#include "espalier/Lowering/Systolic/Gemm.h"
#include "espalier/Lowering/Systolic/Schedule.h"

#include <gtest/gtest.h>

namespace espalier::systolic {

/// An array of rows by columns that loads one row of weights a cycle, with
/// memories that hold everything.
inline SystolicMachine plainMachine(unsigned rows, unsigned columns,
                                    bool shadow) {
  SystolicMachine machine =
      *hardware::findSystolicMachine(hardware::defaultSystolicMachine);
  machine.rows = rows;
  machine.columns = columns;
  machine.shadow = shadow;
  machine.loadRows = 1;
  machine.scratchpadBytes = 64u << 20;
  machine.scratchpadBanks = 64;
  machine.accumulatorBytes = 16u << 20;
  return machine;
}

struct Compiled {
  Gemm gemm;
  Program program;
  Prediction prediction;
  std::vector<Placement> placements;
  uint64_t cycles = 0;
};

inline Compiled compile(const GemmSpec &spec, const SystolicMachine &machine) {
  Compiled compiled;
  Result<Gemm> gemm = buildGemm(spec, machine);
  EXPECT_TRUE(bool(gemm)) << (gemm ? "" : gemm.error().message);
  if (!gemm)
    return compiled;
  Result<Program> program =
      schedule(gemm->sequence, machine, &compiled.placements);
  EXPECT_TRUE(bool(program)) << (program ? "" : program.error().message);
  if (!program)
    return compiled;
  compiled.gemm = std::move(*gemm);
  compiled.program = std::move(*program);
  compiled.prediction = predict(compiled.program, machine);
  compiled.cycles = gemmCycles(compiled.gemm, compiled.prediction);
  return compiled;
}

inline GemmSpec oneGemm(uint64_t m, uint64_t n, uint64_t k,
                        Operands operands = Operands::Scratchpad) {
  GemmSpec spec;
  spec.m = m;
  spec.linears = {{k, n}};
  spec.operands = operands;
  return spec;
}

} // namespace espalier::systolic

#endif // ESPALIER_TEST_UNIT_SYSTOLICCOMPILER_COMPILED_H
