//===- TextTest.cpp - What the tests of tokenizers share ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TextTest.h"

#include "espalier/Support/Hash.h"
#include "espalier/Support/MappedFile.h"
#include "espalier/Support/Utf8.h"

#include <cstddef>
#include <cstring>
#include <utf8proc.h>

namespace espalier {

json::Value parseJson(const std::string &text) {
  Result<json::Value> value = json::parse(text);
  if (!value) {
    ADD_FAILURE() << value.error().message;
    return json::Value();
  }
  return std::move(*value);
}

json::Value readJson(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file) {
    ADD_FAILURE() << file.error().message;
    return json::Value();
  }
  std::span<const uint8_t> bytes = file->bytes();
  return parseJson(std::string(bytes.begin(), bytes.end()));
}

std::unique_ptr<LoadedTokenizer>
loadTables(Result<ImportedTokenizer> imported) {
  if (!imported) {
    ADD_FAILURE() << imported.error().message;
    return nullptr;
  }
  if (!imported->supported()) {
    ADD_FAILURE() << imported->missing;
    return nullptr;
  }
  auto loaded = std::make_unique<LoadedTokenizer>();
  loaded->tables = std::move(imported->tables);
  Result<text::Tokenizer> tokenizer = text::Tokenizer::load(loaded->tables);
  if (!tokenizer) {
    ADD_FAILURE() << tokenizer.error().message;
    return nullptr;
  }
  loaded->tokenizer = *tokenizer;
  return loaded;
}

std::vector<int32_t> encode(const text::Tokenizer &tokenizer,
                            std::string_view text, bool special) {
  Result<std::vector<int32_t>> ids = tokenizer.encode(text, special);
  if (!ids) {
    ADD_FAILURE() << ids.error().message;
    return {};
  }
  return *ids;
}

std::vector<int32_t> idsOf(const json::Value &entry, const char *key) {
  std::vector<int32_t> ids;
  const json::Value *list = entry.find(key);
  if (!list || !list->asArray()) {
    ADD_FAILURE() << key << ": not a list";
    return ids;
  }
  for (const json::Value &id : *list->asArray())
    ids.push_back(static_cast<int32_t>(id.asInteger().value_or(-1)));
  return ids;
}

std::string streamed(const text::Tokenizer &tokenizer,
                     const std::vector<int32_t> &ids, bool keepSpecial) {
  text::StreamDecoder decoder(tokenizer, keepSpecial);
  std::string text;
  for (int32_t id : ids)
    text += decoder.push(id);
  return text + decoder.finish();
}

std::unique_ptr<LoadedTokenizer> loadFolder(const std::string &folder) {
  json::Value tokenizer = readJson(folder + "/tokenizer.json");
  json::Value config = readJson(folder + "/tokenizer_config.json");
  return loadTables(importTokenizerJson(tokenizer, &config));
}

std::unique_ptr<LoadedTokenizer> loadSmolLM2() {
  json::Value from = readJson(ESPALIER_TEST_INPUTS "/tokenizer/smollm2.json");
  GGUFTokenizer gguf;
  gguf.model = *from.find("model")->asString();
  gguf.pre = *from.find("pre")->asString();
  gguf.bos = *from.find("bos")->asUnsigned();
  gguf.eos = *from.find("eos")->asUnsigned();
  gguf.addBos = *from.find("add_bos")->asBool();
  gguf.tokens.resize(*from.find("size")->asUnsigned());
  gguf.types.resize(gguf.tokens.size(), 5);
  for (size_t id = 0; id < gguf.tokens.size(); ++id)
    gguf.tokens[id] = "[left out " + std::to_string(id) + "]";
  for (const auto &[id, text] : from.find("tokens")->asObject()->members()) {
    gguf.tokens[std::stoul(id)] = *text.asString();
    gguf.types[std::stoul(id)] = 1;
  }
  for (const json::Value &id : *from.find("control")->asArray())
    gguf.types[*id.asUnsigned()] = 3;
  for (const json::Value &merge : *from.find("merges")->asArray())
    gguf.merges.push_back(*merge.asString());
  return loadTables(importTokenizerGGUF(gguf));
}

