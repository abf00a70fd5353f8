//===- RowsTest.cpp - Rows beside others, and what they write -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RawModel.h"

#include <gtest/gtest.h>

using namespace espalier;
using namespace espalier::e2e;

namespace {

class RowsTest : public testing::TestWithParam<Config> {};

/// The rows of `slot` among those of a call.
Outcome rowsOf(const Outcome &outcome, const std::vector<RawRow> &rows,
               const Slot *slot) {
  Outcome out;
  for (size_t i = 0; i < rows.size(); ++i)
    if (rows[i].slot == slot)
      out.add(outcome.row(i));
  return out;
}

// Memory holds NaN wherever nothing was written: what is not a row's own never
// reaches it.
TEST_P(RowsTest, SlotsAndPaddingDoNotMeet) {
  RawModel model(GetParam());
  ASSERT_TRUE(model.ok());
  Random random(7);
  uint32_t vocab = model.descriptor().card->vocab;
  for (uint32_t variant = 0; variant < model.descriptor().variant_count;
       ++variant)
    for (uint32_t workers : {1, 2, 3}) {
      // Three runs of padding and two of tokens are one call.
      uint32_t most = model.descriptor().variants[variant].max_rows;
      uint32_t padding = most < 64 ? 1 : 3;
      uint32_t length = std::min(24u, (most - 3 * padding) / 2);
      Slot a = model.makeSlot(), b = model.makeSlot();
      Slot aAlone = model.makeSlot(), bAlone = model.makeSlot();
      Outcome gotA, gotB, expectedA, expectedB;
      for (int call = 0; call < 4; ++call) {
        Tokens ta = random.tokens(1 + random.below(length), vocab);
        Tokens tb = random.tokens(1 + random.below(length), vocab);
        std::vector<RawRow> rows;
        auto pad = [&] {
          rows.resize(rows.size() + random.below(padding + 1));
        };
        pad();
        for (int32_t token : ta)
          rows.push_back({token, &a});
        pad();
        for (int32_t token : tb)
          rows.push_back({token, &b});
        pad();
        Outcome outcome = model.step(rows, variant, workers);
        gotA.add(rowsOf(outcome, rows, &a));
        gotB.add(rowsOf(outcome, rows, &b));
        expectedA.add(model.chain(aAlone, ta));
        expectedB.add(model.chain(bAlone, tb));
      }
      EXPECT_EQ(difference(gotA, expectedA), "");
      EXPECT_EQ(difference(gotB, expectedB), "");
      EXPECT_TRUE(a.cache == aAlone.cache) << "caches differ";
      EXPECT_TRUE(b.cache == bAlone.cache) << "caches differ";
    }
}

TEST_P(RowsTest, PaddingAlone) {
  RawModel model(GetParam());
  ASSERT_TRUE(model.ok());
  for (uint32_t variant = 0; variant < model.descriptor().variant_count;
       ++variant)
    model.step(std::vector<RawRow>(5), variant, 2);
}

// The whole cache, byte for byte, whichever calls filled it.
TEST_P(RowsTest, CacheOfChunks) {
  RawModel model(GetParam());
  ASSERT_TRUE(model.ok());
  Random random(8);
  Tokens tokens =
      random.tokens(std::min(90u, model.descriptor().card->max_positions),
                    model.descriptor().card->vocab);
  Slot whole = model.makeSlot(), pieces = model.makeSlot();
  Outcome expected = model.chain(whole, tokens), got;
  size_t begin = 0;
  for (uint32_t chunk : random.chunks(uint32_t(tokens.size()))) {
    got.add(model.chain(pieces, Tokens(tokens.begin() + begin,
                                       tokens.begin() + begin + chunk)));
    begin += chunk;
  }
  EXPECT_EQ(difference(got, expected), "");
  EXPECT_TRUE(pieces.cache == whole.cache) << "caches differ";
  // What the runtime's own session gives.
  Model session = openConfig(GetParam(), 2);
  ASSERT_TRUE(session);
  EXPECT_EQ(difference(Sequence(session.get()).chain(tokens), expected), "");
}

INSTANTIATE_TEST_SUITE_P(Models, RowsTest, testing::ValuesIn(allConfigs()),
                         [](const auto &info) { return info.param.label(); });
INSTANTIATE_TEST_SUITE_P(Families, RowsTest, testing::ValuesIn(familyConfigs()),
                         [](const auto &info) { return info.param.label(); });

} // namespace
