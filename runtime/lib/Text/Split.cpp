//===- Split.cpp - Matchers of the split expressions ----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Each matcher tries the alternatives of its expression (written out in
/// espalier/tokenizer_tables.h) in their order. The classes are disjoint and
/// cover everything, so that no alternative backtracks but `s*[\r\n]+` and
/// `s+(?!S)`, which both end inside the run of white space that they begin.
///
//===----------------------------------------------------------------------===//

#include "Split.h"
#include "Characters.h"

#include "espalier/tokenizer_tables.h"

#include <array>
#include <utf8proc.h>

namespace espalier::text {

namespace {

/// What the split expressions tell apart: \p{L}, \p{N}, \s, and all else.
enum class CharClass : uint8_t { Letter, Number, Space, Other };

CharClass classifyBeyondAscii(uint32_t scalar) {
  // White_Space, which \s means; U+180E is not in it since Unicode 6.3.
  if (scalar == 0x85 || scalar == 0xa0 || scalar == 0x1680 ||
      (scalar >= 0x2000 && scalar <= 0x200a) || scalar == 0x2028 ||
      scalar == 0x2029 || scalar == 0x202f || scalar == 0x205f ||
      scalar == 0x3000)
    return CharClass::Space;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(scalar))) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LL:
  case UTF8PROC_CATEGORY_LT:
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
    return CharClass::Letter;
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_NO:
    return CharClass::Number;
  default:
    return CharClass::Other;
  }
}

constexpr std::array<CharClass, 128> makeAsciiClasses() {
  std::array<CharClass, 128> classes{};
  for (int c = 0; c < 128; ++c) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool space = c == ' ' || (c >= '\t' && c <= '\r');
    classes[c] = letter                 ? CharClass::Letter
                 : c >= '0' && c <= '9' ? CharClass::Number
                 : space                ? CharClass::Space
                                        : CharClass::Other;
  }
  return classes;
}
constexpr std::array<CharClass, 128> asciiClasses = makeAsciiClasses();

bool isLineEnd(char c) { return c == '\r' || c == '\n'; }

struct Char {
  CharClass cls;
  uint32_t length;
};

Char charAt(std::string_view text, size_t offset) {
  auto byte = static_cast<uint8_t>(text[offset]);
  if (byte < 0x80)
    return {asciiClasses[byte], 1};
  Scalar scalar = scalarAt(text, offset);
  return {classifyBeyondAscii(scalar.value), scalar.length};
}

/// The end of the run of `cls` that begins at `offset`, perhaps empty.
size_t skip(CharClass cls, std::string_view text, size_t offset) {
  while (offset < text.size()) {
    Char c = charAt(text, offset);
    if (c.cls != cls)
      break;
    offset += c.length;
  }
  return offset;
}

/// The length of 's, 't, 're, 've, 'm, 'll or 'd at `offset`, or 0.
size_t contraction(std::string_view text, size_t offset, bool anyCase) {
  if (text[offset] != '\'' || offset + 1 >= text.size())
    return 0;
  auto at = [&](size_t i) {
    char c = offset + i < text.size() ? text[offset + i] : '\0';
    return anyCase && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  char first = at(1), second = at(2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd')
    return 2;
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
      (first == 'l' && second == 'l'))
    return 3;
  // U+017F, long s, is an s to a match that ignores case.
  if (anyCase && text.substr(offset + 1, 2) == "\xc5\xbf")
    return 3;
  return 0;
}

/// `s+(?!S)|s+`, where the run of white space is [offset, end): the last
/// character goes to what follows, unless it is the only one or nothing does.
size_t spaces(std::string_view text, size_t offset, size_t end, bool followed) {
  if (!followed)
    return end;
  size_t last = end - 1;
  while ((static_cast<uint8_t>(text[last]) & 0xc0) == 0x80)
    --last;
  return last == offset ? end : last;
}

/// With `digits`, every number is a piece and an end for look-ahead.
size_t nextGpt2(std::string_view text, size_t offset, bool digits) {
  Char first = charAt(text, offset);
  if (digits && first.cls == CharClass::Number)
    return offset + first.length;
  if (size_t length = contraction(text, offset, /*anyCase=*/false))
    return offset + length;

  size_t start = offset;
  if (text[offset] == ' ' && offset + 1 < text.size()) {
    Char second = charAt(text, offset + 1);
    if (second.cls != CharClass::Space &&
        !(digits && second.cls == CharClass::Number)) {
      start = offset + 1;
      first = second;
    }
  }
  if (first.cls != CharClass::Space)
    return skip(first.cls, text, start + first.length);

  size_t end = skip(CharClass::Space, text, offset + first.length);
  bool followed = end < text.size() &&
                  !(digits && charAt(text, end).cls == CharClass::Number);
  return spaces(text, offset, end, followed);
}

size_t nextLlama3(std::string_view text, size_t offset, int maxDigits) {
  if (size_t length = contraction(text, offset, /*anyCase=*/true))
    return offset + length;

  Char first = charAt(text, offset);
  if (first.cls == CharClass::Letter)
    return skip(CharClass::Letter, text, offset + first.length);
  if (first.cls == CharClass::Number) {
    size_t end = offset + first.length;
    for (int i = 1; i < maxDigits && end < text.size(); ++i) {
      Char c = charAt(text, end);
      if (c.cls != CharClass::Number)
        break;
      end += c.length;
    }
    return end;
  }

  size_t next = offset + first.length;
  Char second =
      next < text.size() ? charAt(text, next) : Char{CharClass::Space, 0};
  if (second.cls == CharClass::Letter && !isLineEnd(text[offset]))
    return skip(CharClass::Letter, text, next + second.length);
  if (first.cls == CharClass::Other ||
      (text[offset] == ' ' && second.cls == CharClass::Other)) {
    size_t end = skip(CharClass::Other, text, next);
    while (end < text.size() && isLineEnd(text[end]))
      ++end;
    return end;
  }

  size_t end = skip(CharClass::Space, text, next);
  size_t lineEnd = end;
  while (lineEnd > offset && !isLineEnd(text[lineEnd - 1]))
    --lineEnd;
  if (lineEnd > offset)
    return lineEnd;
  return spaces(text, offset, end, end < text.size());
}

} // namespace

size_t nextPiece(uint32_t split, std::string_view text, size_t offset) {
  switch (split) {
  case ESPALIER_SPLIT_LLAMA3:
    return nextLlama3(text, offset, /*maxDigits=*/3);
  case ESPALIER_SPLIT_QWEN2:
    return nextLlama3(text, offset, /*maxDigits=*/1);
  case ESPALIER_SPLIT_SMOLLM:
    return nextGpt2(text, offset, /*digits=*/true);
  default:
    return nextGpt2(text, offset, /*digits=*/false);
  }
}

} // namespace espalier::text
