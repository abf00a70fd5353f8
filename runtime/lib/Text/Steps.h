//===- Steps.h - What lists of steps must hold ------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The compiler checks the steps that it is about to write, the runtime those
/// that it reads: by the same rules, which are those that encoding and decoding
/// rest on. Messages name the step, no file.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_TEXT_STEPS_H
#define ESPALIER_RUNTIME_TEXT_STEPS_H

#include "espalier/Support/Result.h"
#include "espalier/tokenizer_tables.h"

#include <span>
#include <string_view>

namespace espalier::text {

using Steps = std::span<const espalier_tokenizer_step>;

Status checkNormalizer(Steps steps, std::string_view stepText);
Status checkPieces(Steps steps, std::string_view stepText);
Status checkDecoder(Steps steps, std::string_view stepText);

} // namespace espalier::text

#endif // ESPALIER_RUNTIME_TEXT_STEPS_H
