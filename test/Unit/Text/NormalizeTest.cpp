//===- NormalizeTest.cpp - Normalisation ---------------------------------===//
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

std::string form(uint32_t kind, const std::string &text) {
  std::string storage;
  return std::string(text::normalizeForm(kind, text, storage));
}

std::string nfc(const std::string &text) {
  return form(ESPALIER_NORMALIZE_NFC, text);
}

std::string oracle(uint32_t kind, const std::string &text) {
  bool composes =
      kind == ESPALIER_NORMALIZE_NFC || kind == ESPALIER_NORMALIZE_NFKC;
  bool compatible =
      kind == ESPALIER_NORMALIZE_NFKC || kind == ESPALIER_NORMALIZE_NFKD;
  utf8proc_uint8_t *out = nullptr;
  utf8proc_ssize_t size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t *>(text.data()),
      static_cast<utf8proc_ssize_t>(text.size()), &out,
      static_cast<utf8proc_option_t>(
          UTF8PROC_STABLE | (composes ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
          (compatible ? UTF8PROC_COMPAT : 0)));
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
  EXPECT_EQ(nfc("\uac00\u11a7x"), "\uac00\u11a7x"); // no final consonant
  EXPECT_EQ(nfc("\u1100\u1161\u11a7\u11a8"), "\uac00\u11a7\u11a8");
  EXPECT_EQ(nfc("\u0301a"), "\u0301a");
  EXPECT_EQ(nfc("\u0958"), "\u0915\u093c"); // excluded from composition
}

TEST(Normalize, SameAsWholeText) {
  // Characters that decompose, compose or carry a combining class.
  static const uint32_t active[] = {
      'a',     'e',     'o',    'x',    ' ',    0xe9,   0xc5,    0x1ea1,
      0x300,   0x301,   0x308,  0x30a,  0x31b,  0x323,  0x327,   0x338,
      0x340,   0x344,   0x345,  0x3b1,  0x3b9,  0x915,  0x93c,   0x958,
      0x9c7,   0x9be,   0xb47,  0xb3e,  0xdd9,  0xdcf,  0x1100,  0x1112,
      0x1161,  0x1175,  0x11a8, 0x11c2, 0xac00, 0xac01, 0xd7a3,  0x1f71,
      0x1fb3,  0x2126,  0x212b, 0x2adc, 0xf900, 0xfb1d, 0x11099, 0x110ba,
      0x1d15e, 0x1d165, 0x2f800};
  Random random(1);
  for (int round = 0; round < 40000; ++round) {
    std::string text;
    for (uint32_t count = random.below(12); count > 0; --count)
      appendUtf8(text, active[random.below(std::size(active))]);
    uint32_t kind = 1 + uint32_t(round % 4);
    ASSERT_EQ(form(kind, text), oracle(kind, text)) << json::quote(text);
  }
  for (uint32_t scalar = 0; scalar < 0x110000; ++scalar) {
    if (scalar >= 0xd800 && scalar < 0xe000)
      continue;
    std::string text = "a";
    appendUtf8(text, scalar);
    text += "\u0323\u0301";
    for (uint32_t kind = 1; kind <= 4; ++kind)
      ASSERT_EQ(form(kind, text), oracle(kind, text)) << scalar;
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

namespace {

using Step = espalier_tokenizer_step;

/// The steps' texts are in "▁ ab", found there.
struct Steps {
  std::string texts = "\u2581 ab";
  std::vector<Step> steps;
  text::Normalizer::Storage storage;
  bool atStart = true;

  Steps &add(uint32_t kind, uint32_t option = 0, const std::string &text = "",
             const std::string &content = "") {
    Step step = {};
    step.kind = kind;
    step.option = option;
    step.text_begin = static_cast<uint32_t>(texts.find(text));
    step.text_bytes = static_cast<uint32_t>(text.size());
    step.content_begin = static_cast<uint32_t>(texts.find(content));
    step.content_bytes = static_cast<uint32_t>(content.size());
    steps.push_back(step);
    return *this;
  }
  std::string operator()(std::string_view text) {
    text::Normalizer normalizer;
    normalizer.steps = steps;
    normalizer.stepText = texts;
    auto result = normalizer.apply(text, storage);
    if (!result)
      return "(too large)";
    atStart = result->atStart;
    return std::string(result->text);
  }
};

} // namespace

TEST(NormalizeSteps, Each) {
  Steps lower;
  lower.add(ESPALIER_NORMALIZE_LOWERCASE);
  EXPECT_EQ(lower("ABC \u00c9\u0130\u03a3"), "abc \u00e9i\u0307\u03c3");

  Steps strip;
  strip.add(ESPALIER_NORMALIZE_STRIP, 3);
  EXPECT_EQ(strip("\u3000 a b\t\n"), "a b");
  EXPECT_FALSE(strip.atStart);
  EXPECT_EQ(strip(" \n "), "");
  EXPECT_EQ(strip("a "), "a");
  EXPECT_TRUE(strip.atStart);

  Steps accents;
  accents.add(ESPALIER_NORMALIZE_NFD).add(ESPALIER_NORMALIZE_STRIP_ACCENTS);
  EXPECT_EQ(accents("caf\u00e9 a\u0323\u0301"), "cafe a");

  Steps nmt;
  nmt.add(ESPALIER_NORMALIZE_NMT);
  EXPECT_EQ(nmt("\x01"
                "a\tb\u200b\u2581\x7f"),
            "a b  ");

  Steps llama;
  llama.add(ESPALIER_NORMALIZE_PREPEND, 0, "\u2581")
      .add(ESPALIER_NORMALIZE_REPLACE, 0, " ", "\u2581");
  EXPECT_EQ(llama("a b "), "\u2581a\u2581b\u2581");
  EXPECT_EQ(llama(""), "");

  Steps spaces;
  spaces.add(ESPALIER_NORMALIZE_REPLACE_SPACES, 0, "", " ");
  EXPECT_EQ(spaces("a  b c   "), "a b c ");
  EXPECT_TRUE(spaces.atStart);
  EXPECT_EQ(spaces("  a"), " a");
  EXPECT_FALSE(spaces.atStart);
}

TEST(NormalizeSteps, GrowthIsBounded) {
  Steps steps;
  for (int i = 0; i < 8; ++i)
    steps.add(ESPALIER_NORMALIZE_REPLACE, 0, "a", "\u2581 a")
        .add(ESPALIER_NORMALIZE_REPLACE, 0, " ", "ab");
  EXPECT_EQ(steps(std::string(1 << 16, 'a')), "(too large)");
}
