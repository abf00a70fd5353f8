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

/// The expression, with % for what stands between the brackets of \s, which to
/// PCRE2 holds U+180E, no White_Space.
std::string expressionOf(uint32_t split) {
  const std::string spaces = "[%]+(?!"
                             "[^%])|[%]+";
  const std::string tail = "|[%]*[\\r\\n]+|" + spaces;
  const std::string contraction = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  const std::string before = "[^\\r\\n\\p{L}\\p{N}]?";
  const std::string upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  const std::string lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  auto llama3 = [&](const std::string &letters, const std::string &numbers) {
    return contraction + "|" + before + "[" + letters + "]+|" + numbers +
           "| ?[^%" + letters + "\\p{N}]+[\\r\\n]*" + tail;
  };
  auto o200k = [&](const std::string &after, const std::string &numbers) {
    return before + upper + "*" + lower + "+" + after + "|" + before + upper +
           "+" + lower + "*" + after + "|" + numbers +
           "| ?[^%\\p{L}\\p{N}]+[\\r\\n/]*" + tail;
  };
  switch (split) {
  case ESPALIER_SPLIT_LLAMA3:
    return llama3("\\p{L}", "\\p{N}{1,3}");
  case ESPALIER_SPLIT_QWEN2:
    return llama3("\\p{L}", "\\p{N}");
  case ESPALIER_SPLIT_QWEN35:
    return llama3("\\p{L}\\p{M}", "\\p{N}");
  case ESPALIER_SPLIT_O200K:
    return o200k(contraction + "?", "\\p{N}{1,3}");
  case ESPALIER_SPLIT_TEKKEN:
    return o200k("", "\\p{N}");
  case ESPALIER_SPLIT_DEEPSEEK3:
    return R"([!"#$&'()*+,\-./:;<=>?@\[\\\]^_`{|}~\x25][A-Za-z]+|)"
           R"([^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*)" +
           tail;
  case ESPALIER_SPLIT_BLOOM:
    return " ?[^(%|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+";
  case ESPALIER_SPLIT_NUMBERS_3:
    return "\\p{N}{1,3}";
  case ESPALIER_SPLIT_NUMBER:
  case ESPALIER_SPLIT_NUMERIC:
    return "\\p{N}";
  case ESPALIER_SPLIT_CJK_KANA:
    return "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+";
  case ESPALIER_SPLIT_CJK_HANGUL:
    return "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+";
  case ESPALIER_SPLIT_LINE_END:
    return "[\\r\\n]";
  case ESPALIER_SPLIT_SPACE_LETTERS:
    return "[%]?\\p{L}+";
  case ESPALIER_SPLIT_SPACE_PUNCTUATION:
    return "[%]?\\p{P}+";
  case ESPALIER_SPLIT_THREE_DIGITS:
    return "[0-9][0-9][0-9]";
  case ESPALIER_SPLIT_PUNCTUATION:
    return "[\\p{P}$+<=>^`|~]";
  case ESPALIER_SPLIT_WHITE_SPACE:
    return "[%]";
  case ESPALIER_SPLIT_LITERAL:
    return "ab";
  default:
    return "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^%\\p{L}\\p{N}]+|" +
           spaces;
  }
}

std::string withSpaces(std::string expression) {
  static const std::string spaces =
      "\\x{9}-\\x{d} \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}"
      "\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
  for (size_t at = 0; (at = expression.find('%', at)) != std::string::npos;
       at += spaces.size())
    expression.replace(at, 1, spaces);
  return expression;
}

class Oracle {
public:
  explicit Oracle(const std::string &expression, uint32_t options = 0) {
    int code = 0;
    PCRE2_SIZE offset = 0;
    regex = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()),
                          expression.size(), PCRE2_UTF | PCRE2_UCP | options,
                          &code, &offset, nullptr);
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

  /// Where each match and what is between two of them ends.
  std::vector<size_t> ends(std::string_view text) {
    std::vector<size_t> result;
    for (size_t at = 0; at < text.size();) {
      int found = pcre2_match(regex, reinterpret_cast<PCRE2_SPTR>(text.data()),
                              text.size(), at, 0, match, nullptr);
      const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(match);
      if (found < 1) {
        EXPECT_EQ(found, PCRE2_ERROR_NOMATCH);
        result.push_back(text.size());
        break;
      }
      if (offsets[0] > at)
        result.push_back(offsets[0]);
      at = offsets[1];
      result.push_back(at);
    }
    return result;
  }

private:
  pcre2_code *regex;
  pcre2_match_data *match;
};

