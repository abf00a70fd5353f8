//===- SequencesTest.cpp - Sequences side by side, kept and forked --------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Running.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

using namespace espalier;
using namespace espalier::e2e;

namespace {

class SequencesTest : public testing::TestWithParam<Config> {
protected:
  void SetUp() override {
    model = openConfig(GetParam(), 2);
    ASSERT_TRUE(model);
    card = espalier_model_descriptor(model.get())->card;
  }
  std::unique_ptr<Sequence> sequence() const {
    return std::make_unique<Sequence>(model.get());
  }

  Model model;
  const espalier_model_card *card = nullptr;
};

TEST_P(SequencesTest, BitsOfASequenceAlone) {
  constexpr size_t count = 4;
  Random random(21);
  std::vector<std::unique_ptr<Sequence>> together, alone;
  for (size_t i = 0; i < count; ++i) {
    together.push_back(sequence());
    alone.push_back(sequence());
  }
  // Rounds of few rows and of many, of chains alone and beside trees.
  for (uint32_t most : {12u, 1u, 60u, 1u, 9u, 5u}) {
    bool trees = most == 9 || most == 60;
    std::vector<Share> shares;
    for (size_t i = 0; i < count; ++i) {
      uint32_t room = card->max_positions - together[i]->length();
      uint32_t rows = std::min(1 + random.below(most), room);
      if (rows == 0)
        continue;
      Share share = {together[i].get(), random.tokens(rows, card->vocab), {}};
      if (trees && i % 2 == 1)
        share.parents = random.parents(rows, 60);
      shares.push_back(std::move(share));
    }
    std::vector<Outcome> outcomes = stepTogether(model.get(), shares);
    for (size_t at = 0; at < shares.size(); ++at) {
      const Share &share = shares[at];
      size_t i = 0;
      while (together[i].get() != share.sequence)
        ++i;
      Outcome expected = share.parents.empty()
                             ? alone[i]->chain(share.tokens)
                             : alone[i]->tree(share.tokens, share.parents);
      EXPECT_EQ(difference(outcomes[at], expected), "")
          << "sequence " << i << " of rounds of " << most;
      if (share.parents.empty())
        continue;
      int32_t kept = int32_t(random.below(uint32_t(share.tokens.size())));
      together[i]->commit(kept);
      alone[i]->commit(kept);
    }
  }
}

TEST_P(SequencesTest, KeptAndForked) {
  Random random(22);
  uint32_t rows = std::min(card->max_positions - 20, 77u);
  Tokens tokens = random.tokens(rows, card->vocab);
  Tokens more = random.tokens(20, card->vocab);
  auto first = sequence();
  first->chain(tokens);
  void *data = nullptr;
  size_t bytes = 0;
  ASSERT_EQ(espalier_session_save_bytes(first->session, &data, &bytes),
            ESPALIER_OK)
      << espalier_last_error();
  espalier_session *copy = nullptr;
  ASSERT_EQ(espalier_session_fork(first->session, &copy), ESPALIER_OK);
  Outcome expected = first->chain(more);
  // Into a context of another size.
  Model other = openConfig(GetParam(), 1, rows + 20);
  ASSERT_TRUE(other);
  Sequence restored(other.get());
  ASSERT_EQ(espalier_session_restore_bytes(restored.session, data, bytes),
            ESPALIER_OK)
      << espalier_last_error();
  espalier_free(data);
  EXPECT_EQ(restored.length(), rows);
  EXPECT_EQ(difference(restored.chain(more), expected), "");
  auto forked = sequence();
  std::swap(forked->session, copy);
  EXPECT_EQ(difference(forked->chain(more), expected), "");
  espalier_session_destroy(copy);
}

INSTANTIATE_TEST_SUITE_P(Models, SequencesTest, testing::ValuesIn(allConfigs()),
                         [](const auto &info) { return info.param.label(); });

} // namespace
