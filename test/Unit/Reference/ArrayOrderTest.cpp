//===- ArrayOrderTest.cpp - Models in the order of the accelerator --------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Entries 26 to 29 of docs/numerics.md: one sum at a time against the fast
/// loops, whole models however their rows are grouped, and how far their logits
/// are from those of the CPU's order.
///
//===----------------------------------------------------------------------===//
#include "ModelTest.h"
#include "Numerics/Numerics.h"

#include "espalier/Support/Elementary.h"
#include "espalier/Support/Half.h"

#include <cstring>
#include <random>

using namespace espalier;
using namespace espalier::reference;

namespace {

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

float toBf16(float x) { return bf16ToFloat(floatToBf16(x)); }

class ArrayNumericsTest : public testing::TestWithParam<size_t> {
protected:
  void TearDown() override { portableOnly = false; }

  std::vector<float> rounded(size_t count) {
    std::uniform_real_distribution<float> spread(-2, 2);
    std::vector<float> out(count);
    for (float &value : out)
      value = toBf16(spread(random));
    return out;
  }

  /// The sum of products at equal places of two strided lists.
  float runs(const float *a, const float *b, size_t n, size_t step) {
    float acc = 0, chain = 0;
    for (size_t k = 0; k < n; ++k) {
      if (k % GetParam() == 0 && k > 0) {
        acc = acc + chain;
        chain = 0;
      }
      chain = std::fmaf(a[k], b[k * step], chain);
    }
    return acc + chain;
  }

  std::mt19937 random{7};
};

TEST_P(ArrayNumericsTest, Linear) {
  for (size_t k : {1, 5, 64, 130}) {
    size_t n = 37, rows = 6;
    std::vector<float> x = rounded(rows * k), w = rounded(n * k);
    std::vector<float> bias = rounded(n), residual = rounded(rows * n);
    DecodedMatrix matrix =
        decodeMatrix(Encoding::F32, 1, 1, n, k,
                     reinterpret_cast<const uint8_t *>(w.data()), 1);
    std::vector<float> expected(rows * n);
    for (size_t r = 0; r < rows; ++r)
      for (size_t i = 0; i < n; ++i)
        expected[r * n + i] =
            (runs(&x[r * k], &w[i * k], k, 1) + bias[i]) + residual[r * n + i];
    for (bool portable : {false, true}) {
      portableOnly = portable;
      std::vector<float> got(rows * n);
      LinearCall call;
      call.weight = &matrix;
      call.run = GetParam();
      call.rows = rows;
      call.n = n;
      call.x = x.data();
      call.bias = bias.data();
      call.residual = residual.data();
      call.y = got.data();
      linear(call, 2);
      EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * 4), 0)
          << "k " << k << " portable " << portable;
    }
  }
}

TEST_P(ArrayNumericsTest, RoundMatrix) {
  std::uniform_real_distribution<float> spread(-2, 2);
  size_t n = 21, k = 33;
  std::vector<float> w(n * k);
  for (float &value : w)
    value = spread(random);
  DecodedMatrix matrix =
      decodeMatrix(Encoding::F32, 1, 1, n, k,
                   reinterpret_cast<const uint8_t *>(w.data()), 1);
  DecodedMatrix got = roundMatrix(matrix, 2);
  EXPECT_EQ(got.encoding, Encoding::BF16);
  for (size_t row = 0; row < n; ++row)
    for (size_t column = 0; column < k; ++column)
      ASSERT_EQ(got.at(row, column), toBf16(w[row * k + column]));
}

