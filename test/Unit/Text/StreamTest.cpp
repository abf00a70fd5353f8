//===- StreamTest.cpp - Encoding and decoding, beyond the goldens ---------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TextTest.h"

#include "espalier/Support/Utf8.h"

#include <map>

using namespace espalier;

namespace {

using Ids = std::vector<int32_t>;

Ids encode(const LoadedTokenizer &loaded, std::string_view text,
           bool special = false) {
  return espalier::encode(loaded.tokenizer, text, special);
}

std::unique_ptr<LoadedTokenizer> small() {
  return loadTables(importTokenizerJson(parseJson(smallTokenizer()), nullptr));
}

std::string gpt2Folder() {
  return ESPALIER_TEST_INPUTS "/goldens/tokenizers/gpt2";
}

} // namespace

TEST(Encode, MergesByRank) {
  auto loaded = small();
  ASSERT_TRUE(loaded);
  // b c before a b; a bc after that.
  EXPECT_EQ(encode(*loaded, "abc"), (Ids{4}));
  EXPECT_EQ(encode(*loaded, "a ab"), (Ids{0, 6, 3}));
  EXPECT_EQ(encode(*loaded, "a ac"), (Ids{0, 7, 2}));
  EXPECT_EQ(encode(*loaded, "abab"), (Ids{3, 3}));
  EXPECT_EQ(encode(*loaded, "bcab"), (Ids{5, 3}));
  EXPECT_EQ(encode(*loaded, "a abc"), (Ids{0, 6, 4}));
  // d has no token: what is around it becomes neighbours.
  EXPECT_EQ(encode(*loaded, "adb"), (Ids{3}));
  EXPECT_EQ(encode(*loaded, "ddd"), (Ids{}));
}

TEST(Encode, AddedTokens) {
  auto loaded = small();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(encode(*loaded, "a<s>b"), (Ids{0, 8, 1}));
  EXPECT_EQ(encode(*loaded, "<|x|>"), (Ids{9}));
  EXPECT_EQ(encode(*loaded, "<|x<|x|><|x"), (Ids{10, 9, 10}));
  EXPECT_EQ(encode(*loaded, "a<|y y|>b"), (Ids{0, 11, 1}));
  // Tokens of the text as it is go first.
  EXPECT_EQ(encode(*loaded, "<|y y|<s>"), (Ids{6, 8}));
  EXPECT_EQ(encode(*loaded, "a", true), (Ids{8, 0}));
  EXPECT_EQ(encode(*loaded, "", true), (Ids{8}));
}

TEST(Encode, SameAsTheDefinition) {
  // Merge the pair of lowest rank, the leftmost of them, until there is none:
  // short pieces (scanned) and long ones (by a heap).
  auto loaded = loadFolder(gpt2Folder());
  ASSERT_TRUE(loaded);
  json::Value file = readJson(gpt2Folder() + "/tokenizer.json");
  const json::Value *model = file.find("model");
  std::map<std::pair<std::string, std::string>, size_t> ranks;
  for (const json::Value &merge : *model->find("merges")->asArray()) {
    const json::Array &pair = *merge.asArray();
    ranks.emplace(std::pair(*pair[0].asString(), *pair[1].asString()),
                  ranks.size());
  }
  Random random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (uint32_t n = 1 + random.below(80); n > 0; --n)
      text += "etaoinshrdlu"[random.below(12)];
    std::vector<std::string> parts;
    for (char c : text)
      parts.emplace_back(1, c);
    while (true) {
      size_t best = SIZE_MAX, at = 0;
      for (size_t i = 0; i + 1 < parts.size(); ++i)
        if (auto it = ranks.find({parts[i], parts[i + 1]});
            it != ranks.end() && it->second < best) {
          best = it->second;
          at = i;
        }
      if (best == SIZE_MAX)
        break;
      parts[at] += parts[at + 1];
      parts.erase(parts.begin() + static_cast<ptrdiff_t>(at) + 1);
    }
    Ids expected;
    for (const std::string &part : parts)
      expected.push_back(
          static_cast<int32_t>(*model->find("vocab")->find(part)->asInteger()));
    ASSERT_EQ(encode(*loaded, text), expected) << text;
  }
}

TEST(Encode, HostileTextTakesLinearTime) {
  auto loaded = loadFolder(gpt2Folder());
  ASSERT_TRUE(loaded);
  for (const char *unit : {"a", "ab", "the", "\n", " ", "'", "1", "<",
                           "<|endoftext", "\u0301", "\u4e2d"}) {
    std::string text;
    while (text.size() < 1 << 18)
      text += unit;
    Ids ids = encode(*loaded, text);
    EXPECT_EQ(loaded->tokenizer.decode(ids, true), text) << unit;
  }
}

TEST(Encode, RefusesWhatIsNotUtf8) {
  auto loaded = small();
  ASSERT_TRUE(loaded);
  for (std::string_view bad :
       {std::string_view("ab\xff"), std::string_view("ab\xc3"),
        std::string_view("ab\xed\xa0\x80")}) {
    Result<Ids> ids = loaded->tokenizer.encode(bad, false);
    ASSERT_FALSE(ids);
    EXPECT_EQ(ids.error().message,
              "text: expected UTF-8, got ill-formed bytes at offset 2");
  }
}

TEST(Decode, IdsThatStandForNothing) {
  auto loaded = small();
  ASSERT_TRUE(loaded);
  Ids ids = {-1, 0, 12, 1000000, 1, INT32_MIN, INT32_MAX, 8};
  EXPECT_EQ(loaded->tokenizer.decode(ids, false), "ab");
  EXPECT_EQ(loaded->tokenizer.decode(ids, true), "ab<s>");
  EXPECT_TRUE(loaded->tokenizer.isSpecial(8));
  EXPECT_FALSE(loaded->tokenizer.isSpecial(9));
  EXPECT_FALSE(loaded->tokenizer.isSpecial(-1));
}

TEST(Stream, NeverSplitsACharacter) {
  auto loaded = loadFolder(gpt2Folder());
  ASSERT_TRUE(loaded);
  const text::Tokenizer &tokenizer = loaded->tokenizer;
  Random random(3);
  for (int round = 0; round < 3000; ++round) {
    Ids ids;
    if (round % 2) // text that is whole
      ids = encode(*loaded, randomText(random, 20));
    else // bytes that are not
      for (uint32_t n = random.below(20); n > 0; --n)
        ids.push_back(static_cast<int32_t>(random.below(300)));
    text::StreamDecoder decoder(tokenizer);
    std::string streamed;
    for (int32_t id : ids) {
      std::string text = decoder.push(id);
      ASSERT_TRUE(isValidUtf8(text));
      streamed += text;
    }
    std::string rest = decoder.finish();
    EXPECT_TRUE(isValidUtf8(rest));
    EXPECT_EQ(streamed + rest, tokenizer.decode(ids, false));
    if (round % 2) {
      EXPECT_EQ(rest, "");
    }
    EXPECT_EQ(decoder.finish(), "");
  }
}
