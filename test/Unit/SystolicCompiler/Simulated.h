//===- Simulated.h - Programs of the tests, run -----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_SYSTOLICCOMPILER_SIMULATED_H
#define ESPALIER_TEST_UNIT_SYSTOLICCOMPILER_SIMULATED_H

#include "Compiled.h"
#include "Systolic/Simulator.h"
#include "espalier/Target/Systolic/Encode.h"

#include <cstring>
#include <random>

namespace espalier::systolic {

struct Outcome {
  std::string error; ///< Empty: it ran.
  uint64_t cycles = 0;
  simulator::Report report;
  std::vector<uint8_t> output; ///< Packed.
};

/// Operands of every region that the program reads.
struct Data {
  std::vector<std::vector<uint8_t>> rowMajor, packed; ///< Rows, then weights.
};

/// int8, or bf16 of -2 to 2 with all bits of their fractions.
inline std::vector<uint8_t> randomBytes(uint64_t elements, bool int8,
                                        std::mt19937_64 &random) {
  std::vector<uint8_t> bytes(elements * (int8 ? 1 : 2));
  for (uint64_t i = 0; i < elements; ++i) {
    uint64_t bits = random();
    if (int8) {
      bytes[i] = uint8_t(bits);
      continue;
    }
    float value = float(int32_t(bits)) * 0x1p-30f;
    uint32_t raw;
    memcpy(&raw, &value, 4);
    bytes[2 * i] = uint8_t(raw >> 16);
    bytes[2 * i + 1] = uint8_t(raw >> 24);
  }
  return bytes;
}

inline Data randomData(const Gemm &gemm, std::mt19937_64 &random) {
  Data data;
  auto add = [&](const BlockedMatrix &matrix) {
    data.rowMajor.push_back(
        randomBytes(matrix.rows * matrix.columns, gemm.spec.int8, random));
    data.packed.push_back(matrix.pack(data.rowMajor.back()));
  };
  add(gemm.input);
  for (const BlockedMatrix &weights : gemm.weights)
    add(weights);
  return data;
}

inline Outcome simulate(const Gemm &gemm, const Program &program,
                        const std::string &machine, const Data &data,
                        simulator::Mode mode = simulator::Mode::Strict) {
  Outcome run;
  Result<std::vector<uint8_t>> bytes = encode(program);
  if (!bytes) {
    run.error = bytes.error().message;
    return run;
  }
  auto simulator = simulator::Simulator::open(*bytes, machine, "machine");
  if (!simulator) {
    run.error = simulator.error().message;
    return run;
  }
  run.output.assign(gemm.output.bytes, 0xa5);
  Status bound =
      simulator->bind(Gemm::outputRegion, std::span<uint8_t>(run.output));
  for (unsigned i = 0; bound && i < data.packed.size(); ++i)
    bound = simulator->bind(i == 0 ? Gemm::inputRegion
                                   : Gemm::firstWeightsRegion + i - 1,
                            std::span<const uint8_t>(data.packed[i]));
  if (!bound) {
    run.error = bound.error().message;
    return run;
  }
  Result<simulator::Report> report = simulator->run({}, mode);
  if (!report) {
    run.error = report.error().message;
    return run;
  }
  run.cycles = report->cycles;
  run.report = std::move(*report);
  return run;
}

/// A small machine with any figures.
inline SystolicMachine randomMachine(std::mt19937_64 &random) {
  auto upTo = [&](unsigned most) { return unsigned(random() % most) + 1; };
  SystolicMachine m = plainMachine(upTo(20), upTo(20), random() % 2);
  m.name = "random";
  m.loadRows = upTo(m.rows);
  m.outputStationary = random() % 4 != 0;
  m.weightStationary = !m.outputStationary || random() % 4 != 0;
  m.scratchpadBanks = upTo(8);
  m.scratchpadBytes = uint64_t(m.scratchpadBanks) * 16 * (64 + upTo(4000));
  m.readPorts = upTo(3);
  m.writePorts = upTo(2);
  m.accumulatorBanks = upTo(4);
  m.accumulatorBytes = uint64_t(m.accumulatorBanks) * 16 * (64 + upTo(2000));
  m.vectorPorts = upTo(3);
  m.lanes = upTo(40);
  m.latencyMap = upTo(20);
  m.dramBandwidth = upTo(64);
  m.dramLatency = upTo(150);
  m.bf16 = random() % 4 != 0;
  m.int8 = !m.bf16 || random() % 4 != 0;
  return m;
}

/// A matmul that its dataflows and types allow.
inline GemmSpec randomGemm(const SystolicMachine &m, std::mt19937_64 &random) {
  auto upTo = [&](uint64_t most) { return random() % most + 1; };
  uint64_t most = random() % 4 ? 40 : 120;
  GemmSpec spec = oneGemm(upTo(most), upTo(most), upTo(most));
  spec.operands = Operands(random() % 3);
  spec.int8 = m.int8 && (!m.bf16 || random() % 2);
  spec.outputStationary =
      m.outputStationary && (!m.weightStationary || random() % 2);
  return spec;
}

} // namespace espalier::systolic

#endif // ESPALIER_TEST_UNIT_SYSTOLICCOMPILER_SIMULATED_H
