//===- Characters.h - Characters of UTF-8 text ------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Classes of characters by utf8proc's tables, named as Unicode names them.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_TEXT_CHARACTERS_H
#define ESPALIER_RUNTIME_TEXT_CHARACTERS_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace espalier::text {

struct Scalar {
  uint32_t value;
  uint32_t length;
};

/// The character at `offset` of text that is known to be UTF-8.
inline Scalar scalarAt(std::string_view text, size_t offset) {
  auto byte = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<uint8_t>(text[offset + i]));
  };
  uint32_t b = byte(0);
  if (b < 0x80)
    return {b, 1};
  if (b < 0xe0)
    return {(b & 0x1f) << 6 | (byte(1) & 0x3f), 2};
  if (b < 0xf0)
    return {(b & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f), 3};
  return {(b & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 |
              (byte(3) & 0x3f),
          4};
}

/// The character that ends at `end`, which is not 0.
inline Scalar scalarBefore(std::string_view text, size_t end) {
  size_t begin = end - 1;
  while ((static_cast<uint8_t>(text[begin]) & 0xc0) == 0x80)
    --begin;
  return scalarAt(text, begin);
}

/// A set of classes.
enum Class : uint16_t {
  NoClass = 0,
  Upper = 1,    ///< Lu, Lt
  Lower = 2,    ///< Ll
  Caseless = 4, ///< Lm, Lo
  Letter = Upper | Lower | Caseless,
  Mark = 8,
  Number = 16, ///< Nd, Nl, No
  Punctuation = 32,
  Symbol = 64,
  Space = 128,    ///< White_Space, which \s means, whatever its category
  Remaining = 256 ///< controls, formats, private use, unassigned
};

/// The one class of a character.
Class classOf(uint32_t scalar);

/// What the regular expression \w matches in Rust: Alphabetic, M, Nd, Pc and
/// Join_Control.
bool isWord(uint32_t scalar);

} // namespace espalier::text

#endif // ESPALIER_RUNTIME_TEXT_CHARACTERS_H
