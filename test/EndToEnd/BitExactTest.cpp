//===- BitExactTest.cpp - The same bits however a row is computed ------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Emitted code against itself: threads, chunks, wanted rows and trees
/// (docs/numerics.md, "What the same bits covers").
///
//===----------------------------------------------------------------------===//
#include "Running.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace espalier;
using namespace espalier::e2e;

namespace {

uint32_t positionsOf(espalier_model *model) {
  return espalier_model_context(model);
}

uint32_t vocabOf(espalier_model *model) {
  return espalier_model_descriptor(model)->card->vocab;
}

class BitExactTest : public testing::TestWithParam<Config> {
protected:
  void SetUp() override {
    model = openConfig(GetParam(), 2);
    ASSERT_TRUE(model);
  }

  /// Rows that cross several blocks of keys, but not more than time allows.
  uint32_t rows() const {
    bool isBundled = GetParam().model.starts_with("stories");
    return std::min(positionsOf(model.get()), isBundled ? 144u : 232u);
  }

  Model model;
};

TEST_P(BitExactTest, ThreadsAndChunks) {
  Random random(1);
  Tokens tokens = random.tokens(rows(), vocabOf(model.get()));
  Outcome whole = Sequence(model.get()).chain(tokens);
  ASSERT_EQ(whole.rows(), tokens.size());
  for (uint32_t threads : {1, 2, 3, 8}) {
    Model other = openConfig(GetParam(), threads);
    ASSERT_TRUE(other);
    EXPECT_EQ(difference(Sequence(other.get()).chain(tokens), whole), "")
        << threads << " threads";
    std::vector<uint32_t> chunks = random.chunks(rows());
    EXPECT_EQ(difference(Sequence(other.get()).chain(tokens, chunks), whole),
              "")
        << threads << " threads, chunks " << testing::PrintToString(chunks);
  }
}

TEST_P(BitExactTest, OneTokenAtATime) {
  Tokens tokens =
      Random(2).tokens(std::min(rows(), 140u), vocabOf(model.get()));
  Outcome whole = Sequence(model.get()).chain(tokens);
  Model one = openConfig(GetParam(), 1);
  ASSERT_TRUE(one);
  EXPECT_EQ(difference(Sequence(one.get()).chain(tokens, {1}), whole), "");
  EXPECT_EQ(difference(Sequence(model.get()).chain(tokens, {70, 1}), whole),
            "");
}

TEST_P(BitExactTest, WantedRows) {
  Random random(3);
  for (uint32_t count : {1u, 9u, 64u, 65u, 120u}) {
    if (count >= positionsOf(model.get()))
      continue;
    Tokens tokens = random.tokens(count, vocabOf(model.get()));
    Outcome whole = Sequence(model.get()).chain(tokens);
    for (uint32_t share : {0, 3, 50, 97}) {
      std::vector<uint32_t> wanted;
      std::vector<float> expected;
      for (uint32_t row = 0; row < count; ++row)
        if (random.below(100) < share) {
          wanted.push_back(row);
          Outcome one = whole.row(row);
          expected.insert(expected.end(), one.logits.begin(), one.logits.end());
        }
      Sequence sequence(model.get());
      EXPECT_TRUE(sequence.logitsOf(tokens, wanted) == expected)
          << wanted.size() << " of " << count << " rows";
      // The rows that nobody wanted stand in the cache all the same.
      Tokens next = random.tokens(1, vocabOf(model.get()));
      Tokens all = tokens;
      all.push_back(next[0]);
      if (share == 0)
        EXPECT_EQ(difference(sequence.chain(next),
                             Sequence(model.get()).chain(all).row(count)),
                  "");
    }
  }
}

struct TreeShape {
  uint32_t past, rows, depth;
};

// Behind no tokens, and before, at and behind the edge of a block of keys; as
// wide as deep, and deeper than a block.
constexpr TreeShape shapes[] = {{0, 5, 30},   {7, 8, 60},    {60, 9, 50},
                                {63, 20, 80}, {64, 33, 70},  {0, 64, 90},
                                {90, 65, 95}, {21, 100, 97}, {61, 110, 97}};

TEST_P(BitExactTest, EveryPathOfATreeIsAChain) {
  Random random(4);
  for (const TreeShape &shape : shapes) {
    SCOPED_TRACE(std::to_string(shape.rows) + " rows behind " +
                 std::to_string(shape.past) + " tokens");
    if (shape.past + shape.rows + 4 > positionsOf(model.get()))
      continue;
    uint32_t vocab = vocabOf(model.get());
    Tokens past = random.tokens(shape.past, vocab);
    Tokens tokens = random.tokens(shape.rows, vocab);
    std::vector<int32_t> parents = random.parents(shape.rows, shape.depth);
    Sequence sequence(model.get()), chain(model.get());
    sequence.chain(past);
    chain.chain(past);
    Outcome tree = sequence.tree(tokens, parents);
    ASSERT_EQ(tree.rows(), tokens.size());
    EXPECT_EQ(sequence.length(), shape.past);

    std::vector<bool> isLeaf(shape.rows, true);
    for (int32_t parent : parents)
      if (parent >= 0)
        isLeaf[size_t(parent)] = false;
    std::vector<int32_t> kept; // the path that is committed below
    for (uint32_t leaf = 0; leaf < shape.rows; ++leaf) {
      if (!isLeaf[leaf])
        continue;
      std::vector<int32_t> path;
      for (int32_t at = int32_t(leaf); at >= 0; at = parents[size_t(at)])
        path.insert(path.begin(), at);
      Tokens pathTokens;
      Outcome got;
      for (int32_t row : path) {
        pathTokens.push_back(tokens[size_t(row)]);
        got.add(tree.row(size_t(row)));
      }
      chain.truncate(shape.past);
      ASSERT_EQ(difference(got, chain.chain(pathTokens)), "")
          << "leaf " << leaf;
      if (kept.empty() || random.below(3) == 0)
        kept = path;
    }

    // Any row of the path may be the last that is kept.
    if (random.below(2))
      kept.resize(1 + random.below(uint32_t(kept.size())));
    sequence.commit(kept.back());
    ASSERT_EQ(sequence.length(), shape.past + kept.size());
    Tokens keptTokens;
    for (int32_t row : kept)
      keptTokens.push_back(tokens[size_t(row)]);
    chain.truncate(shape.past);
    chain.chain(keptTokens);
    Tokens next = random.tokens(3, vocab);
    EXPECT_EQ(difference(sequence.chain(next, {1}), chain.chain(next)), "")
        << "behind " << kept.size() << " kept rows";
  }
}

// A tree that is not committed leaves no trace, and one commit follows another.
TEST_P(BitExactTest, TreesFollowEachOther) {
  Random random(5);
  uint32_t vocab = vocabOf(model.get());
  Sequence sequence(model.get());
  Tokens all = random.tokens(50, vocab);
  sequence.chain(all);
  for (int round = 0; round < 8; ++round) {
    Tokens tokens = random.tokens(12, vocab);
    std::vector<int32_t> parents = random.parents(12, 60);
    sequence.tree(tokens, parents);
    int32_t last = int32_t(random.below(13)) - 1;
    if (round % 3 != 2) // else it is dropped by what comes next
      sequence.commit(last);
    else
      last = -1;
    size_t end = all.size();
    for (int32_t at = last; at >= 0; at = parents[size_t(at)])
      all.insert(all.begin() + end, tokens[size_t(at)]);
    ASSERT_EQ(sequence.length(), all.size());
    Tokens next = random.tokens(1 + random.below(3), vocab);
    all.insert(all.end(), next.begin(), next.end());
    Outcome got = sequence.chain(next);
    Outcome chain = Sequence(model.get()).chain(all);
    ASSERT_EQ(
        difference(got, chain.slice(all.size() - next.size(), all.size())), "")
        << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, BitExactTest, testing::ValuesIn(allConfigs()),
                         [](const auto &info) { return info.param.label(); });
INSTANTIATE_TEST_SUITE_P(Families, BitExactTest,
                         testing::ValuesIn(familyConfigs()),
                         [](const auto &info) { return info.param.label(); });

//===--- More rows than one call takes ------------------------------------===//

// Two variants of the step, calls of the largest, and what is left.
TEST(LongChainTest, CallsOfEveryVariant) {
  Result<std::string> folder = longModel();
  ASSERT_TRUE(folder) << folder.error().message;
  for (const char *kv : {"f16", "f32", "bf16"}) {
    Model model = openConfig({*folder, "auto", kv}, 2);
    ASSERT_TRUE(model);
    const espalier_descriptor *d = espalier_model_descriptor(model.get());
    uint32_t most = d->variants[d->variant_count - 1].max_rows;
    ASSERT_GE(d->variant_count, 2u);
    ASSERT_LT(2 * most + 70, d->card->max_positions);
    Random random(6);
    Tokens tokens = random.tokens(2 * most + 70, d->card->vocab);
    Outcome whole = Sequence(model.get()).chain(tokens);
    ASSERT_EQ(whole.rows(), tokens.size());
    for (int round = 0; round < 3; ++round)
      EXPECT_EQ(
          difference(Sequence(model.get())
                         .chain(tokens, random.chunks(uint32_t(tokens.size()))),
                     whole),
          "");
    EXPECT_EQ(
        difference(Sequence(model.get()).chain(tokens, {most - 1, 2}), whole),
        "");

    // A tree of more rows than a call takes: its end sees rows of an earlier
    // call.
    Tokens past(tokens.begin(), tokens.begin() + 300);
    Tokens rest = random.tokens(most + 30, d->card->vocab);
    std::vector<int32_t> parents = random.parents(uint32_t(rest.size()), 99);
    Sequence sequence(model.get()), chain(model.get());
    sequence.chain(past);
    chain.chain(past);
    Outcome tree = sequence.tree(rest, parents);
    ASSERT_EQ(tree.rows(), rest.size());
    std::vector<int32_t> path;
    for (int32_t at = int32_t(rest.size()) - 1; at >= 0; at = parents[at])
      path.insert(path.begin(), at);
    Tokens pathTokens;
    Outcome got;
    for (int32_t row : path) {
      pathTokens.push_back(rest[size_t(row)]);
      got.add(tree.row(size_t(row)));
    }
    EXPECT_EQ(difference(got, chain.chain(pathTokens)), "");
    sequence.commit(int32_t(rest.size()) - 1);
    EXPECT_EQ(difference(sequence.chain({1, 2}, {1}), chain.chain({1, 2})), "");
  }
}

} // namespace
