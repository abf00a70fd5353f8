//===- Characters.h - Characters of UTF-8 text ---------------- -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
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

} // namespace espalier::text

#endif // ESPALIER_RUNTIME_TEXT_CHARACTERS_H
