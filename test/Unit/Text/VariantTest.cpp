//===- VariantTest.cpp - Every kind of tokenizer --------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Small tokenizers of every kind, and what the `tokenizers` package and
/// sentencepiece make of some strings: test/Generators/tokenizer_goldens.py.
///
//===----------------------------------------------------------------------===//

#include "TextTest.h"

#include <algorithm>
#include <filesystem>

using namespace espalier;

namespace {

#define VARIANTS ESPALIER_TEST_INPUTS "/tokenizer/variants"

std::vector<std::string> variantNames() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto &entry : std::filesystem::directory_iterator(VARIANTS, error))
    names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

class Variant : public testing::TestWithParam<std::string> {};

} // namespace

TEST(Variants, AreThere) { EXPECT_GE(variantNames().size(), 38u); }

TEST_P(Variant, SameAsTokenizers) {
  json::Value file = readJson(VARIANTS "/" + GetParam() + ".json");
  auto loaded =
      loadTables(importTokenizerJson(*file.find("tokenizer"), nullptr));
  ASSERT_TRUE(loaded);
  const text::Tokenizer &t = loaded->tokenizer;
  for (const json::Value &entry : *file.find("cases")->asArray()) {
    const std::string &text = *entry.find("text")->asString();
    SCOPED_TRACE(json::quote(text));
    std::vector<int32_t> special = idsOf(entry, "ids_special");
    EXPECT_EQ(encode(t, text, /*special=*/false), idsOf(entry, "ids"));
    EXPECT_EQ(encode(t, text, /*special=*/true), special);
    EXPECT_EQ(t.decode(special, false), *entry.find("decoded")->asString());
    EXPECT_EQ(t.decode(special, true), *entry.find("decoded_all")->asString());
    EXPECT_EQ(streamed(t, special, true),
              *entry.find("decoded_all")->asString());
  }
  for (const json::Value &entry : *file.find("decoding")->asArray())
    EXPECT_EQ(t.decode(idsOf(entry, "ids"), false),
              *entry.find("decoded")->asString());
}

INSTANTIATE_TEST_SUITE_P(, Variant, testing::ValuesIn(variantNames()),
                         [](const testing::TestParamInfo<std::string> &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(SentencePiece, SameAsItsOwn) {
  json::Value file =
      readJson(ESPALIER_TEST_INPUTS "/tokenizer/sentencepiece.json");
  GGUFTokenizer gguf;
  gguf.model = "llama";
  for (const json::Value &token : *file.find("tokens")->asArray())
    gguf.tokens.push_back(*token.asString());
  for (const json::Value &score : *file.find("scores")->asArray())
    gguf.scores.push_back(static_cast<float>(*score.asDouble()));
  for (const json::Value &type : *file.find("types")->asArray())
    gguf.types.push_back(static_cast<int32_t>(*type.asInteger()));
  gguf.addBos = false;
  auto loaded = loadTables(importTokenizerGGUF(gguf));
  ASSERT_TRUE(loaded);
  const text::Tokenizer &t = loaded->tokenizer;
  ASSERT_GE(file.find("cases")->asArray()->size(), 20u);
  for (const json::Value &entry : *file.find("cases")->asArray()) {
    const std::string &text = *entry.find("text")->asString();
    std::vector<int32_t> ids = encode(t, text, false);
    EXPECT_EQ(ids, idsOf(entry, "ids")) << json::quote(text);
    // All but the mark itself comes back.
    if (text.find("\u2581") == std::string::npos) {
      EXPECT_EQ(t.decode(ids, false), text);
      EXPECT_EQ(streamed(t, ids, false), text);
    }
  }
}
