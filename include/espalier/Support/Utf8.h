//===- Utf8.h - UTF-8, checked ----------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_SUPPORT_UTF8_H
#define ESPALIER_SUPPORT_UTF8_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace espalier {

/// One scalar value and the number of bytes it took. Where the bytes are not
/// well-formed UTF-8 (Unicode 15, table 3-7), `scalar` is U+FFFD, `valid` is
/// false and `length` is that of the maximal ill-formed subpart (at least 1).
struct DecodedScalar {
  uint32_t scalar;
  uint8_t length;
  bool valid;
};
DecodedScalar decodeUtf8(std::string_view text, size_t offset);

bool isValidUtf8(std::string_view text);
void appendUtf8(std::string &out, uint32_t scalar);

/// The length of the longest prefix of `text` that does not end inside a
/// character that later bytes could complete.
size_t completeUtf8Prefix(std::string_view text);

} // namespace espalier

#endif // ESPALIER_SUPPORT_UTF8_H