std::vector<size_t> ours(uint32_t split, std::string_view text) {
  std::vector<size_t> result;
  text::splitText(text, ESPALIER_BEHAVIOR_ISOLATED,
                  text::TextMatcher{split, "ab", text},
                  [&](size_t begin, size_t end) {
                    EXPECT_EQ(begin, result.empty() ? 0 : result.back());
                    EXPECT_LT(begin, end);
                    result.push_back(end);
                  });
  return result;
}

class Split : public testing::TestWithParam<uint32_t> {};

} // namespace

TEST_P(Split, SameAsPCRE2) {
  uint32_t split = GetParam();
  Oracle oracle(withSpaces(expressionOf(split)));
  // PCRE2 may know fewer characters than utf8proc does.
  Oracle newer(".*?(?!\\x{10ffff})\\p{Cn}", PCRE2_DOTALL);
  int compared = 0;
  auto check = [&](const std::string &text) {
    if (newer.matches(text))
      return;
    ++compared;
    EXPECT_EQ(ours(split, text), oracle.ends(text)) << json::quote(text);
  };
  Random random(split);
  for (int round = 0; round < 20000 && !HasFailure(); ++round)
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
  for (const char *unit :
       {" ",       "\n",      "a",  "1",      "!",  "'",    "'s", " \n",
        "\r",      "\u3000",  " !", "\u0301", "a ", "\n a", "A",  "aA",
        "A\u0301", "\u4e2dA", "1a", "a!",     "!A", "  A"}) {
    std::string text;
    while (text.size() < 1 << 18)
      text += unit;
    EXPECT_EQ(ours(GetParam(), text).back(), text.size());
    EXPECT_EQ(ours(GetParam(), text + "x").back(), text.size() + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(, Split,
                         testing::Range(uint32_t(ESPALIER_SPLIT_GPT2),
                                        uint32_t(ESPALIER_SPLIT_WORDS)));
INSTANTIATE_TEST_SUITE_P(Literal, Split,
                         testing::Values(uint32_t(ESPALIER_SPLIT_LITERAL)));

namespace {

/// The pieces, with a bar between two.
std::string pieces(uint32_t expression, uint32_t behavior,
                   std::string_view text) {
  std::string result;
  text::splitText(text, behavior, text::TextMatcher{expression, "-", text},
                  [&](size_t begin, size_t end) {
                    result += result.empty() ? "" : "|";
                    result += text.substr(begin, end - begin);
                  });
  return result;
}

} // namespace

TEST(SplitBehavior, Each) {
  auto at = [](uint32_t behavior) {
    return pieces(ESPALIER_SPLIT_LITERAL, behavior, "the-final--countdown");
  };
  EXPECT_EQ(at(ESPALIER_BEHAVIOR_REMOVED), "the|final|countdown");
  EXPECT_EQ(at(ESPALIER_BEHAVIOR_ISOLATED), "the|-|final|-|-|countdown");
  EXPECT_EQ(at(ESPALIER_BEHAVIOR_CONTIGUOUS), "the|-|final|--|countdown");
  EXPECT_EQ(at(ESPALIER_BEHAVIOR_PREVIOUS), "the-|final-|-|countdown");
  EXPECT_EQ(at(ESPALIER_BEHAVIOR_NEXT), "the|-final|-|-countdown");
  EXPECT_EQ(at(ESPALIER_BEHAVIOR_REMOVED | ESPALIER_BEHAVIOR_INVERT), "-|-|-");
  EXPECT_EQ(pieces(ESPALIER_SPLIT_LITERAL, ESPALIER_BEHAVIOR_PREVIOUS, "--a-"),
            "-|-|a-");
  EXPECT_EQ(pieces(ESPALIER_SPLIT_LITERAL, ESPALIER_BEHAVIOR_NEXT, "-a--"),
            "-a|-|-");
  EXPECT_EQ(pieces(ESPALIER_SPLIT_WORDS,
                   ESPALIER_BEHAVIOR_REMOVED | ESPALIER_BEHAVIOR_INVERT,
                   " it's  1_a\u0301\u24b6 !?"),
            "it|'|s|1_a\u0301\u24b6|!?");
}

TEST(SplitBehavior, Bytes) {
  // U+00BC is bytes c2 bc: after ByteLevel the second one shows as a number.
  std::string_view text = "a12\xc2\xbc";
  std::vector<size_t> ends;
  text::splitText(text, ESPALIER_BEHAVIOR_CONTIGUOUS,
                  text::ByteMatcher{ESPALIER_SPLIT_NUMERIC, text},
                  [&](size_t, size_t end) { ends.push_back(end); });
  EXPECT_EQ(ends, (std::vector<size_t>{1, 3, 4, 5}));
}
