//===- LinearTest.cpp - Hostile text takes linear time --------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Four times the text may take eight times as long, which n log n is well
/// below and quadratic time far above; measured in processor time, so that a
/// busy machine does not matter, and only where there is enough to measure.
///
//===----------------------------------------------------------------------===//

#include "TextTest.h"

#include <ctime>

using namespace espalier;

namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW_BUILD
#endif
#endif
#ifdef SLOW_BUILD
constexpr size_t kibibyte = 256; // sizes are a quarter of what they say
#else
constexpr size_t kibibyte = 1024;
#endif

/// Each is repeated. Runs of every class; what merges in long chains; what
/// almost is an added token, is one, or is white space that one takes.
const char *const units[] = {"a",
                             "ab",
                             "the ",
                             "\n",
                             " ",
                             "\t ",
                             "'",
                             "1",
                             "<",
                             "<|endofte",
                             "\u0301",
                             "\u4e2d",
                             "A",
                             "aA",
                             "\U0001f600",
                             "\u2581",
                             "<mask>",
                             "  <mask>",
                             "<both> ",
                             "<|user|>",
                             "<|user|>    ",
                             "e\u0301",
                             "\u0323\u0301",
                             "\xc2\xa0",
                             "<0x41>",
                             "lone ",
                             "\ufdfa"};

double processorTime() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

double timeOf(const text::Tokenizer &tokenizer, const std::string &text) {
  double begin = processorTime();
  Result<std::vector<int32_t>> ids = tokenizer.encode(text, true);
  EXPECT_TRUE(ids);
  if (ids)
    tokenizer.decode(*ids, true);
  return processorTime() - begin;
}

std::string repeated(const char *unit, size_t size) {
  std::string text;
  while (text.size() < size)
    text += unit;
  return text;
}

struct Case {
  const char *name;
  size_t shortText = 48 * kibibyte;
};
void PrintTo(const Case &c, std::ostream *) {}

class Linear : public testing::TestWithParam<Case> {};

} // namespace

TEST_P(Linear, HostileText) {
  json::Value file = readJson(ESPALIER_TEST_INPUTS "/tokenizer/variants/" +
                              std::string(GetParam().name) + ".json");
  auto loaded =
      loadTables(importTokenizerJson(*file.find("tokenizer"), nullptr));
  ASSERT_TRUE(loaded);
  const size_t size = GetParam().shortText;
  for (const char *unit : units) {
    double small = 0, large = 1;
    for (int attempt = 0; attempt < 3 && large > 8 * small + 0.02; ++attempt) {
      small = timeOf(loaded->tokenizer, repeated(unit, size));
      large = timeOf(loaded->tokenizer, repeated(unit, 4 * size));
    }
    EXPECT_LT(large, 8 * small + 0.02)
        << json::quote(unit) << ": " << small << " s, then " << large << " s";
  }
}

INSTANTIATE_TEST_SUITE_P(
    , Linear,
    testing::Values(Case{"bytes-llama3", 256 * kibibyte},
                    Case{"sp-added", 256 * kibibyte},
                    Case{"unigram-charsmap", 256 * kibibyte},
                    Case{"bytes-falcon"}, Case{"bytes-command-r"},
                    Case{"bytes-no-split"}, Case{"bytes-o200k"},
                    Case{"bytes-deepseek-coder"}, Case{"sp-gemma"},
                    Case{"sp-metaspace-first"}, Case{"sp-accents"},
                    Case{"sp-charsmap-first"}, Case{"sp-no-fuse"},
                    Case{"unigram-first"}, Case{"unigram-fallback"}),
    [](const testing::TestParamInfo<Case> &info) {
      std::string name = info.param.name;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });
