//===- ArrayRules.h - When the array takes an instruction -------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The rules of the array's planes in docs/Systolic.md, under "Weights of the
/// array".
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_ARRAYRULES_H
#define ESPALIER_RUNTIME_SYSTOLIC_ARRAYRULES_H

#include "Systolic/Plan.h"

namespace espalier::simulator {

class ArrayRules {
public:
  explicit ArrayRules(const Machine &m) : m(m) {}
  void begin() { s = State(); }

  /// The earliest cycle in which the array takes an instruction, and what it
  /// waits for until then.
  struct Earliest {
    uint64_t cycle = 0;
    const char *reason = "";
  };
  /// `never`: the reason why no cycle will do, else nullptr.
  Earliest earliest(const Form &form, const char *&never) const;
  void issue(const Form &form, uint64_t t);

private:
  struct Tile {
    bool valid = false;
    uint32_t rows = 0, columns = 0;
    uint8_t type = 0;
  };
  /// What begin() sets back.
  struct State {
    Tile waiting, active;
    uint64_t loadReady = 0;     ///< LOAD_WEIGHTS + L
    uint64_t swapIssue = 0;     ///< the last MATMUL with SWAP
    uint64_t streamEnd = 0;     ///< the last MATMUL + rows
    uint64_t productsEnd = 0;   ///< it is complete
    uint64_t stationaryEnd = 0; ///< the last MATMUL_OS is complete
    uint64_t stationaryNext = 0;
  };
  const Machine &m;
  State s;
};

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_ARRAYRULES_H
