//===- SplitTest.cpp - Split matchers against PCRE2 -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "TextTest.h"

#include "Text/Split.h"
#include "espalier/Support/Utf8.h"

#include <utf8proc.h>

using namespace espalier;

namespace {

// PCRE2's own \s holds U+180E, which is no White_Space.
#define WS                                                                     \
  "\\x{9}-\\x{d} \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}"          \
  "\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define SPACE "[" WS "]"
#define TAIL                                                                   \
  SPACE "+(?!"                                                                 \
        "[^" WS "]"                                                            \
        ")|" SPACE "+"
#define LLAMA3(DIGITS)                                                         \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" DIGITS         \
  "| ?[^" WS "\\p{L}\\p{N}]+[\\r\\n]*|" SPACE "*[\\r\\n]+|" TAIL

const char *expressionOf(uint32_t split) {
  switch (split) {
  case ESPALIER_SPLIT_LLAMA3:
    return LLAMA3("\\p{N}{1,3}");
  case ESPALIER_SPLIT_QWEN2:
    return LLAMA3("\\p{N}");
  default:
    return "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" WS
           "\\p{L}\\p{N}]+|" TAIL;
  }
}

class Oracle {
public:
  explicit Oracle(const char *expression, uint32_t options = 0) {
    int code = 0;
    PCRE2_SIZE offset = 0;
    regex = pcre2_compile(
        reinterpret_cast<PCRE2_SPTR>(expression), PCRE2_ZERO_TERMINATED,
        PCRE2_UTF | PCRE2_UCP | options, &code, &offset, nullptr);
    EXPECT_TRUE(regex) << expression << " at " << offset;
    match = pcre2_match_data_create_from_pattern(regex, nullptr);
    pcre2_jit_compile(regex, PCRE2_JIT_COMPLETE);
  }
  ~Oracle() {
    pcre2_match_data_free(match);
    pcre2_code_free(regex);
  }

  bool matches(std::string_view text) {
    return pcre2_match(regex, reinterpret_cast<PCRE2_SPTR>(text.data()),
                       text.size(), 0, PCRE2_ANCHORED, match, nullptr) > 0;
  }

  /// Where each piece ends.
  std::vector<size_t> ends(std::string_view text) {
    std::vector<size_t> result;
    for (size_t at = 0; at < text.size();) {
      int found = pcre2_match(regex, reinterpret_cast<PCRE2_SPTR>(text.data()),
                              text.size(), at, PCRE2_ANCHORED, match, nullptr);
      if (found < 1) {
        ADD_FAILURE() << "no match at " << at << ": " << found;
        break;
      }
      at = pcre2_get_ovector_pointer(match)[1];
      result.push_back(at);
    }
    return result;
  }

private:
  pcre2_code *regex;
  pcre2_match_data *match;
};

/// Every number on its own, then gpt-2's expression on what is between.
std::vector<size_t> smollmEnds(Oracle &number, Oracle &gpt2,
                               std::string_view text) {
  std::vector<size_t> result;
  size_t begin = 0;
  for (size_t end : number.ends(text)) {
    std::string_view part = text.substr(begin, end - begin);
    for (size_t inner : gpt2.ends(part))
      result.push_back(begin + inner);
    begin = end;
  }
  return result;
}

std::vector<size_t> ours(uint32_t split, std::string_view text) {
  std::vector<size_t> result;
  for (size_t at = 0; at < text.size();) {
    at = text::nextPiece(split, text, at);
    result.push_back(at);
    if (result.size() > 1 && result[result.size() - 2] >= at) {
      ADD_FAILURE() << "no progress at " << at;
      break;
    }
  }
  return result;
}

class Split : public testing::TestWithParam<uint32_t> {};

} // namespace

TEST_P(Split, SameAsPCRE2) {
  uint32_t split = GetParam();
  Oracle oracle(expressionOf(split));
  Oracle number("\\p{N}|[^\\p{N}]+");
  // PCRE2 may know fewer characters than utf8proc does.
  Oracle newer(".*?(?!\\x{10ffff})\\p{Cn}", PCRE2_DOTALL);
  int compared = 0;
  auto check = [&](const std::string &text) {
    if (newer.matches(text))
      return;
    ++compared;
    std::vector<size_t> expected = split == ESPALIER_SPLIT_SMOLLM
                                       ? smollmEnds(number, oracle, text)
                                       : oracle.ends(text);
    EXPECT_EQ(ours(split, text), expected) << json::quote(text);
  };
  Random random(split);
  for (int round = 0; round < 30000 && !HasFailure(); ++round)
    check(randomText(random, 1 + random.below(round % 50 == 0 ? 400 : 24)));
  // Every character that is assigned, between others.
  for (uint32_t scalar = 0; scalar < 0x20000 && !HasFailure(); ++scalar) {
    if ((scalar >= 0xd800 && scalar < 0xe000) ||
        utf8proc_category(static_cast<int32_t>(scalar)) == UTF8PROC_CATEGORY_CN)
      continue;
    std::string c;
    appendUtf8(c, scalar);
    check(c + c + " " + c + "a'" + c + "1" + c + "\n" + c + "  " + c);
  }
  EXPECT_GT(compared, 100000);
}

TEST_P(Split, LongRuns) {
  // Linear: each takes milliseconds; quadratic time would take minutes.
  for (const char *unit : {" ", "\n", "a", "1", "!", "'", "'s", " \n", "\r",
                           "\u3000", " !", "\u0301", "a ", "\n a"}) {
    std::string text;
    while (text.size() < 1 << 20)
      text += unit;
    EXPECT_EQ(ours(GetParam(), text).back(), text.size());
    EXPECT_EQ(ours(GetParam(), text + "x").back(), text.size() + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(, Split,
                         testing::Values(ESPALIER_SPLIT_GPT2,
                                         ESPALIER_SPLIT_LLAMA3,
                                         ESPALIER_SPLIT_QWEN2,
                                         ESPALIER_SPLIT_SMOLLM));
