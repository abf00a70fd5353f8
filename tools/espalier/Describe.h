//===- Describe.h - Descriptors for people ----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_DESCRIBE_H
#define ESPALIER_TOOLS_DESCRIBE_H

#include "espalier/descriptor.h"

#include <cstdio>
#include <string>
#include <string_view>

namespace espalier::tool {

/// Text of a file for a terminal: bytes that are not printable become `\xNN`.
inline std::string escaped(std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    if (c >= 0x20 && c != 0x7F) {
      out += char(c);
      continue;
    }
    char code[8];
    snprintf(code, sizeof(code), "\\x%02x", c);
    out += code;
  }
  return out;
}
/// The same, of long texts only the beginning, and how long they are.
std::string shortened(std::string_view text);

/// What the model is and how it was compiled.
void printCard(const espalier_descriptor &descriptor);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_DESCRIBE_H