TEST_P(ArrayNumericsTest, Attention) {
  constexpr float log2e = 0x1.715476p+0f;
  for (size_t count : {1, 16, 70, 300})
    for (size_t first : {size_t(0), count / 3}) {
      size_t dim = 24;
      std::vector<float> q = rounded(dim), k = rounded(count * dim),
                         v = rounded(count * dim);
      AttentionParameters parameters;
      parameters.scale = 0.2f;
      parameters.first = first;
      std::vector<float> p(count), expected(dim);
      float m = -INFINITY;
      for (size_t t = first; t < count; ++t) {
        float c = parameters.scale * log2e;
        p[t] = runs(q.data(), &k[t * dim], dim, 1) * c;
        m = p[t] > m ? p[t] : m;
      }
      for (size_t t = first; t < count; ++t)
        p[t] = toBf16(exp2Exact(p[t] - m));
      // Whatever stands at positions that are not seen enters as +0.
      std::vector<float> selected = v;
      std::fill(selected.begin(), selected.begin() + first * dim, 0.0f);
      float inverse = 1 / sum16(p.data(), count);
      for (size_t d = 0; d < dim; ++d)
        expected[d] = runs(p.data(), &selected[d], count, dim) * inverse;
      std::vector<const float *> keys(count), values(count);
      for (size_t t = first; t < count; ++t) {
        keys[t] = &k[t * dim];
        values[t] = &v[t * dim];
      }
      for (bool portable : {false, true}) {
        portableOnly = portable;
        std::vector<float> got(dim);
        attentionInRuns(q.data(), dim, keys, values, parameters, GetParam(),
                        got.data());
        EXPECT_EQ(std::memcmp(got.data(), expected.data(), dim * 4), 0)
            << "count " << count << " first " << first << " portable "
            << portable;
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, ArrayNumericsTest,
                         testing::Values(1, 7, 16, 128, 1024));

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

std::string bundled() { return ESPALIER_MODELS "/stories-5.5m"; }

std::string pipeline(unsigned rows, const std::string &also = "") {
  return "xf-select-kv-layout{element-type=bf16 layout=rows}" + also +
         ",xf-round-for-array{rows=" + std::to_string(rows) + "}";
}

struct Case {
  const char *name;
  std::string path;
  /// Of the largest logit, by which logits may differ from the CPU's order;
  /// more where that one quantises the activations of a random model.
  double bound;
};

void PrintTo(const Case &c, std::ostream *os) { *os << c.name; }

std::vector<Case> cases() {
  return {{"llama", goldenFolder("llama"), 0.04},
          {"qwen2", goldenFolder("qwen2"), 0.04},
          {"q8_0", goldenFolder("gguf-q8_0") + "/model.gguf", 0.08},
          {"q4_1", goldenFolder("gguf-q4_1") + "/model.gguf", 0.08},
          {"stories", bundled(), 0.04}};
}

class ArrayOrderTest : public testing::TestWithParam<Case> {
protected:
  std::vector<int32_t> tokens(size_t count, uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<int32_t> out(count);
    for (int32_t &token : out)
      token = int32_t(random() % 256);
    return out;
  }
};

// Logits and hidden states have the same bits for any grouping of the rows, any
// tree and any packing of the weights, but not for another array.
TEST_P(ArrayOrderTest, SameBits) {
  std::vector<int32_t> prompt = tokens(21, 3);
  std::vector<float> logits, hidden;
  LoweredModel whole(GetParam().path, pipeline(16), {.threads = 2});
  whole.run(prompt, prompt.size(), logits, hidden);
  ASSERT_EQ(whole.error, "");
  auto expectSame = [&](const std::vector<float> &gotLogits,
                        const std::vector<float> &gotHidden) {
    ASSERT_EQ(gotLogits.size(), logits.size());
    ASSERT_EQ(gotHidden.size(), hidden.size());
    EXPECT_EQ(std::memcmp(gotLogits.data(), logits.data(), logits.size() * 4),
              0);
    EXPECT_EQ(std::memcmp(gotHidden.data(), hidden.data(), hidden.size() * 4),
              0);
  };
  for (size_t chunk : {1, 5}) {
    LoweredModel model(GetParam().path, pipeline(16, ",xf-pack-weights"));
    std::vector<float> gotLogits, gotHidden;
    model.run(prompt, chunk, gotLogits, gotHidden);
    ASSERT_EQ(model.error, "");
    expectSame(gotLogits, gotHidden);
  }

  // The second half as the second branch of a tree.
  LoweredModel model(GetParam().path, pipeline(16));
  std::vector<float> gotLogits, gotHidden;
  size_t half = prompt.size() / 2, rest = prompt.size() - half;
  model.run({prompt.begin(), prompt.begin() + half}, half, gotLogits,
            gotHidden);
  ASSERT_EQ(model.error, "");
  std::vector<InputRow> rows(2 * rest);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].token = prompt[half + i % rest] + (i < rest);
    if (i % rest == 0)
      rows[i].parent = InputRow::root;
    else if (i >= rest)
      rows[i].parent = int32_t(i) - 1;
  }
  model.add(model.interpreter->step(rows), rest, rest, gotLogits, gotHidden);
  ASSERT_EQ(model.error, "");
  expectSame(gotLogits, gotHidden);

  LoweredModel other(GetParam().path, pipeline(8));
  std::vector<float> otherLogits, otherHidden;
  other.run(prompt, prompt.size(), otherLogits, otherHidden);
  ASSERT_EQ(other.error, "");
  EXPECT_NE(std::memcmp(otherLogits.data(), logits.data(), logits.size() * 4),
            0);
}

// How far the two orders are from each other, with what each of them rounds.
TEST_P(ArrayOrderTest, DistanceFromCpuOrder) {
  std::vector<int32_t> prompt = tokens(64, 4);
  std::vector<float> logits, expected, hidden;
  LoweredModel cpu(GetParam().path,
                   "xf-quantize-activations,xf-select-kv-layout",
                   {.threads = 2});
  cpu.run(prompt, prompt.size(), expected, hidden);
  ASSERT_EQ(cpu.error, "");
  LoweredModel array(GetParam().path, pipeline(128), {.threads = 2});
  array.run(prompt, prompt.size(), logits, hidden);
  ASSERT_EQ(array.error, "");
  double error = relativeError(logits, expected);
  RecordProperty("largest_difference", std::to_string(error));
  EXPECT_LE(error, GetParam().bound);
  EXPECT_GT(error, 0);
}

