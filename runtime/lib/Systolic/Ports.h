//===- Ports.h - Ports of the banks -----------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Hazard 2 of docs/Systolic.md: in no cycle more instructions use a bank than
/// it has ports.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_PORTS_H
#define ESPALIER_RUNTIME_SYSTOLIC_PORTS_H

#include "Systolic/Plan.h"

#include <optional>

namespace espalier::simulator {

class Ports {
public:
  explicit Ports(const Machine &m);
  void begin();
  /// Nothing issues before `cycle` any more.
  void advance(uint64_t cycle) { now = cycle; }
  uint64_t present() const { return now; }

  struct Conflict {
    const Access *access;
    uint64_t bank, cycle;
    /// The conflict does not end before the instruction issues so much later;
    /// 0: the instruction is in its own way.
    uint64_t later;
  };
  /// Takes the ports of an instruction that issues at `t`, or none.
  std::optional<Conflict> take(const Form &form, const Op &op, uint64_t t);
  void giveBack(); ///< what the last call took

private:
  struct Taken {
    uint64_t first, last;
    bool own;
  };
  using Bank = std::vector<Taken>;
  std::optional<Conflict> takeBank(const Access &access, uint64_t bank,
                                   Span time);
  void settle();

  uint64_t now = 0;
  uint64_t bankBytes[2];
  std::vector<Bank> banks[4]; ///< by Port
  uint32_t most[4];
  std::vector<Bank *> touched; ///< by the last instruction
};

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_PORTS_H
