//===- Forms.h - What instructions have in their fields ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_TARGET_SYSTOLIC_FORMS_H
#define ESPALIER_LIB_TARGET_SYSTOLIC_FORMS_H

#include "espalier/Lowering/Systolic/InstructionForm.h"
#include "espalier/Lowering/Systolic/Program.h"

namespace espalier::systolic {

/// The shape of an instruction with 0 in what the instruction does not read,
/// and with what it implies.
Shape canonicalShape(const Instruction &instruction, Shape shape);

const char *queueName(unsigned queue);

} // namespace espalier::systolic

#endif // ESPALIER_LIB_TARGET_SYSTOLIC_FORMS_H
