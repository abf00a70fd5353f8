//===- NumericsTest.cpp - Fast loops against one sum at a time ------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Numerics/Numerics.h"

#include "espalier/Support/Elementary.h"
#include "espalier/Support/Half.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace espalier;
using namespace espalier::reference;

namespace {

/// Equal bits, but any NaN equals any other.
bool same(const std::vector<float> &a, const std::vector<float> &b) {
  if (a.size() != b.size())
    return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], 4) != 0 &&
        !(std::isnan(a[i]) && std::isnan(b[i])))
      return false;
  return true;
}

class NumericsTest : public testing::Test {
protected:
  void TearDown() override { portableOnly = false; }

  std::vector<float> floats(size_t count) {
    std::uniform_real_distribution<float> spread(-2, 2);
    std::vector<float> out(count);
    for (float &value : out)
      value = spread(random);
    return out;
  }

  /// Checkpoint bytes of an [n, k] matrix.
  std::vector<uint8_t> matrix(Encoding encoding, size_t n, size_t k) {
    unsigned group = isBlockEncoding(encoding) ? 32 : 1;
    size_t bytes = *panelBytes(encoding, 1, group);
    std::vector<uint8_t> out(n * (k / group) * bytes);
    for (uint8_t &byte : out)
      if ((byte = uint8_t(random())) == 0x80) // no code of q8_0
        byte = 0x7f;
    for (size_t at = 0; at < out.size(); at += bytes) {
      float value = floats(1)[0];
      uint16_t half =
          encoding == Encoding::BF16 ? floatToBf16(value) : floatToF16(value);
      if (encoding == Encoding::F32)
        std::memcpy(&out[at], &value, 4);
      else
        std::memcpy(&out[at], &half, 2);
      if (encoding == Encoding::Q4_1)
        std::memcpy(&out[at + 2], &half, 2);
    }
    return out;
  }

  std::mt19937 random{1};
};

/// Entries 4 to 6, one output at a time, from the bytes of the checkpoint.
float oneOutput(Encoding encoding, const uint8_t *row, size_t k, const float *x,
                const uint8_t *quantized) {
  unsigned group = isBlockEncoding(encoding) ? 32 : 1;
  size_t bytes = *panelBytes(encoding, 1, group);
  float acc = 0;
  for (size_t g = 0; g < k / group; ++g) {
    if (!quantized) {
      float w[32];
      decodePanelColumn(encoding, 1, group, row + g * bytes, 0, w);
      for (unsigned i = 0; i < group; ++i)
        acc = std::fma(x[g * group + i], w[i], acc);
      continue;
    }
    DecodedGroup w = decodePanelCodes(encoding, 1, row + g * bytes, 0);
    DecodedGroup a =
        decodePanelCodes(Encoding::A8, 1, quantized + g * a8::bytes, 0);
    int32_t dot = 0, sum = 0;
    for (unsigned i = 0; i < 32; ++i) {
      dot += int32_t(w.codes[i]) * a.codes[i];
      sum += a.codes[i];
    }
    float scale = w.d * a.d;
    acc = std::fma(scale, float(dot), acc);
    if (encoding == Encoding::Q4_1) {
      float scaledSum = float(sum) * a.d;
      acc = std::fma(w.m, scaledSum, acc);
    }
  }
  return acc;
}

TEST_F(NumericsTest, LinearIsOneChainPerOutput) {
  const size_t rows = 7, n = 37, k = 96;
  std::vector<float> x = floats(rows * k), bias = floats(n),
                     residual = floats(rows * n);
  std::vector<uint8_t> quantized(rows * k / 32 * a8::bytes);
  for (size_t g = 0; g < rows * k / 32; ++g)
    quantizeActivations(&x[g * 32], &quantized[g * a8::bytes]);
  for (Encoding encoding : {Encoding::F32, Encoding::F16, Encoding::BF16,
                            Encoding::Q8_0, Encoding::Q4_0, Encoding::Q4_1})
    for (bool useCodes : {false, true}) {
      if (useCodes && !isBlockEncoding(encoding))
        continue;
      unsigned group = isBlockEncoding(encoding) ? 32 : 1;
      std::vector<uint8_t> bytes = matrix(encoding, n, k);
      DecodedMatrix decoded =
          decodeMatrix(encoding, 1, group, n, k, bytes.data(), 2);
      // A part of the outputs, that begins within a strip.
      for (auto [first, count] : {std::pair<size_t, size_t>{0, n}, {5, 20}}) {
        std::vector<float> expected;
        for (size_t r = 0; r < rows; ++r)
          for (size_t o = 0; o < count; ++o) {
            float value = oneOutput(
                encoding, &bytes[(first + o) * (bytes.size() / n)], k,
                &x[r * k],
                useCodes ? &quantized[r * k / 32 * a8::bytes] : nullptr);
            value = value + bias[o];
            expected.push_back(value + residual[r * count + o]);
          }
        for (bool portable : {false, true}) {
          portableOnly = portable;
          std::vector<float> y(rows * count);
          LinearCall call{&decoded,
                          rows,
                          first,
                          count,
                          useCodes ? nullptr : x.data(),
                          useCodes ? quantized.data() : nullptr,
                          bias.data(),
                          residual.data(),
                          y.data()};
          linear(call, 2);
          EXPECT_TRUE(same(y, expected))
              << encodingName(encoding) << " from " << first << " codes "
              << useCodes << " portable " << portable;
        }
      }
    }
}

