//===- ElementaryTest.cpp - Error and bits of the elementary functions ----===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/Elementary.h"
#include "espalier/Support/Hash.h"

#include <gtest/gtest.h>
#include <vector>

using namespace espalier;

namespace {

/// The distance of `got` from `want`, in units of want's last float32 place.
double ulps(float got, long double want) {
  int exponent;
  std::frexp(std::fabs(want), &exponent);
  if (exponent < -125)
    exponent = -125;
  return double(std::fabs(got - want) * std::ldexp(1.0L, 24 - exponent));
}

template <typename F, typename G>
double largestError(F f, G exact, float low, float high, uint32_t step) {
  double largest = 0;
  for (uint32_t b = std::bit_cast<uint32_t>(low);
       b <= std::bit_cast<uint32_t>(high); b += step) {
    float x = std::bit_cast<float>(b);
    for (float s : {x, -x}) {
      double e = ulps(f(s), exact((long double)s));
      if (!(e <= largest)) // a NaN is as far off as can be
        largest = std::isnan(e) ? INFINITY : e;
    }
  }
  return largest;
}

} // namespace

TEST(Elementary, Exp2) {
  auto exact = [](long double x) { return std::exp2(x); };
  EXPECT_LE(largestError(exp2Exact, exact, 0x1p-27f, 0.5f, 4099), 0.80);
  EXPECT_LE(largestError(exp2Exact, exact, 0.5f, 125.5f, 1009), 0.80);
  EXPECT_LE(largestError([](float x) { return exp2Exact(-std::fabs(x)); },
                         [](long double x) { return std::exp2(-std::fabs(x)); },
                         125.5f, 149.0f, 101),
            0.87);
}

TEST(Elementary, Exp2AtTheEdges) {
  for (int n = -149; n <= 127; ++n)
    EXPECT_EQ(exp2Exact(float(n)), std::ldexp(1.0f, n)) << n;
  EXPECT_EQ(exp2Exact(0.0f), 1.0f);
  EXPECT_EQ(exp2Exact(-0.0f), 1.0f);
  EXPECT_EQ(exp2Exact(-INFINITY), 0.0f);
  EXPECT_FALSE(std::signbit(exp2Exact(-INFINITY)));
  EXPECT_EQ(exp2Exact(-150.0f), 0.0f);
  EXPECT_EQ(exp2Exact(-149.5f), 0x1p-149f);
  EXPECT_EQ(exp2Exact(128.0f), INFINITY);
  EXPECT_EQ(exp2Exact(INFINITY), INFINITY);
  EXPECT_LT(exp2Exact(127.99999f), INFINITY);
  EXPECT_TRUE(std::isnan(exp2Exact(NAN)));
}

TEST(Elementary, Exp2IsInOrderButForTheLastBit) {
  for (uint32_t b = std::bit_cast<uint32_t>(0x1p-3f);
       b < std::bit_cast<uint32_t>(0.5f); b += 64) {
    float x = std::bit_cast<float>(b), y = std::bit_cast<float>(b + 1);
    ASSERT_LE(exp2Exact(x), exp2Exact(y) + 0x1p-23f);
    ASSERT_LE(exp2Exact(-y), exp2Exact(-x) + 0x1p-24f);
  }
}

TEST(Elementary, Silu) {
  EXPECT_EQ(siluExact(0.0f), 0.0f);
  EXPECT_EQ(siluExact(200.0f), 200.0f);
  EXPECT_TRUE(std::isnan(siluExact(NAN)));
  for (float x = 0.0078125f; x < 60; x *= 1.01f)
    EXPECT_LE(ulps(siluExact(x), x / (1 + std::exp(-(long double)x))), 1.6);
}

TEST(Elementary, Tanh) {
  auto exact = [](long double x) { return std::tanh(x); };
  EXPECT_LE(largestError(tanhExact, exact, 1e-30f, 0.625f, 4099), 1.64);
  EXPECT_LE(largestError(tanhExact, exact, 0.625f, 20.0f, 401), 1.64);
  EXPECT_EQ(tanhExact(INFINITY), 1.0f);
  EXPECT_EQ(tanhExact(-INFINITY), -1.0f);
  EXPECT_TRUE(std::signbit(tanhExact(-0.0f)));
  EXPECT_TRUE(std::isnan(tanhExact(NAN)));
}

TEST(Elementary, Erf) {
  auto exact = [](long double x) { return std::erf(x); };
  EXPECT_LE(largestError(erfExact, exact, 1e-30f, 1.0f, 4099), 1.18);
  EXPECT_LE(largestError(erfExact, exact, 1.0f, 5.0f, 401), 1.18);
  EXPECT_EQ(erfExact(INFINITY), 1.0f);
  EXPECT_EQ(erfExact(-INFINITY), -1.0f);
  EXPECT_TRUE(std::isnan(erfExact(NAN)));
}

TEST(Elementary, SinCos) {
  auto sine = [](long double x) { return std::sin(x); };
  auto cosine = [](long double x) { return std::cos(x); };
  EXPECT_LE(largestError(sinExact, sine, 1e-10f, 2147483520.0f, 4099), 0.5001);
  EXPECT_LE(largestError(cosExact, cosine, 1e-10f, 2147483520.0f, 4099),
            0.5001);
  EXPECT_EQ(cosExact(0.0f), 1.0f);
  EXPECT_EQ(sinExact(-0.0f), 0.0f);
  for (float x : {0x1p31f, -0x1p31f, INFINITY, -INFINITY, NAN}) {
    EXPECT_TRUE(std::isnan(sinExact(x)));
    EXPECT_TRUE(std::isnan(cosExact(x)));
  }
}

// The bits themselves, at 65,536 arguments each: a change of these values
// changes every compiled model and needs a new version of the order.
TEST(Elementary, Bits) {
  auto hashOf = [](float (*f)(float)) {
    Hasher hasher;
    for (uint32_t i = 0; i < 65536; ++i) {
      float y = f(std::bit_cast<float>((i << 16) | 0x5a5a));
      if (std::isnan(y))
        y = 0; // the payload of a NaN is not ours
      uint32_t bits = std::bit_cast<uint32_t>(y);
      hasher.update(std::span(reinterpret_cast<const uint8_t *>(&bits), 4));
    }
    return hasher.finish().hex();
  };
  EXPECT_EQ(hashOf(exp2Exact), "41db9a7dbf6afc9e97e62a5d29e8bebe");
  EXPECT_EQ(hashOf(siluExact), "4084c562b5fcee2ba488530ab552167a");
  EXPECT_EQ(hashOf(tanhExact), "6057436da6fbf2a1ed3ad2508bf1ad16");
  EXPECT_EQ(hashOf(erfExact), "ead0976aa50116148108a52c0078b350");
  EXPECT_EQ(hashOf(sinExact), "71e3d2d5b72e72174f4aa03918ae9c8b");
  EXPECT_EQ(hashOf(cosExact), "c9855e05c8eee4597594c4cf64d8500a");
}
