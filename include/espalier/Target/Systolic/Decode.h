//===- Decode.h - Programs from their bytes ---------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
/// \file
/// The compiler's reader of the binary form. It shares nothing with that of the
/// simulator, and is stricter: it takes what `encode` writes and nothing else,
/// so that every program it takes is encoded to the same bytes again.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TARGET_SYSTOLIC_DECODE_H
#define ESPALIER_TARGET_SYSTOLIC_DECODE_H

#include "espalier/Lowering/Systolic/Program.h"
#include "espalier/Support/Result.h"

#include <span>

namespace espalier::systolic {

/// Reads a program from bytes that nobody vouches for. Symbols get the names
/// s0, s1, ...
Result<Program> decode(std::span<const uint8_t> bytes);

/// Whether a program is one: what each instruction has in its fields and its
/// shape, loops, semaphores, and that every place in DRAM lies in its region.
/// Times and hazards are not looked at, nor sizes of a machine.
Status checkProgram(const Program &program);

/// The same program with only the shapes, constants and marks that are used,
/// numbered in the order of their first use, queue by queue; fields of shapes
/// that an instruction does not read are 0.
Result<Program> canonicalProgram(const Program &program);

} // namespace espalier::systolic

#endif // ESPALIER_TARGET_SYSTOLIC_DECODE_H
