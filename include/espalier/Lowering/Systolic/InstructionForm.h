//===- InstructionForm.h - What instructions have in their fields ---===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LOWERING_SYSTOLIC_INSTRUCTIONFORM_H
#define ESPALIER_LOWERING_SYSTOLIC_INSTRUCTIONFORM_H

#include <cstdint>

namespace espalier::systolic {

/// The fields that an opcode has. Those it lacks are 0.
struct InstructionForm {
  const char *name = nullptr; ///< Null: there is no such opcode.
  uint8_t queues = 0;         ///< Bit q: the queue takes it.
  uint8_t flags = 0;          ///< Those that may be set.
  uint8_t kinds = 0;          ///< `aux` is below; 0: it has none.
  bool a = false, b = false, c = false;
  bool shape = false;
};

InstructionForm formOf(uint8_t opcode);

} // namespace espalier::systolic

#endif // ESPALIER_LOWERING_SYSTOLIC_INSTRUCTIONFORM_H
