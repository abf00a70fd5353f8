//===- Base64.h - Base64 ----------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_IMPORT_TOKENIZER_BASE64_H
#define ESPALIER_LIB_IMPORT_TOKENIZER_BASE64_H

#include <optional>
#include <string>
#include <string_view>

namespace espalier::tokenizer {

/// The bytes of standard Base64 with its padding; nothing where it is not that.
std::optional<std::string> decodeBase64(std::string_view text);

} // namespace espalier::tokenizer

#endif // ESPALIER_LIB_IMPORT_TOKENIZER_BASE64_H
