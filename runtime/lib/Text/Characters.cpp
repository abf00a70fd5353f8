//===- Characters.cpp - Classes of characters -----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Characters.h"

#include <array>
#include <utf8proc.h>

namespace espalier::text {

namespace {

Class classify(uint32_t scalar) {
  // U+180E is not White_Space since Unicode 6.3.
  if (scalar == 0x20 || (scalar >= 0x9 && scalar <= 0xd) || scalar == 0x85 ||
      scalar == 0xa0 || scalar == 0x1680 ||
      (scalar >= 0x2000 && scalar <= 0x200a) || scalar == 0x2028 ||
      scalar == 0x2029 || scalar == 0x202f || scalar == 0x205f ||
      scalar == 0x3000)
    return Space;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(scalar))) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LT:
    return Upper;
  case UTF8PROC_CATEGORY_LL:
    return Lower;
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
    return Caseless;
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ME:
    return Mark;
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_NO:
    return Number;
  case UTF8PROC_CATEGORY_PC:
  case UTF8PROC_CATEGORY_PD:
  case UTF8PROC_CATEGORY_PS:
  case UTF8PROC_CATEGORY_PE:
  case UTF8PROC_CATEGORY_PI:
  case UTF8PROC_CATEGORY_PF:
  case UTF8PROC_CATEGORY_PO:
    return Punctuation;
  case UTF8PROC_CATEGORY_SM:
  case UTF8PROC_CATEGORY_SC:
  case UTF8PROC_CATEGORY_SK:
  case UTF8PROC_CATEGORY_SO:
    return Symbol;
  default:
    return Remaining;
  }
}

constexpr std::array<Class, 128> makeAsciiClasses() {
  std::array<Class, 128> classes{};
  for (int c = 0; c < 128; ++c) {
    bool symbol = c == '$' || c == '+' || (c >= '<' && c <= '>') || c == '^' ||
                  c == '`' || c == '|' || c == '~';
    classes[c] = c >= 'a' && c <= 'z'                   ? Lower
                 : c >= 'A' && c <= 'Z'                 ? Upper
                 : c >= '0' && c <= '9'                 ? Number
                 : c == ' ' || (c >= '\t' && c <= '\r') ? Space
                 : c < ' ' || c == 0x7f                 ? Remaining
                 : symbol                               ? Symbol
                                                        : Punctuation;
  }
  return classes;
}
constexpr std::array<Class, 128> asciiClasses = makeAsciiClasses();

} // namespace

Class classOf(uint32_t scalar) {
  return scalar < 0x80 ? asciiClasses[scalar] : classify(scalar);
}

bool isWord(uint32_t scalar) {
  if (classOf(scalar) & (Letter | Mark))
    return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(scalar))) {
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_PC:
    return true;
  default:
    // Join_Control, and the symbols that are Alphabetic: letters in circles and
    // squares.
    return scalar == 0x200c || scalar == 0x200d ||
           (scalar >= 0x24b6 && scalar <= 0x24e9) ||
           (scalar >= 0x1f130 && scalar <= 0x1f149) ||
           (scalar >= 0x1f150 && scalar <= 0x1f169) ||
           (scalar >= 0x1f170 && scalar <= 0x1f189);
  }
}

} // namespace espalier::text
