//===- ByteAlphabet.cpp - Bytes as printable characters -------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Byte-level BPE writes bytes as characters: those that print in Latin-1 as
/// themselves, the other 68 as U+0100 onwards, in their order.
///
//===----------------------------------------------------------------------===//

#include "TokenizerModel.h"

#include "espalier/Support/Utf8.h"

#include <array>

namespace espalier::tokenizer {

namespace {

struct Alphabet {
  std::array<uint16_t, 256> scalar{};
  std::array<int16_t, 0x144> byte{}; ///< -1: not of the alphabet

  constexpr Alphabet() {
    for (int16_t &b : byte)
      b = -1;
    uint16_t next = 0x100;
    for (int i = 0; i < 256; ++i) {
      bool prints = (i >= 0x21 && i <= 0x7e) || (i >= 0xa1 && i <= 0xac) ||
                    (i >= 0xae && i <= 0xff);
      scalar[i] = prints ? static_cast<uint16_t>(i) : next++;
      byte[scalar[i]] = static_cast<int16_t>(i);
    }
  }
};
constexpr Alphabet alphabet;

} // namespace

std::optional<std::string> bytesOfAlphabet(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size();) {
    DecodedScalar scalar = decodeUtf8(text, i);
    if (!scalar.valid || scalar.scalar >= alphabet.byte.size() ||
        alphabet.byte[scalar.scalar] < 0)
      return std::nullopt;
    bytes += static_cast<char>(alphabet.byte[scalar.scalar]);
    i += scalar.length;
  }
  return bytes;
}

std::string alphabetCharacter(uint8_t byte) {
  std::string text;
  appendUtf8(text, alphabet.scalar[byte]);
  return text;
}

} // namespace espalier::tokenizer
