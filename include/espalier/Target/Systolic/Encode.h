//===- Encode.h - The bytes of accelerator programs -------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TARGET_SYSTOLIC_ENCODE_H
#define ESPALIER_TARGET_SYSTOLIC_ENCODE_H

#include "espalier/Lowering/Systolic/Program.h"
#include "espalier/Support/Result.h"

namespace espalier::systolic {

/// The binary form (runtime/include/espalier/systolic.h). An instruction that
/// waits longer than its 16 bits say gets DELAYs before it. Written is the
/// canonical program, see Decode.h. Fails where a figure does not fit its
/// field.
Result<std::vector<uint8_t>> encode(const Program &program);

} // namespace espalier::systolic

#endif // ESPALIER_TARGET_SYSTOLIC_ENCODE_H
