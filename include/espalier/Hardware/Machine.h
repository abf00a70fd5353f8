//===- Machine.h - Descriptions of machines ---------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A machine is described by a JSON file in which each value has its unit and
/// its source (docs/Machines.md). It is checked here, once; passes read it from
/// the module (TargetSpec.h) and ask the cost model (CostModel.h). Nothing in
/// it changes the order of a sum, so a wrong machine costs time and never a
/// bit.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_HARDWARE_MACHINE_H
#define ESPALIER_HARDWARE_MACHINE_H

#include "espalier/Support/Result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::hardware {

/// One level of memory, nearest first.
struct MemoryLevel {
  std::string name;
  uint64_t size = 0;    ///< bytes; of each worker, or of all where shared
  double bandwidth = 0; ///< bytes a second; of each worker, or of all
  bool shared = false;

  bool operator==(const MemoryLevel &) const = default;
};

/// All values in basic units: bytes, seconds, Hz.
struct Machine {
  std::string name;
  std::string target; ///< "cpu"
  std::string isa;    ///< "avx2", "avx512"
  unsigned workers = 1;
  double clock = 0;     ///< Hz
  double barrier = 0;   ///< seconds that a barrier of all workers costs
  double tileStart = 0; ///< seconds that beginning a tile costs
  /// A tile takes at least so many times its start...
  unsigned tileWorth = 1;
  /// ...but a worker gets at least so many, where there is work for them.
  unsigned tilesPerWorker = 1;
  /// Rows of a tile of rows: bounds, and what it has at least where the caches
  /// hold it. Powers of two.
  unsigned rowsLeast = 1, rowsUsual = 1, rowsMost = 1;
  /// Cache lines that a worker prefetches at once of what it reads next.
  unsigned linesAhead = 1;
  /// Attention of few rows is split along the positions where that saves this
  /// share of its time, at so many positions.
  unsigned splitAt = 1;
  double splitGain = 0;
  unsigned vectorBits = 0;
  unsigned vectorRegisters = 0;
  double fmaIssue = 0;     ///< float32 vector FMAs a cycle
  double int8DotIssue = 0; ///< vectors of 8-bit products, summed, a cycle
  std::vector<MemoryLevel> memory; ///< the last one is main memory

  bool operator==(const Machine &) const = default;

  const MemoryLevel &mainMemory() const { return memory.back(); }
  /// The largest level that one worker has for itself.
  const MemoryLevel &privateCache() const;
  /// Operations a second of all workers; a multiply-add counts as two.
  double floatPeak() const;
  double int8Peak() const;
};

/// Parses and checks a description. Messages begin with `name`, name the key,
/// and say what is allowed.
Result<Machine> parseMachine(std::string_view text, const std::string &name);

/// The machine of the catalogue with that name; else the file with that path.
Result<Machine> findMachine(const std::string &nameOrPath);

/// Names of the catalogue, which is compiled in.
std::vector<std::string_view> machineNames();

/// What passes use where nothing was said.
inline constexpr const char *defaultMachine = "x86-64-v3";

} // namespace espalier::hardware

#endif // ESPALIER_HARDWARE_MACHINE_H
