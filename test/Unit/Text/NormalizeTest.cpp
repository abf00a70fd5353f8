//===- NormalizeTest.cpp - Normalisation form C ---------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TextTest.h"

#include "Text/Normalize.h"
#include "espalier/Support/Utf8.h"

#include <cstdlib>
#include <utf8proc.h>

using namespace espalier;

namespace {

std::string nfc(const std::string &text) {
  std::string storage;
  return std::string(text::normalizeNfc(text, storage));
}

std::string oracle(const std::string &text) {
  utf8proc_uint8_t *out = nullptr;
  utf8proc_ssize_t size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t *>(text.data()),
      static_cast<utf8proc_ssize_t>(text.size()), &out,
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (size < 0)
    return "(error)";
  std::string result(reinterpret_cast<char *>(out), static_cast<size_t>(size));
  std::free(out);
  return result;
}

} // namespace

TEST(Normalize, Examples) {
  EXPECT_EQ(nfc(""), "");
  EXPECT_EQ(nfc("plain"), "plain");
  EXPECT_EQ(nfc("caf\u00e9"), "caf\u00e9");
  EXPECT_EQ(nfc("cafe\u0301!"), "caf\u00e9!");
  EXPECT_EQ(nfc("\u212b"), "\u00c5");
  EXPECT_EQ(nfc("a\u0301\u0323"), "\u1ea1\u0301");
  EXPECT_EQ(nfc("\u1100\u1161\u11a8"), "\uac01");
  EXPECT_EQ(nfc("\uac00\u11a8x"), "\uac01x");
  EXPECT_EQ(nfc("\u0301a"), "\u0301a");
  EXPECT_EQ(nfc("\u0958"), "\u0915\u093c"); // excluded from composition
}

TEST(Normalize, SameAsWholeText) {
  // Characters that decompose, compose or carry a combining class.
  static const uint32_t active[] = {
      'a',     'e',     'o',     'x',    ' ',    0xe9,   0xc5,   0x1ea1,
      0x300,   0x301,   0x308,   0x30a,  0x31b,  0x323,  0x327,  0x338,
      0x340,   0x344,   0x345,   0x3b1,  0x3b9,  0x915,  0x93c,  0x958,
      0x9c7,   0x9be,   0xb47,   0xb3e,  0xdd9,  0xdcf,  0x1100, 0x1112,
      0x1161,  0x1175,  0x11a7,  0x11a8, 0x11c2, 0xac00, 0xac01, 0xd7a3,
      0x1f71,  0x1fb3,  0x2126,  0x212b, 0x2adc, 0xf900, 0xfb1d, 0x11099,
      0x110ba, 0x1d15e, 0x1d165, 0x2f800};
  Random random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (uint32_t count = random.below(12); count > 0; --count)
      appendUtf8(text, active[random.below(std::size(active))]);
    ASSERT_EQ(nfc(text), oracle(text)) << json::quote(text);
  }
  for (uint32_t scalar = 0; scalar < 0x110000; ++scalar) {
    if (scalar >= 0xd800 && scalar < 0xe000)
      continue;
    std::string text = "a";
    appendUtf8(text, scalar);
    text += "\u0323\u0301";
    ASSERT_EQ(nfc(text), oracle(text)) << scalar;
  }
}

TEST(Normalize, LongRunsOfMarks) {
  // 600 000 marks in falling order: quadratic time would take minutes.
  std::string text = "a";
  for (int i = 0; i < 300000; ++i)
    text += "\u0301\u0323";
  std::string out = nfc(text);
  EXPECT_EQ(out.substr(0, 5), "\u1ea1\u0323");
  EXPECT_EQ(out.size(), text.size());
}
