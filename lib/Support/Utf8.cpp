//===- Utf8.cpp - UTF-8, checked ------------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/Utf8.h"

#include <cassert>

namespace espalier {
namespace {

/// What a lead byte promises: the length of the sequence and the range of the
/// second byte (Unicode 15, table 3-7). All later bytes are 80..BF.
struct Lead {
  uint8_t length; ///< 0: no lead byte
  uint8_t low, high;
};

Lead classify(uint8_t byte) {
  if (byte < 0x80)
    return {1, 0, 0};
  if (byte < 0xC2)
    return {0, 0, 0};
  if (byte < 0xE0)
    return {2, 0x80, 0xBF};
  if (byte < 0xF0)
    return {3, uint8_t(byte == 0xE0 ? 0xA0 : 0x80),
            uint8_t(byte == 0xED ? 0x9F : 0xBF)};
  if (byte < 0xF5)
    return {4, uint8_t(byte == 0xF0 ? 0x90 : 0x80),
            uint8_t(byte == 0xF4 ? 0x8F : 0xBF)};
  return {0, 0, 0};
}

/// How many of the bytes at `offset` form a prefix of a well-formed sequence
/// (0: not even the first).
unsigned wellFormedPrefix(std::string_view text, size_t offset, Lead lead) {
  if (lead.length == 0)
    return 0;
  unsigned taken = 1;
  while (taken < lead.length && offset + taken < text.size()) {
    uint8_t byte = uint8_t(text[offset + taken]);
    uint8_t low = taken == 1 ? lead.low : 0x80;
    uint8_t high = taken == 1 ? lead.high : 0xBF;
    if (byte < low || byte > high)
      break;
    ++taken;
  }
  return taken;
}

} // namespace

DecodedScalar decodeUtf8(std::string_view text, size_t offset) {
  assert(offset < text.size() && "nothing to decode");
  uint8_t first = uint8_t(text[offset]);
  Lead lead = classify(first);
  unsigned taken = wellFormedPrefix(text, offset, lead);
  if (taken == 0 || taken < lead.length)
    return {0xFFFD, uint8_t(taken == 0 ? 1 : taken), false};
  if (lead.length == 1)
    return {first, 1, true};
  uint32_t scalar = first & (0x7Fu >> lead.length);
  for (unsigned i = 1; i < lead.length; ++i)
    scalar = (scalar << 6) | (uint8_t(text[offset + i]) & 0x3F);
  return {scalar, lead.length, true};
}

bool isValidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    if (uint8_t(text[i]) < 0x80) {
      ++i;
      continue;
    }
    DecodedScalar next = decodeUtf8(text, i);
    if (!next.valid)
      return false;
    i += next.length;
  }
  return true;
}

void appendUtf8(std::string &out, uint32_t scalar) {
  if (scalar > 0x10FFFF || (scalar >= 0xD800 && scalar <= 0xDFFF))
    scalar = 0xFFFD;
  if (scalar < 0x80) {
    out += char(scalar);
    return;
  }
  if (scalar < 0x800) {
    out += char(0xC0 | (scalar >> 6));
  } else {
    if (scalar < 0x10000) {
      out += char(0xE0 | (scalar >> 12));
    } else {
      out += char(0xF0 | (scalar >> 18));
      out += char(0x80 | ((scalar >> 12) & 0x3F));
    }
    out += char(0x80 | ((scalar >> 6) & 0x3F));
  }
  out += char(0x80 | (scalar & 0x3F));
}

size_t completeUtf8Prefix(std::string_view text) {
  // An unfinished character has at most three bytes; look for its lead.
  for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    size_t offset = text.size() - back;
    uint8_t byte = uint8_t(text[offset]);
    if ((byte & 0xC0) == 0x80)
      continue;
    Lead lead = classify(byte);
    bool open =
        lead.length > back && wellFormedPrefix(text, offset, lead) == back;
    return open ? offset : text.size();
  }
  return text.size();
}

} // namespace espalier
