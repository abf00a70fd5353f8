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

std::vector<uint8_t> tablesOf(Result<ImportedTokenizer> imported) {
  if (!imported || !imported->supported())
    __builtin_trap();
  return imported->tables;
}

std::vector<uint8_t> tablesOf(const char *tokenizer) {
  Result<json::Value> root = json::parse(tokenizer);
  if (!root)
    __builtin_trap();
  return tablesOf(importTokenizerJson(*root, nullptr));
}

/// SentencePiece's BPE and added tokens with every flag.
constexpr const char *pairs = R"({
  "added_tokens": [
    {"id": 9, "content": "<s>", "special": true, "lstrip": true},
    {"id": 10, "content": "<|x|>", "normalized": true, "rstrip": true},
    {"id": 11, "content": "abc", "single_word": true}],
  "normalizer": {"type": "Sequence", "normalizers": [
    {"type": "NFKC"}, {"type": "Lowercase"}, {"type": "Nmt"},
    {"type": "Strip", "strip_left": true, "strip_right": true},
    {"type": "Prepend", "prepend": "_"},
    {"type": "Precompiled", "precompiled_charsmap": "CAAAAAAEAAABAQAAYQA="},
    {"type": "Replace", "pattern": {"String": " "}, "content": "_"}]},
  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Digits", "individual_digits": false},
    {"type": "Punctuation", "behavior": "MergedWithNext"},
    {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first"}]},
  "decoder": {"type": "Sequence", "decoders": [
    {"type": "Replace", "pattern": {"String": "_"}, "content": " "},
    {"type": "ByteFallback"}, {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
  "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true,
    "byte_fallback": true, "ignore_merges": true,
    "vocab": {"<unk>": 0, "a": 1, "b": 2, "c": 3, "_": 4, "ab": 5, "_a": 6,
              "<0x31>": 7, "<0x32>": 8},
    "merges": [["a", "b"], ["_", "a"]]}})";

constexpr const char *unigram = R"({
  "added_tokens": [{"id": 0, "content": "<s>", "special": true}],
  "normalizer": null,
  "pre_tokenizer": {"type": "Metaspace", "replacement": "_"},
  "decoder": {"type": "Metaspace", "replacement": "_"},
  "model": {"type": "Unigram", "unk_id": 1, "byte_fallback": true,
    "vocab": [["<s>", 0.0], ["<unk>", 0.0], ["a", -1.5], ["ab", -2.0],
              ["abc", -4.0], ["c", -2.5], ["_", -3.0], ["<0x31>", -9.0]]}})";

/// Of one of three kinds.
std::vector<uint8_t> goodTables(uint8_t kind) {
  static const std::vector<uint8_t> pairTables = tablesOf(pairs);
  static const std::vector<uint8_t> unigramTables = tablesOf(unigram);
  if (kind % 4 == 2)
    return pairTables;
  if (kind % 4 == 3)
    return unigramTables;
  static const std::vector<uint8_t> byteTables = [] {
    GGUFTokenizer gguf;
    gguf.model = "gpt2";
    gguf.pre = "llama-bpe";
    gguf.tokens = {"a", "b", "c", "ab", "abc", "\u0120", "<s>", "<|x|>", "<|"};
    gguf.types = {1, 1, 1, 1, 1, 1, 3, 4, 4};
    gguf.merges = {"a b", "ab c"};
    gguf.bos = 6;
    return tablesOf(importTokenizerGGUF(gguf));
  }();
  return byteTables;
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
    tables = goodTables(data[0] / 2);
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
      "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc"
      " ab_ a \ufb01 \u4e2d<|x|>  \u00bc 100!",
      true);
  // Edited steps may make too much of a text.
  if (!ids)
    return 0;
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