INSTANTIATE_TEST_SUITE_P(Models, ArrayOrderTest, testing::ValuesIn(cases()),
                         [](const auto &info) { return info.param.name; });

// The bundled model tells the story that it tells on the CPU, up to the first
// token for which two are nearly as likely.
TEST(ArrayOrderStoriesTest, GreedyTokensOfTheBundledModel) {
  const std::vector<std::vector<int32_t>> prompts = {
      {4094, 3420, 641, 258, 547},
      {4094, 1196, 308, 769, 258, 755, 431, 342},
      {4094, 1278, 259, 755, 342, 880, 3119, 11, 269, 415},
      {4094, 32, 3138, 259, 755, 1190, 2174, 11, 269, 330},
      {4094, 2881, 310, 640, 318, 310, 489, 1028, 2537, 81, 582},
      {4094, 781, 259, 750, 1244, 342, 3293, 271, 332, 2168, 344},
      {4094, 1815, 793, 330, 259, 755, 677, 259, 2336, 278, 308},
      {4094, 343, 1244, 1711, 332, 2525, 276, 1542, 306, 11, 384},
      {4094, 343, 580, 3939, 376, 898, 269, 3408, 1087, 11, 384},
      {4094, 1196, 316, 985, 1013, 288, 259, 2651, 905, 360, 3939},
      {4094, 51, 1724, 1343, 316, 11, 269, 804, 259, 3530, 1090},
      {4094, 343, 1244, 308, 2973, 276, 1042, 491, 259, 2289, 342},
      {4094, 1196, 278, 3190, 259, 779, 297, 2713, 280, 269, 2754},
      {4094, 343, 1244, 835, 412, 641, 332, 1913, 11, 269, 313},
      {4094, 82, 828, 259, 1244, 11, 352, 1125, 365, 1735, 313},
      {4094, 2167, 937, 11, 428, 259, 755, 545, 412, 276},
      {4094, 2139, 567, 2346, 278, 822, 450, 269, 2419, 11},
      {4094, 51, 299, 399, 2344, 1691, 258, 1025, 2916, 1242},
      {4094, 781, 259, 1244, 2343, 269, 986, 480, 271, 1134},
      {4094, 343, 1557, 308, 533, 276, 2545, 415, 288, 259},
      {4094, 1137, 259, 3530, 1062, 799, 318, 11, 278, 365},
      {4094, 551, 543, 617, 310, 489, 816, 11, 318, 313},
      {4094, 66, 577, 259, 1244, 11, 269, 555, 3254, 332},
      {4094, 343, 580, 308, 1179, 269, 898, 269, 3408, 3520},
      {4094, 343, 755, 496, 356, 1123, 355, 276, 417, 11},
      {4094, 933, 278, 3110, 258, 490, 3821, 365, 259, 2289},
      {4094, 40, 393, 1420, 678, 3119, 1702, 11, 269, 572}};
  constexpr size_t steps = 32;
  struct Step {
    int32_t expected, got;
    float gap;
  };
  std::vector<std::vector<Step>> told;
  float largest = 0, difference = 0;
  for (const std::vector<int32_t> &prompt : prompts) {
    LoweredModel cpu(bundled(), "xf-quantize-activations,xf-select-kv-layout",
                     {.threads = 2});
    LoweredModel array(bundled(), pipeline(128), {.threads = 2});
    std::vector<int32_t> next = prompt;
    told.emplace_back();
    while (told.back().size() < steps) {
      std::vector<float> expected, got, hidden;
      cpu.run(next, next.size(), expected, hidden);
      array.run(next, next.size(), got, hidden);
      ASSERT_EQ(cpu.error, "");
      ASSERT_EQ(array.error, "");
      for (size_t i = 0; i < got.size(); ++i) {
        largest = std::max(largest, std::fabs(expected[i]));
        difference = std::max(difference, std::fabs(got[i] - expected[i]));
      }
      const float *last = expected.data() + expected.size() - cpu.vocabulary;
      int32_t token = greedyToken(last, cpu.vocabulary);
      float gap = INFINITY;
      for (size_t i = 0; i < cpu.vocabulary; ++i)
        if (int32_t(i) != token)
          gap = std::min(gap, last[token] - last[i]);
      told.back().push_back(
          {token,
           greedyToken(got.data() + got.size() - cpu.vocabulary,
                       cpu.vocabulary),
           gap});
      next = {token};
    }
  }
  size_t compared = 0;
  for (const std::vector<Step> &story : told)
    for (const Step &step : story) {
      if (step.gap < 2 * difference)
        break;
      EXPECT_EQ(step.got, step.expected);
      ++compared;
    }
  RecordProperty("largest_difference", std::to_string(difference));
  RecordProperty("compared", std::to_string(compared));
  EXPECT_LE(difference, 0.04f * largest);
  EXPECT_GE(compared, 64u);
}

} // namespace
