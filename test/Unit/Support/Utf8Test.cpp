//===- Utf8Test.cpp - Well-formed and ill-formed UTF-8 --------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/Utf8.h"

#include <gtest/gtest.h>

using namespace espalier;

TEST(Utf8, RoundTripsEveryScalar) {
  for (uint32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF)
      continue;
    std::string text;
    appendUtf8(text, c);
    DecodedScalar got = decodeUtf8(text, 0);
    ASSERT_TRUE(got.valid) << c;
    ASSERT_EQ(got.scalar, c);
    ASSERT_EQ(got.length, text.size());
    ASSERT_EQ(completeUtf8Prefix(text), text.size());
    for (size_t cut = 1; cut < text.size(); ++cut) {
      ASSERT_EQ(completeUtf8Prefix("ab" + text.substr(0, cut)), 2u) << c;
      ASSERT_FALSE(isValidUtf8(text.substr(0, cut)));
    }
  }
}

TEST(Utf8, MaximalIllFormedSubparts) {
  // The example of Unicode 15, table 3-8, and its neighbours.
  struct {
    std::string_view text;
    unsigned length;
  } cases[] = {
      {"\xC0\xAF", 1},         {"\xE0\x9F\x80", 1}, {"\xED\xA0\x80", 1},
      {"\xF4\x91\x92\x93", 1}, {"\xE1\x80\xE2", 2}, {"\xF1\x80\x80\x41", 3},
      {"\xF0\x80\x80\x41", 1}, {"\x80", 1},         {"\xFF", 1},
      {"\xE2\x82", 2},         {"\xC2", 1},         {"\xF5\x80", 1},
  };
  for (auto &c : cases) {
    DecodedScalar got = decodeUtf8(c.text, 0);
    EXPECT_FALSE(got.valid) << c.text;
    EXPECT_EQ(got.scalar, 0xFFFDu);
    EXPECT_EQ(got.length, c.length) << c.text;
    EXPECT_FALSE(isValidUtf8(c.text));
  }
}

TEST(Utf8, CompletePrefixKeepsWhatNothingCanComplete) {
  EXPECT_EQ(completeUtf8Prefix(""), 0u);
  EXPECT_EQ(completeUtf8Prefix("a\x80"), 2u);
  EXPECT_EQ(completeUtf8Prefix("a\xFF"), 2u);
  EXPECT_EQ(completeUtf8Prefix("a\xED\xA0"), 3u);
  EXPECT_EQ(completeUtf8Prefix("a\xF0\x9F\x98"), 1u);
  EXPECT_EQ(completeUtf8Prefix("\x80\x80\x80\x80"), 4u);
}

TEST(Utf8, AppendReplacesWhatIsNoScalar) {
  std::string text;
  appendUtf8(text, 0xD800);
  appendUtf8(text, 0x110000);
  EXPECT_EQ(text, "\xEF\xBF\xBD\xEF\xBF\xBD");
}
