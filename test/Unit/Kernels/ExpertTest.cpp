//===- ExpertTest.cpp - Mixtures of experts against docs/numerics.md ------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LinearWeights.h"

#include <algorithm>
#include <numeric>

using namespace espalier;
using namespace espalier::cpu;

namespace {

class ExpertTest : public KernelTest {};

constexpr float log2e = 0x1.715476p+0f;

struct Routed {
  std::vector<int32_t> ids;
  std::vector<float> weights;
};

/// Entry router, for scores that are numbers.
Routed route(const std::vector<float> &scores, size_t choices,
             bool renormalize) {
  size_t experts = scores.size();
  float most = -std::numeric_limits<float>::infinity();
  for (float s : scores)
    most = s * log2e > most ? s * log2e : most;
  auto power = [&](size_t e) { return exp2Exact(scores[e] * log2e - most); };
  std::vector<int32_t> order(experts);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    float first = scores[size_t(a)], second = scores[size_t(b)];
    return first > second || (first == second && a < b);
  });
  Routed out;
  float chosen = 0;
  for (size_t j = 0; j < choices; ++j) {
    out.ids.push_back(order[j]);
    chosen += power(size_t(order[j]));
  }
  float all = sum16(experts, power);
  for (int32_t id : out.ids)
    out.weights.push_back(power(size_t(id)) / (renormalize ? chosen : all));
  return out;
}

void checkRouter(RouterFn *run, size_t rows, size_t experts, size_t choices,
                 bool renormalize, unsigned seed) {
  Random random(seed);
  size_t stride = experts + 3, idStride = choices + 1;
  std::vector<float> scores = random.reals(rows * stride, 2);
  // Equal scores often, and a zero of either sign.
  for (float &s : scores)
    if (random.below(3) == 0)
      s = random.below(4) == 0 ? (random.below(2) ? 0.0f : -0.0f) : 0.75f;
  std::vector<int32_t> ids(rows * idStride, -7);
  std::vector<float> weights(rows * idStride, 7.0f);
  run(scores.data(), stride * 4, ids.data(), idStride * 4, weights.data(),
      idStride * 4, rows, experts, choices, renormalize);
  for (size_t r = 0; r < rows; ++r) {
    std::vector<float> row(&scores[r * stride], &scores[r * stride] + experts);
    Routed want = route(row, choices, renormalize);
    for (size_t j = 0; j < choices; ++j)
      ASSERT_EQ(ids[r * idStride + j], want.ids[j])
          << experts << " experts, row " << r << ", choice " << j;
    ASSERT_TRUE(sameRow(&weights[r * idStride], want.weights.data(), choices));
    EXPECT_EQ(ids[r * idStride + choices], -7);
    EXPECT_EQ(weights[r * idStride + choices], 7.0f);
  }
}

TEST_P(ExpertTest, Router) {
  auto *run = kernel<RouterFn>({Kernel::Router});
  unsigned seed = 0;
  for (bool renormalize : {false, true}) {
    checkRouter(run, 5, 4, 2, renormalize, ++seed);
    checkRouter(run, 3, 1, 1, renormalize, ++seed);
    checkRouter(run, 4, 16, 16, renormalize, ++seed);
    checkRouter(run, 9, 61, 6, renormalize, ++seed);
    checkRouter(run, 2, 128, 8, renormalize, ++seed);
    checkRouter(run, 1, 1024, 8, renormalize, ++seed);
  }
}

TEST_P(ExpertTest, RouterOfWhatIsNoNumber) {
  auto *run = kernel<RouterFn>({Kernel::Router});
  float nan = std::numeric_limits<float>::quiet_NaN(),
        infinite = std::numeric_limits<float>::infinity();
  std::vector<float> scores = {
      nan, nan, nan, nan,       nan,       1,         2,         0,
      0,   nan, 1,   -infinite, -infinite, -infinite, -infinite, -infinite};
  std::vector<int32_t> ids(8);
  std::vector<float> weights(8);
  run(scores.data(), 16, ids.data(), 8, weights.data(), 8, 4, 4, 2, 0);
  // The first free expert stays where no other score is higher.
  EXPECT_EQ(ids, (std::vector<int32_t>{0, 1, 0, 2, 2, 0, 0, 1}));
  for (float weight : weights)
    EXPECT_TRUE(std::isnan(weight));
}

/// The weights of several experts, one after the other.
struct Experts {
  std::vector<Weights> each;
  std::vector<uint8_t> bytes;
  Experts(Random &random, const KernelKey &key, unsigned experts,
          unsigned groups, unsigned cols, bool wild) {
    for (unsigned i = 0; i < experts; ++i) {
      each.emplace_back(random, key.weights, key.group, groups, cols, wild);
      bytes.insert(bytes.end(), each.back().panels.begin(),
                   each.back().panels.end());
    }
  }
};

struct Shape {
  unsigned rows, experts, choices, cols, groups;
};

