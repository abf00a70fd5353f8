//===- TablesTest.cpp - Hostile tokenizer tables --------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TextTest.h"

#include <cstddef>
#include <cstring>

using namespace espalier;

namespace {

using Header = espalier_tokenizer_header;

std::vector<uint8_t> smallTables() {
  Result<ImportedTokenizer> imported =
      importTokenizerJson(parseJson(smallTokenizer()), nullptr);
  if (!imported) {
    ADD_FAILURE() << imported.error().message;
    return {};
  }
  return imported->tables;
}

/// Loads the tables, which may be refused, and uses what was not.
std::string use(const std::vector<uint8_t> &tables) {
  Result<text::Tokenizer> tokenizer = text::Tokenizer::load(tables);
  if (!tokenizer)
    return tokenizer.error().message;
  Result<std::vector<int32_t>> ids = tokenizer->encode(
      "abc ab<s> c <|x|><|y y|> abcabcabcabcabcabcabcabcabcabcabcabc", true);
  if (!ids)
    return ids.error().message;
  for (int32_t id = -1; id < 20; ++id)
    ids->push_back(id);
  tokenizer->decode(*ids, true);
  return "used";
}

Header headerOf(const std::vector<uint8_t> &tables) {
  Header header;
  std::memcpy(&header, tables.data(), sizeof(header));
  return header;
}

/// Changes one element of a section, and puts the hash right.
template <typename T>
std::string withElement(int section, size_t index, T value) {
  std::vector<uint8_t> tables = smallTables();
  Header header = headerOf(tables);
  EXPECT_LE((index + 1) * sizeof(T), header.sections[section].bytes);
  std::memcpy(tables.data() + header.sections[section].offset +
                  index * sizeof(T),
              &value, sizeof(T));
  rehash(tables);
  return use(tables);
}

bool contains(const std::string &text, const char *part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST(Tables, Good) { EXPECT_EQ(use(smallTables()), "used"); }

TEST(Tables, TruncatedAnywhere) {
  std::vector<uint8_t> tables = smallTables();
  for (size_t size = 0; size < tables.size(); ++size) {
    std::vector<uint8_t> cut(tables.begin(),
                             tables.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_NE(use(cut), "used") << size;
    // With a length and a hash that fit, a section reaches beyond the end; the
    // last, an empty one, begins at the end itself.
    rehash(cut);
    if (size < tables.size() - 8) {
      EXPECT_NE(use(cut), "used") << size;
    }
  }
}

TEST(Tables, DamageIsSeen) {
  std::vector<uint8_t> tables = smallTables();
  auto damaged = [&](size_t at) {
    std::vector<uint8_t> changed = tables;
    changed[at] ^= static_cast<uint8_t>(1u << (at % 8));
    return use(changed);
  };
  for (size_t at = 0; at < tables.size(); ++at) {
    const char *expected = "the hash is wrong";
    if (at < offsetof(Header, version))
      expected = "the magic number is wrong";
    else if (at < offsetof(Header, bytes))
      expected = "is not known, expected 2";
    else if (at < offsetof(Header, hash))
      expected = "bytes, got";
    EXPECT_TRUE(contains(damaged(at), expected)) << at << ": " << damaged(at);
  }
}

TEST(Tables, UnknownKinds) {
  auto with = [](size_t at, uint32_t value) {
    std::vector<uint8_t> tables = smallTables();
    std::memcpy(tables.data() + at, &value, sizeof(value));
    rehash(tables);
    return use(tables);
  };
  EXPECT_TRUE(contains(with(offsetof(Header, model), 0), "model 0"));
  EXPECT_TRUE(contains(with(offsetof(Header, model), 3), "model 3"));
  EXPECT_TRUE(contains(with(offsetof(Header, flags), 4), "flags 4"));
  EXPECT_TRUE(contains(with(offsetof(Header, unknown), 12), "or unknown"));
  EXPECT_TRUE(contains(with(offsetof(Header, bos), 12), "bos, eos"));
  EXPECT_TRUE(contains(with(offsetof(Header, eos), -2u), "bos, eos"));
}

TEST(Tables, HostileNumbersInTheHeader) {
  static const uint64_t hostile[] = {0,
                                     1,
                                     7,
                                     0x7fffffff,
                                     0x80000000,
                                     0x80000001,
                                     0xffffffff,
                                     0x100000000,
                                     0x7fffffffffffffff,
                                     0x8000000000000000,
                                     0xfffffffffffffff8,
                                     0xffffffffffffffff};
  std::vector<uint8_t> tables = smallTables();
  for (size_t at = 0; at + 8 <= sizeof(Header); at += 4)
    for (uint64_t value : hostile)
      for (size_t width : {4, 8}) {
        std::vector<uint8_t> changed = tables;
        std::memcpy(changed.data() + at, &value, width);
        use(changed);
        rehash(changed);
        use(changed);
      }
}

TEST(Tables, HostileElements) {
  EXPECT_TRUE(contains(withElement<uint32_t>(ESPALIER_TOKENS_BEGIN, 1, 1000),
                       "does not ascend"));
  EXPECT_TRUE(contains(withElement<uint32_t>(ESPALIER_TOKENS_BEGIN, 0, 1),
                       "does not ascend"));
  EXPECT_TRUE(contains(withElement<uint32_t>(ESPALIER_MERGES_BEGIN, 12, 6),
                       "does not ascend"));
  EXPECT_TRUE(contains(withElement<uint32_t>(ESPALIER_MERGES, 0, 12),
                       "a merge is not in the vocabulary"));
  EXPECT_TRUE(contains(withElement<uint32_t>(ESPALIER_MERGES, 2, 12),
                       "a merge is not in the vocabulary"));
  EXPECT_TRUE(contains(withElement<uint32_t>(ESPALIER_MERGES, 1, 0xffffffff),
                       "rank of a merge"));
  EXPECT_TRUE(contains(withElement<int32_t>(ESPALIER_BYTE_TOKENS, 255, 12),
                       "not in a vocabulary of 12"));
  EXPECT_TRUE(contains(withElement<int32_t>(ESPALIER_BYTE_TOKENS, 0, -2),
                       "not in a vocabulary of 12"));
  EXPECT_EQ(withElement<int32_t>(ESPALIER_BYTE_TOKENS, 0, 11), "used");
  EXPECT_TRUE(contains(withElement<uint32_t>(ESPALIER_RAW_ID, 0, 12),
                       "not in a vocabulary of 12"));
  EXPECT_TRUE(contains(withElement<uint32_t>(ESPALIER_RAW_BEGIN, 1, 0),
                       "do not ascend"));
  EXPECT_TRUE(
      contains(withElement<char>(ESPALIER_RAW_TEXT, 0, 'z'), "do not ascend"));
  // The last one, which would match within a character.
  EXPECT_TRUE(contains(withElement<char>(ESPALIER_NORMALIZED_TEXT, 0, '\xa9'),
                       "an added token is not UTF-8"));
  EXPECT_TRUE(contains(withElement<int32_t>(ESPALIER_PREFIX, 0, -1),
                       "not in a vocabulary of 12"));
}

TEST(Tables, HostileSteps) {
  // Two steps that cut (a split, bytes), one that decodes; seven words each.
  auto pieces = [](size_t word, uint32_t value) {
    return withElement<uint32_t>(ESPALIER_PIECES, word, value);
  };
  EXPECT_TRUE(contains(pieces(0, 0), "pre-tokenizer step 0: it is not known"));
  EXPECT_TRUE(contains(pieces(0, 5), "pre-tokenizer step 0: it is not known"));
  EXPECT_TRUE(contains(pieces(1, 0), "its expression is not known"));
  EXPECT_TRUE(contains(pieces(1, 22), "its expression is not known"));
  EXPECT_TRUE(contains(pieces(1, 21), "its text is empty"));
  EXPECT_TRUE(contains(pieces(2, 5), "its behaviour is not known"));
  EXPECT_TRUE(contains(pieces(3, 1), "its text is out of bounds"));
  EXPECT_TRUE(contains(pieces(4, 1), "its text is out of bounds"));
  EXPECT_TRUE(contains(pieces(5, 0xffffffff), "its text is out of bounds"));
  EXPECT_TRUE(contains(pieces(0, 4), "does not work on bytes"));
  EXPECT_TRUE(contains(pieces(7, 3), "its replacement is not one character"));
  EXPECT_TRUE(contains(withElement<uint32_t>(ESPALIER_DECODER, 0, 6),
                       "decoder step 0: it is not known at this place"));
  EXPECT_EQ(withElement<uint32_t>(ESPALIER_DECODER, 0, 5), "used");
}

TEST(Tables, RandomElements) {
  std::vector<uint8_t> tables = smallTables();
  Random random(11);
  int used = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<uint8_t> changed = tables;
    for (uint32_t n = 1 + random.below(3); n > 0; --n)
      changed[random.below(static_cast<uint32_t>(changed.size()))] =
          static_cast<uint8_t>(random.next());
    rehash(changed);
    used += use(changed) == "used";
  }
  EXPECT_GT(used, 0);
}

TEST(Tables, RandomElementsOfEveryKind) {
  for (const char *name : {"bytes-falcon", "sp-added", "sp-charsmap-first",
                           "unigram-charsmap", "unigram-fallback"}) {
    json::Value file = readJson(ESPALIER_TEST_INPUTS "/tokenizer/variants/" +
                                std::string(name) + ".json");
    auto loaded =
        loadTables(importTokenizerJson(*file.find("tokenizer"), nullptr));
    ASSERT_TRUE(loaded);
    std::vector<uint8_t> tables = loaded->tables;
    Header header = headerOf(tables);
    ASSERT_EQ(use(tables), "used");
    Random random(5);
    int used = 0;
    for (int round = 0; round < 2500; ++round) {
      std::vector<uint8_t> changed = tables;
      // A byte of any section, so that small ones get their share.
      for (uint32_t n = 1 + random.below(2); n > 0; --n) {
        const auto &section =
            header.sections[random.below(ESPALIER_TOKENIZER_SECTIONS)];
        if (section.bytes == 0)
          continue;
        size_t at =
            section.offset + random.below(static_cast<uint32_t>(section.bytes));
        changed[at] = static_cast<uint8_t>(random.next());
      }
      rehash(changed);
      used += use(changed) == "used";
    }
    EXPECT_GT(used, 100) << name;
  }
}

TEST(Tables, Alignment) {
  std::vector<uint8_t> tables = smallTables();
  std::vector<uint8_t> moved(tables.size() + 8);
  std::copy(tables.begin(), tables.end(), moved.begin() + 4);
  Result<text::Tokenizer> tokenizer = text::Tokenizer::load(
      std::span<const uint8_t>(moved).subspan(4, tables.size()));
  ASSERT_FALSE(tokenizer);
  EXPECT_TRUE(contains(tokenizer.error().message, "multiple of 8"));
}
