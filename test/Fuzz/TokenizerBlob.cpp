//===- TokenizerBlob.cpp - Fuzz target of tokenizer tables ----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The first byte tells whether the rest stands for tables as a whole, or for
/// edits of good ones: four bytes of position and four of value each. Magic,
/// version, length and hash are put right, since no fuzzer would guess them.
///
//===----------------------------------------------------------------------===//
#include "Text/Tokenizer.h"
#include "espalier/Import/Tokenizer.h"
#include "espalier/Support/Hash.h"

#include <cstddef>
#include <cstring>

using namespace espalier;

namespace {

const std::vector<uint8_t> &goodTables() {
  static const std::vector<uint8_t> tables = [] {
    GGUFTokenizer gguf;
    gguf.model = "gpt2";
    gguf.pre = "llama-bpe";
    gguf.tokens = {"a", "b", "c", "ab", "abc", "\u0120", "<s>", "<|x|>", "<|"};
    gguf.types = {1, 1, 1, 1, 1, 1, 3, 4, 4};
    gguf.merges = {"a b", "ab c"};
    gguf.bos = 6;
    Result<ImportedTokenizer> imported = importTokenizerGGUF(gguf);
    if (!imported || !imported->supported())
      __builtin_trap();
    return imported->tables;
  }();
  return tables;
}

void repair(std::vector<uint8_t> &tables) {
  espalier_tokenizer_header header;
  if (tables.size() < sizeof(header))
    return;
  std::memcpy(&header, tables.data(), sizeof(header));
  header.magic = ESPALIER_TOKENIZER_MAGIC;
  header.version = ESPALIER_TOKENIZER_VERSION;
  header.header_bytes = sizeof(header);
  header.bytes = tables.size();
  std::memcpy(tables.data(), &header, sizeof(header));
  Hash128 hash = hash128(std::span<const uint8_t>(tables).subspan(
      offsetof(espalier_tokenizer_header, model)));
  header.hash[0] = hash.low;
  header.hash[1] = hash.high;
  std::memcpy(tables.data(), &header, sizeof(header));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  std::vector<uint8_t> tables;
  if (data[0] % 2 == 0) {
    tables.assign(data + 1, data + size);
  } else {
    tables = goodTables();
    for (size_t i = 1; i + 8 <= size; i += 8) {
      uint32_t position = 0;
      std::memcpy(&position, data + i, 4);
      position = position % (tables.size() / 4) * 4;
      std::memcpy(tables.data() + position, data + i + 4, 4);
    }
  }
  repair(tables);
  Result<text::Tokenizer> tokenizer = text::Tokenizer::load(tables);
  if (!tokenizer)
    return 0;
  Result<std::vector<int32_t>> ids = tokenizer->encode(
      "abc<s>ab c<|x|><|123\n\ncaf\u00e9 cafe\u0301 "
      "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc",
      true);
  if (!ids)
    __builtin_trap();
  std::string text = tokenizer->decode(*ids, true);
  text::StreamDecoder decoder(*tokenizer, true);
  std::string streamed;
  for (int32_t id : *ids)
    streamed += decoder.push(id);
  streamed += decoder.finish();
  if (streamed != text)
    __builtin_trap();
  return 0;
}