void checkGrouped(GroupedLinearFn *run, const KernelKey &key, Shape shape,
                  bool combines, bool wild, unsigned seed) {
  Random random(seed);
  Experts w(random, key, shape.experts, shape.groups, shape.cols, wild);
  bool quantised = key.activations == Encoding::A8;
  unsigned pairs = shape.rows * shape.choices;
  unsigned xRows = combines ? pairs : shape.rows;
  size_t k = size_t(shape.groups) * key.group;
  std::vector<float> x(xRows * k);
  for (float &v : x)
    v = wild ? random.wild() : random.real();
  size_t xStride = quantised ? shape.groups * a8::bytes + 8 : k * 4;
  std::vector<uint8_t> xBytes(xRows * xStride + 64);
  for (unsigned r = 0; r < xRows; ++r)
    if (!quantised)
      std::memcpy(&xBytes[r * xStride], &x[r * k], k * 4);
    else
      for (unsigned g = 0; g < shape.groups; ++g)
        quantizeActivations(&x[r * k + g * 32],
                            &xBytes[r * xStride + g * a8::bytes]);

  // Any experts, one of them twice in a row now and then.
  size_t idStride = shape.choices + 1;
  std::vector<int32_t> ids(shape.rows * idStride, -1);
  std::vector<float> combine = random.reals(shape.rows * idStride);
  for (unsigned r = 0; r < shape.rows; ++r)
    for (unsigned j = 0; j < shape.choices; ++j)
      ids[r * idStride + j] = int32_t(random.below(shape.experts));

  auto product = [&](unsigned r, unsigned j, unsigned c) {
    const Weights &of = w.each[size_t(ids[r * idStride + j])];
    unsigned row = combines ? r * shape.choices + j : r;
    return quantised ? chainBlock(of, c, &xBytes[row * xStride])
                     : chainFloat(of, c, &x[row * k]);
  };
  std::vector<uint8_t> scratch(
      expertScratchBytes(shape.rows, shape.choices, shape.experts));
  size_t outStride = shape.cols + 3;
  unsigned outRows = combines ? shape.rows : pairs;
  for (int accumulate = 0; accumulate <= int(combines); ++accumulate) {
    std::vector<float> before = random.reals(outRows * outStride);
    std::vector<float> got = before, want = before;
    run(xBytes.data(), xStride, ids.data(), idStride * 4,
        combines ? combine.data() : nullptr, idStride * 4, w.bytes.data(),
        shape.groups * w.each[0].bytes, w.each[0].panels.size(), got.data(),
        outStride * 4, shape.rows, shape.choices, shape.cols, shape.groups,
        shape.experts, accumulate, scratch.data());
    for (unsigned r = 0; r < shape.rows; ++r)
      for (unsigned c = 0; c < shape.cols; ++c) {
        float sum = 0;
        for (unsigned j = 0; j < shape.choices; ++j)
          if (combines)
            sum = std::fma(combine[r * idStride + j], product(r, j, c), sum);
          else
            want[(r * shape.choices + j) * outStride + c] = product(r, j, c);
        if (!combines)
          continue;
        float &out = want[r * outStride + c];
        out = accumulate ? sum + out : sum;
      }
    ASSERT_TRUE(sameRow(got.data(), want.data(), got.size()))
        << kernelName(key, Isa::AVX2) << " rows " << shape.rows << " experts "
        << shape.experts << " choices " << shape.choices << " cols "
        << shape.cols << " groups " << shape.groups << " combines " << combines
        << " accumulate " << accumulate << " wild " << wild;
  }
}

TEST_P(ExpertTest, GroupedLinear) {
  auto keyOf = [](Encoding weights, unsigned group, Encoding x) {
    KernelKey key{Kernel::GroupedLinear};
    key.weights = weights;
    key.group = group;
    key.activations = x;
    return key;
  };
  for (const KernelKey &key : {keyOf(Encoding::F32, 8, Encoding::F32),
                               keyOf(Encoding::BF16, 7, Encoding::F32),
                               keyOf(Encoding::F16, 32, Encoding::F32),
                               keyOf(Encoding::Q4_0, 32, Encoding::F32),
                               keyOf(Encoding::Q4_1, 32, Encoding::A8),
                               keyOf(Encoding::Q8_0, 32, Encoding::A8)}) {
    auto *run = kernel<GroupedLinearFn>(key);
    unsigned seed = 0;
    for (Shape shape :
         {Shape{1, 4, 2, 40, 3}, Shape{1, 8, 3, 115, 2}, Shape{1, 2, 2, 16, 1},
          Shape{2, 3, 1, 33, 2}, Shape{5, 8, 2, 64, 3}, Shape{13, 5, 4, 20, 2},
          Shape{40, 4, 2, 31, 1}, Shape{3, 1, 1, 5, 2}})
      for (bool combines : {false, true})
        for (bool wild : {false, true})
          checkGrouped(run, key, shape, combines, wild, ++seed);
  }
}

ESPALIER_ALL_WAYS(ExpertTest);

} // namespace
