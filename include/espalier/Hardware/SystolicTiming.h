//===- SystolicTiming.h - Times of accelerator instructions -----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The compiler's side of the section Time of docs/Systolic.md: how long an
/// instruction takes, what it touches when, and from that the cycles of a whole
/// program. Everything is relative to the cycle of issue. The simulator has
/// its own reading of that page and shares nothing with this one.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_HARDWARE_SYSTOLICTIMING_H
#define ESPALIER_HARDWARE_SYSTOLICTIMING_H

#include "espalier/Hardware/SystolicMachine.h"
#include "espalier/Lowering/Systolic/Program.h"

namespace espalier::systolic {

using hardware::SystolicMachine;

/// The cycles in which the rows of an operand are touched.
struct RowTimes {
  /// Of a DMA (`beat` > 0), `group` rows of the operand are one of `bytes`
  /// bytes in DRAM, and those of row i are moved in the beats that hold them.
  /// Otherwise row j is touched from (j / group) * step on, for `span` cycles
  /// more.
  uint64_t base = 0, step = 0, span = 0, bytes = 0;
  uint32_t group = 1, beat = 0;

  uint64_t first(uint64_t row) const {
    row /= group;
    return base + (beat ? row * bytes / beat : row * step);
  }
  uint64_t last(uint64_t row) const {
    uint64_t begin = first(row);
    if (!beat)
      return begin + span;
    uint64_t end = base + ((row / group + 1) * bytes + beat - 1) / beat;
    return end > begin + 1 ? end - 1 : begin;
  }
};

/// One operand in scratchpad or accumulator.
struct Access {
  uint8_t space = ESPALIER_SPACE_SCRATCHPAD;
  bool write = false;
  bool accumulates = false; ///< A write that reads what is there.
  uint32_t address = 0;     ///< Granules.
  uint32_t rows = 0, stride = 0;
  uint64_t rowBytes = 0;
  RowTimes times;
  /// For how long a port of each touched bank is taken.
  uint64_t portFirst = 0, portLast = 0;

  uint64_t rowGranules() const {
    return (rowBytes + ESPALIER_SYSTOLIC_GRANULE - 1) /
           ESPALIER_SYSTOLIC_GRANULE;
  }
  /// The byte behind the operand.
  uint64_t end() const {
    return rows ? (address + uint64_t(rows - 1) * stride) *
                          ESPALIER_SYSTOLIC_GRANULE +
                      rowBytes
                : uint64_t(address) * ESPALIER_SYSTOLIC_GRANULE;
  }
};

/// The time and the operands of one instruction.
struct Timing {
  uint64_t busy = 0;     ///< Cycles of its unit, and of the bus for a DMA.
  uint64_t complete = 0; ///< "is complete in", less the issue.
  unsigned accesses = 0;
  Access access[4];
};

/// Of an instruction that is not control. What its fields say must be of its
/// opcode; whether an operand lies in its memory is not checked here.
Timing timingOf(const Instruction &instruction, const Shape &shape,
                const SystolicMachine &machine);

/// Bytes of DRAM that one row of a DMA has.
uint64_t dramRowBytes(const Shape &shape);

/// What a program takes by the rules of time alone: that it breaks none of the
/// hazards is not checked.
struct Prediction {
  uint64_t cycles = 0; ///< The largest completion.
  struct Queue {
    uint64_t instructions = 0; ///< That take time; all turns of loops.
    uint64_t first = 0;        ///< First issue.
    uint64_t last = 0;         ///< Largest completion.
    uint64_t busy = 0;         ///< Sum of Timing::busy, weights loading apart.
    uint64_t loading = 0;      ///< Of the array: the load path.
  };
  std::array<Queue, ESPALIER_QUEUES> queues;
  /// Each mark's number with the cycle of its first turn.
  std::vector<std::pair<uint32_t, uint64_t>> marks;
};

Prediction predict(const Program &program, const SystolicMachine &machine);
uint64_t predictCycles(const Program &program, const SystolicMachine &machine);

} // namespace espalier::systolic

#endif // ESPALIER_HARDWARE_SYSTOLICTIMING_H