/// Entry 11, one sum at a time.
std::vector<float> slowAttention(const std::vector<float> &q,
                                 const std::vector<const float *> &keys,
                                 const std::vector<const float *> &values,
                                 const AttentionParameters &terms) {
  size_t dim = q.size();
  constexpr float log2e = 0x1.715476p+0f;
  float c = terms.cap ? terms.scale / *terms.cap : terms.scale * log2e;
  float m = -std::numeric_limits<float>::infinity(), l = 0;
  std::vector<float> o(dim);
  for (size_t first = 0; first < keys.size(); first += 64) {
    auto seen = [&](size_t i) {
      return first + i >= terms.first && first + i < keys.size();
    };
    std::vector<float> p(64);
    float mb = -std::numeric_limits<float>::infinity();
    bool any = false;
    for (size_t i = 0; i < 64; ++i) {
      if (!seen(i))
        continue;
      any = true;
      float score = 0;
      for (size_t d = 0; d < dim; ++d)
        score = std::fma(q[d], keys[first + i][d], score);
      p[i] = score * c;
      if (terms.cap) {
        float top = *terms.cap * log2e;
        p[i] = tanhExact(p[i]) * top;
      }
      if (terms.slope) {
        float slope = *terms.slope * log2e;
        float distance = float(first + i) - float(keys.size() - 1);
        p[i] = std::fma(distance, slope, p[i]);
      }
      mb = p[i] > mb ? p[i] : mb;
    }
    if (!any)
      continue;
    for (size_t i = 0; i < 64; ++i)
      p[i] = seen(i) ? exp2Exact(p[i] - mb) : 0;
    float larger = mb > m ? mb : m;
    float a = exp2Exact(m - larger), b = exp2Exact(mb - larger);
    float weighted = sum16(p.data(), 64) * b;
    l = std::fma(l, a, weighted);
    for (size_t d = 0; d < dim; ++d) {
      float ob = 0;
      for (size_t i = 0; i < 64; ++i)
        ob = std::fma(p[i], seen(i) ? values[first + i][d] : 0, ob);
      float scaled = ob * b;
      o[d] = std::fma(o[d], a, scaled);
    }
    m = larger;
  }
  for (float &value : o)
    value = value * (1 / l);
  return o;
}

TEST_F(NumericsTest, AttentionSumsBlocksAndMergesThem) {
  for (size_t dim : {16, 24, 64})
    for (size_t count : {1, 63, 64, 65, 200}) {
      std::vector<float> q = floats(dim), k = floats(dim * count),
                         v = floats(dim * count);
      std::vector<const float *> keys, values;
      for (size_t t = 0; t < count; ++t) {
        keys.push_back(&k[t * dim]);
        values.push_back(&v[t * dim]);
      }
      for (AttentionParameters terms : {AttentionParameters{0.125f, 0, {}, {}},
                                        {0.125f, count / 3, {}, {}},
                                        {0.125f, count - 1, {}, 0.25f},
                                        {0.125f, 0, 5.0f, {}},
                                        {0.125f, count * 2 / 3, 5.0f, -0.3f}}) {
        std::vector<float> expected = slowAttention(q, keys, values, terms);
        for (bool portable : {false, true}) {
          portableOnly = portable;
          std::vector<float> y(dim);
          attention(q.data(), dim, keys, values, terms, y.data());
          EXPECT_TRUE(same(y, expected))
              << dim << " " << count << " from " << terms.first;
        }
      }
      k[count / 2 * dim] = NAN; // a score that is no number
      attention(q.data(), dim, keys, values, {0.125f, 0, {}, {}}, q.data());
      EXPECT_TRUE(std::ranges::all_of(q, [](float x) { return std::isnan(x); }))
          << dim << " " << count;
    }
}

TEST_F(NumericsTest, PackedPanelsDecodeToTheSameMatrix) {
  const size_t n = 21, k = 64;
  for (Encoding encoding : {Encoding::F16, Encoding::Q8_0, Encoding::Q4_1}) {
    unsigned group = 32;
    size_t bytes = *panelBytes(encoding, 1, group);
    std::vector<uint8_t> plain = matrix(encoding, n, k);
    size_t packedBytes = *panelBytes(encoding, 16, group);
    std::vector<uint8_t> packed(2 * (k / group) * packedBytes);
    for (size_t p = 0; p < 2; ++p)
      for (size_t g = 0; g < k / group; ++g) {
        const uint8_t *sources[16];
        for (size_t c = 0; c < 16; ++c)
          sources[c] = p * 16 + c < n
                           ? &plain[((p * 16 + c) * (k / group) + g) * bytes]
                           : nullptr;
        ASSERT_TRUE(packPanel16(encoding, group,
                                std::span<const uint8_t *const, 16>(sources),
                                &packed[(p * (k / group) + g) * packedBytes]));
      }
    DecodedMatrix a = decodeMatrix(encoding, 1, group, n, k, plain.data(), 1);
    DecodedMatrix b = decodeMatrix(encoding, 16, group, n, k, packed.data(), 1);
    for (size_t row = 0; row < n; ++row)
      for (size_t i = 0; i < k; ++i)
        ASSERT_EQ(a.at(row, i), b.at(row, i)) << row << " " << i;
  }
}

} // namespace