std::string smallTokenizer() {
  return R"({
    "added_tokens": [
      {"id": 8, "content": "<s>", "special": true, "normalized": false},
      {"id": 9, "content": "<|x|>", "special": false, "normalized": false},
      {"id": 10, "content": "<|x", "special": false, "normalized": false},
      {"id": 11, "content": "<|y y|>", "special": false, "normalized": true}],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false,
                      "use_regex": true},
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                 {"Sequence": {"id": "A", "type_id": 0}}],
      "special_tokens": {"<s>": {"id": "<s>", "ids": [8], "tokens": ["<s>"]}}},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "unk_token": null, "ignore_merges": false,
      "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4, "bc": 5,
                "\u0120": 6, "\u0120a": 7},
      "merges": [["b", "c"], ["a", "b"], ["ab", "c"], ["a", "bc"],
                 ["\u0120", "a"]]}})";
}

void rehash(std::vector<uint8_t> &tables) {
  espalier_tokenizer_header header;
  if (tables.size() < sizeof(header))
    return;
  std::memcpy(&header, tables.data(), sizeof(header));
  header.bytes = tables.size();
  std::memcpy(tables.data(), &header, sizeof(header));
  Hash128 hash = hash128(std::span<const uint8_t>(tables).subspan(
      offsetof(espalier_tokenizer_header, model)));
  header.hash[0] = hash.low;
  header.hash[1] = hash.high;
  std::memcpy(tables.data(), &header, sizeof(header));
}

uint64_t Random::next() {
  state += 0x9e3779b97f4a7c15u;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::string randomText(Random &random, size_t count) {
  static const uint32_t likely[] = {
      ' ',    ' ',    ' ',     '\n',    '\n',    '\r',    '\t',    '\v',
      '\f',   0x1c,   'a',     'Z',     's',     'S',     't',     'D',
      '0',    '7',    '\'',    '\'',    '!',     '-',     '.',     0,
      0x7f,   0x85,   0xa0,    0xaa,    0xb2,    0xbc,    0xe9,    0x17f,
      0x301,  0x323,  0x660,   0x966,   0xe33,   0x1680,  0x180e,  0x2000,
      0x200a, 0x200b, 0x200d,  0x2028,  0x2029,  0x202f,  0x205f,  0x2167,
      0x212a, 0x2160, 0x3000,  0x3007,  0x4e2d,  0xac00,  0xfe0f,  0xfeff,
      0xff11, 0xff21, 0x10107, 0x1d7d8, 0x1f600, 0xe0001, 0x20000, 0x10ffff};
  static const char *strings[] = {"'s",  "'T", "'re",     "'VE",  "'m",
                                  "'Ll", "'d", "'\u017f", "\r\n", "  ",
                                  "'l",  "'r", " '",      "\n ",  "word"};
  std::string text;
  while (count > 0) {
    uint32_t kind = random.below(16);
    if (kind == 0) {
      text += strings[random.below(std::size(strings))];
      --count;
    } else if (kind == 1) { // a run
      uint32_t scalar = likely[random.below(std::size(likely))];
      size_t run = std::min<size_t>(count, 1 + random.below(40));
      for (size_t i = 0; i < run; ++i)
        appendUtf8(text, scalar);
      count -= run;
    } else if (kind == 2) { // any character that has been assigned
      uint32_t scalar = random.below(0x110000);
      if ((scalar >= 0xd800 && scalar < 0xe000) ||
          utf8proc_category(static_cast<int32_t>(scalar)) ==
              UTF8PROC_CATEGORY_CN)
        continue;
      appendUtf8(text, scalar);
      --count;
    } else {
      appendUtf8(text, likely[random.below(std::size(likely))]);
      --count;
    }
  }
  return text;
}

} // namespace espalier
