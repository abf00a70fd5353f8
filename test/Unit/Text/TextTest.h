//===- TextTest.h - What the tests of tokenizers share ----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_TEXT_TEXTTEST_H
#define ESPALIER_TEST_UNIT_TEXT_TEXTTEST_H

#include "Text/Tokenizer.h"
#include "espalier/Import/Tokenizer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

/// The file, parsed. Fails the test where it cannot be.
json::Value readJson(const std::string &path);
json::Value parseJson(const std::string &text);

/// A tokenizer and the tables that it reads.
struct LoadedTokenizer {
  std::vector<uint8_t> tables;
  text::Tokenizer tokenizer;
};
/// Fails the test where there are none.
std::unique_ptr<LoadedTokenizer> loadTables(Result<ImportedTokenizer> imported);
/// From a folder with tokenizer.json and tokenizer_config.json.
std::unique_ptr<LoadedTokenizer> loadFolder(const std::string &folder);
/// From test/Inputs/tokenizer/smollm2.json.
std::unique_ptr<LoadedTokenizer> loadSmolLM2();

/// The ids of a text. Fails the test where it is refused.
std::vector<int32_t> encode(const text::Tokenizer &tokenizer,
                            std::string_view text, bool special);
/// A list of ids of a golden. Fails the test where there is none.
std::vector<int32_t> idsOf(const json::Value &entry, const char *key);
/// What a stream of ids decodes to, one by one.
std::string streamed(const text::Tokenizer &tokenizer,
                     const std::vector<int32_t> &ids, bool keepSpecial);

/// A small byte-level tokenizer.json: a b c, their merges, <s> and <|x|>.
std::string smallTokenizer();

/// Puts the right hash into tables that were changed.
void rehash(std::vector<uint8_t> &tables);

/// The same numbers on every machine.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  uint64_t next();
  uint32_t below(uint32_t limit) {
    return static_cast<uint32_t>((next() >> 32) * limit >> 32);
  }

private:
  uint64_t state;
};

/// Up to `count` characters that are likely to meet each other in the split
/// expressions: letters and digits of many scripts, spaces, line ends, marks,
/// contractions.
std::string randomText(Random &random, size_t count);

} // namespace espalier

#endif // ESPALIER_TEST_UNIT_TEXT_TEXTTEST_H
