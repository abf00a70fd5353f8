//===- Forms.h - What instructions have in their fields ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_TARGET_SYSTOLIC_FORMS_H
#define ESPALIER_LIB_TARGET_SYSTOLIC_FORMS_H

#include "espalier/Lowering/Systolic/Program.h"

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

/// The shape of an instruction with 0 in what the instruction does not read,
/// and with what it implies.
Shape canonicalShape(const Instruction &instruction, Shape shape);

const char *queueName(unsigned queue);

} // namespace espalier::systolic

#endif // ESPALIER_LIB_TARGET_SYSTOLIC_FORMS_H
