//===- Plan.h - A program on a machine, ready to run ------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Everything about a program that does not change from run to run: each form
/// of instruction (opcode, flags, kind, shape) with its times by the table of
/// docs/Systolic.md, and the queues with their operands, checked against the
/// machine's memories and the program's regions.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_PLAN_H
#define ESPALIER_RUNTIME_SYSTOLIC_PLAN_H

#include "Systolic/Machine.h"
#include "Systolic/Program.h"

#include <array>

namespace espalier::simulator {

/// What is busy while an instruction runs.
enum class Unit : uint8_t { DmaIn, DmaOut, Load, Array, VectorA, VectorB };
inline constexpr unsigned unitCount = 6;

/// The ports of a bank that an access takes.
enum class Port : uint8_t { Read, Write, Array, Vector, None };

enum Operand : uint8_t { OperandA, OperandB, OperandC };

/// Offsets, in cycles from issue, between which something happens, inclusive.
struct Span {
  uint64_t first = 0, last = 0;
};

/// How one operand is read or written.
struct Access {
  uint8_t operand = OperandA;
  uint8_t space = ESPALIER_SPACE_SCRATCHPAD;
  bool write = false;
  Port port = Port::None;
  Span portTime;
  uint64_t rows = 0; ///< in the memory
  uint32_t stride = 0;
  uint64_t rowBytes = 0;

  /// When row `j` is accessed: of a DMA by its bytes, else
  /// offset + (j / group) * step and on, for `length` cycles.
  Span rowTime(uint64_t j) const;
  /// Bytes from the first of the first row to the last of the last one.
  uint64_t extent() const {
    return (rows - 1) * stride * ESPALIER_SYSTOLIC_GRANULE + rowBytes;
  }

  uint64_t offset = 0, group = 1, step = 0, length = 1;
  uint64_t beatBytes = 0; ///< of a DMA: DRAM bytes that a row adds
  uint32_t bandwidth = 1; ///< of a DMA
  uint32_t subRows = 1;   ///< rows in the memory of one in DRAM
};

/// What an instruction adds to the counters.
struct Cost {
  uint64_t macs = 0;      ///< that the result needs
  uint64_t arrayMacs = 0; ///< that the whole array makes meanwhile
  uint64_t vectorOps = 0;
  uint64_t scratchpadRead = 0, scratchpadWritten = 0;
  uint64_t accumulatorRead = 0, accumulatorWritten = 0;
  uint64_t dramRead = 0, dramWritten = 0;
  bool int8 = false;
};

/// An instruction without its addresses.
struct Form {
  uint8_t opcode = 0, flags = 0, aux = 0;
  Unit unit = Unit::DmaIn; ///< of a vector unit: VectorA, for both
  bool usesBus = false;
  espalier_systolic_shape shape = {};
  uint64_t busy = 0;     ///< cycles of the unit
  uint64_t complete = 0; ///< offset of `is complete in`
  uint8_t accesses = 0;
  std::array<Access, 4> access;
  uint64_t dramRowBytes = 0; ///< of a DMA
  Cost cost;
};

/// The times, accesses and costs of one form of a timed instruction; an error
/// where shape and machine do not allow it.
Result<Form> makeForm(const Instruction &op,
                      const espalier_systolic_shape &shape, const Machine &m);

struct Op {
  uint8_t opcode = 0;
  uint32_t form = 0;  ///< of timed instructions
  uint32_t index = 0; ///< in the binary queue
  uint64_t dt = 0;    ///< with the DELAYs before it
  uint32_t a = 0, b = 0, c = 0;
};

/// Ceilings of what a hostile program may cost.
struct Limits {
  /// Instructions, loops unrolled, plus a unit for each 64 multiplications or
  /// elements or so that a run takes. A run of so much takes hours.
  uint64_t work = uint64_t(1) << 40;
  /// Bytes of all regions that are not bound to memory of the caller.
  uint64_t memory = uint64_t(1) << 36;
};

struct Plan {
  Machine machine;
  Program program;
  std::vector<Form> forms;
  std::vector<Op> queues[ESPALIER_QUEUES]; ///< without DELAYs
  bool hasMarks[ESPALIER_QUEUES] = {};
  uint64_t work = 0;
};

/// Checks `program` on `machine`.
Result<Plan> makePlan(Program program, const Machine &machine,
                      const Limits &limits);

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_PLAN_H
