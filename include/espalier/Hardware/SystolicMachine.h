//===- SystolicMachine.h - Descriptions of accelerators ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The compiler's reader of machine files whose target is "systolic"
/// (docs/Machines.md has the keys, docs/Systolic.md what they mean). The
/// simulator reads the same files with a parser of its own.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_HARDWARE_SYSTOLICMACHINE_H
#define ESPALIER_HARDWARE_SYSTOLICMACHINE_H

#include "espalier/Support/Result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::hardware {

/// Picojoules of one event each.
struct SystolicEnergy {
  std::string table; ///< The name of the figures, published with every result.
  double macInt8 = 0, macBf16 = 0, vectorOp = 0;
  double scratchpadByte = 0, accumulatorByte = 0, dramByte = 0;

  bool operator==(const SystolicEnergy &) const = default;
};

/// All values in basic units: bytes, cycles, Hz, pJ.
struct SystolicMachine {
  std::string name, description;
  double clock = 1e9;
  unsigned rows = 1, columns = 1; ///< Of the array.
  bool weightStationary = true, outputStationary = false;
  bool shadow = true; ///< Weights load behind the active ones.
  unsigned loadRows = 1;
  uint64_t scratchpadBytes = 0;
  unsigned scratchpadBanks = 1, readPorts = 1, writePorts = 1;
  uint64_t accumulatorBytes = 0;
  unsigned accumulatorBanks = 1, vectorPorts = 1;
  unsigned lanes = 1;
  unsigned latencyMap = 1, latencyFunction = 1, latencyDivide = 1;
  unsigned latencyReduce = 1;
  unsigned dramBandwidth = 1; ///< Bytes a cycle.
  unsigned dramLatency = 1;
  bool bf16 = true, int8 = true;
  SystolicEnergy energy;

  bool operator==(const SystolicMachine &) const = default;

  /// Cycles that a tile of weights takes to load.
  unsigned loadCycles() const { return (rows + loadRows - 1) / loadRows; }
};

/// Parses and checks a description. Messages begin with `name`, name the key,
/// and say what is allowed.
Result<SystolicMachine> parseSystolicMachine(std::string_view text,
                                             const std::string &name);

/// The machine of the catalogue with that name; else the file with that path.
Result<SystolicMachine> findSystolicMachine(const std::string &nameOrPath);

/// Names of the catalogue that are accelerators.
std::vector<std::string_view> systolicMachineNames();

/// A machine file that reads back as `machine`; the sources of its figures say
/// `source`.
std::string systolicMachineText(const SystolicMachine &machine,
                                std::string_view source);

inline constexpr const char *defaultSystolicMachine = "systolic-128";

} // namespace espalier::hardware

#endif // ESPALIER_HARDWARE_SYSTOLICMACHINE_H
