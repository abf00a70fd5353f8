//===- Assembler.h - Programs as text ---------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TARGET_SYSTOLIC_ASSEMBLER_H
#define ESPALIER_TARGET_SYSTOLIC_ASSEMBLER_H

#include "espalier/Support/Result.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::systolic {

/// The bytes of a text that holds one `systolic.program`. Messages begin with
/// `name` and, where there is one, the place in the text.
Result<std::vector<uint8_t>> assemble(std::string_view text,
                                      const std::string &name);

/// The text of a program: assembling it gives the same bytes, and taking those
/// apart the same text. Messages begin with `name`.
Result<std::string> disassemble(std::span<const uint8_t> bytes,
                                const std::string &name);

} // namespace espalier::systolic

#endif // ESPALIER_TARGET_SYSTOLIC_ASSEMBLER_H
