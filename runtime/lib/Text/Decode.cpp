//===- Decode.cpp - Token ids to text -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Text/Tokenizer.h"

#include "espalier/Support/Utf8.h"

namespace espalier::text {

namespace {

/// Appends `bytes`, each ill-formed part as U+FFFD.
void appendLossy(std::string &out, std::string_view bytes) {
  if (isValidUtf8(bytes)) {
    out += bytes;
    return;
  }
  for (size_t i = 0; i < bytes.size();) {
    DecodedScalar scalar = decodeUtf8(bytes, i);
    if (scalar.valid)
      out += bytes.substr(i, scalar.length);
    else
      appendUtf8(out, 0xfffd);
    i += scalar.length;
  }
}

} // namespace

bool Tokenizer::isSpecial(int32_t id) const {
  return id >= 0 && uint32_t(id) < size() &&
         (tokenFlags[id] & ESPALIER_TOKEN_SPECIAL);
}

std::string_view Tokenizer::bytesOf(int32_t id, bool keepSpecial) const {
  if (id < 0 || uint32_t(id) >= size() ||
      !(tokenFlags[id] & ESPALIER_TOKEN_PRESENT) ||
      (!keepSpecial && (tokenFlags[id] & ESPALIER_TOKEN_SPECIAL)))
    return {};
  return tokenText.substr(tokenBegin[id], tokenBegin[id + 1] - tokenBegin[id]);
}

std::string Tokenizer::decode(std::span<const int32_t> ids,
                              bool keepSpecial) const {
  std::string bytes;
  for (int32_t id : ids)
    bytes += bytesOf(id, keepSpecial);
  if (isValidUtf8(bytes))
    return bytes;
  std::string text;
  appendLossy(text, bytes);
  return text;
}

std::string StreamDecoder::push(int32_t id) {
  pending += tokenizer.bytesOf(id, keepSpecial);
  size_t complete = completeUtf8Prefix(pending);
  std::string text;
  appendLossy(text, std::string_view(pending).substr(0, complete));
  pending.erase(0, complete);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text;
  appendLossy(text, pending);
  pending.clear();
  return text;
}

} // namespace espalier::text
