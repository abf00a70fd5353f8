//===- Schedule.h - Times and semaphores of programs ------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// From a sequence, whose meaning is its sequential execution, to a program
/// with five queues, issue times and semaphores.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LOWERING_SYSTOLIC_SCHEDULE_H
#define ESPALIER_LOWERING_SYSTOLIC_SCHEDULE_H

#include "espalier/Hardware/SystolicMachine.h"
#include "espalier/Lowering/Systolic/Program.h"
#include "espalier/Support/Result.h"

namespace espalier::systolic {

using hardware::SystolicMachine;

/// Where an instruction of the sequence went, and why not earlier.
struct Placement {
  uint8_t queue = 0;
  /// In the queue: the controls that were put before it begin at `begin`, it
  /// stands at `at`, and its SIGNALs end before `end`.
  uint32_t begin = 0, at = 0, end = 0;
  uint64_t issue = 0; ///< In the first turn of loops, those before it once.
  /// A hazard kept it from issuing a cycle earlier, not the order of its queue.
  bool critical = false;
};

/// Takes the instructions in order and gives each the earliest cycle that its
/// queue, unit, ports and data allow. An instruction may go to a cycle before
/// that of one which stands earlier in the sequence, where they do not
/// conflict. Every conflict between two queues is covered by a SIGNAL and a
/// WAIT, also through other queues, without those that others imply. Loop
/// bodies are placed once, from the cycle on in which everything before them
/// is complete. Fails, with the number of the instruction, on a sequence that
/// no schedule can make right: an operand outside its memory, a read of what
/// was never written, more uses of a bank than it has ports, weights that are
/// not there.
Result<Program> schedule(const Sequence &sequence,
                         const SystolicMachine &machine,
                         std::vector<Placement> *placements = nullptr);

} // namespace espalier::systolic

#endif // ESPALIER_LOWERING_SYSTOLIC_SCHEDULE_H
