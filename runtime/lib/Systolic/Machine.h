//===- Machine.h - What a simulated accelerator is made of ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The machine as the simulator reads it, from the JSON text alone. The
/// compiler has a reader of its own: the two must agree by the page, not by
/// code that they share.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_MACHINE_H
#define ESPALIER_RUNTIME_SYSTOLIC_MACHINE_H

#include "espalier/Support/Result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace espalier::simulator {

/// Figures in bytes, cycles, bytes a cycle, Hz and pJ. The names of the
/// comments are those of docs/Systolic.md.
struct Machine {
  std::string name, description;
  double clock = 0; ///< Hz

  uint32_t rows = 1, columns = 1; ///< R, C
  bool weightStationary = false, outputStationary = false;
  bool shadow = false;   ///< two weights in each element
  uint32_t loadRows = 1; ///< w

  uint64_t scratchpadBytes = 0;
  uint32_t scratchpadBanks = 1, readPorts = 1, writePorts = 1;
  uint64_t accumulatorBytes = 0;
  uint32_t accumulatorBanks = 1, vectorPorts = 1;

  uint32_t lanes = 1; ///< V
  uint32_t latencyMap = 1, latencyFunction = 1, latencyDivide = 1,
           latencyReduce = 1;

  uint32_t bandwidth = 1;   ///< B
  uint32_t dramLatency = 0; ///< D

  bool bf16 = false, int8 = false; ///< what the array multiplies

  std::string energyTable;
  double macInt8 = 0, macBf16 = 0, vectorOp = 0;
  double scratchpadByte = 0, accumulatorByte = 0, dramByte = 0;
};

/// Parses and checks a description. Messages begin with `name`, name the key,
/// and say what is allowed.
Result<Machine> parseMachine(std::string_view text, const std::string &name);

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_MACHINE_H
