//===- HalfTest.cpp - Every pattern of f16 and bf16 -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/Half.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace espalier;

/// The value of a finite f16 pattern, from the format's definition.
static double valueOf(uint16_t bits) {
  int exponent = (bits >> 10) & 31, fraction = bits & 1023;
  double magnitude = exponent ? std::ldexp(1024 + fraction, exponent - 25)
                              : std::ldexp(fraction, -24);
  return bits & 0x8000 ? -magnitude : magnitude;
}

TEST(Half, WidensEveryF16Pattern) {
  for (uint32_t i = 0; i < 65536; ++i) {
    float got = f16ToFloat(uint16_t(i));
    if (((i >> 10) & 31) != 31) {
      ASSERT_EQ(double(got), valueOf(uint16_t(i))) << i;
      ASSERT_EQ(std::signbit(got), (i & 0x8000) != 0) << i;
    } else if (i & 1023) {
      ASSERT_TRUE(std::isnan(got)) << i;
    } else {
      ASSERT_EQ(got, i & 0x8000 ? -INFINITY : INFINITY);
    }
  }
}

TEST(Half, NarrowsEveryF16PatternBack) {
  for (uint32_t i = 0; i < 65536; ++i) {
    uint16_t back = floatToF16(f16ToFloat(uint16_t(i)));
    if (((i >> 10) & 31) == 31 && (i & 1023))
      ASSERT_TRUE(((back >> 10) & 31) == 31 && (back & 1023)) << i;
    else
      ASSERT_EQ(back, i);
  }
}

TEST(Half, NarrowsMidpointsToEven) {
  for (uint32_t i = 0; i < 0x7bff; ++i) {
    float low = f16ToFloat(uint16_t(i)), high = f16ToFloat(uint16_t(i + 1));
    float middle = 0.5f * (low + high); // exact in float32
    ASSERT_EQ(floatToF16(middle), i & 1 ? i + 1 : i) << i;
    ASSERT_EQ(floatToF16(std::nextafterf(middle, low)), i);
    ASSERT_EQ(floatToF16(std::nextafterf(middle, high)), i + 1);
    ASSERT_EQ(floatToF16(-middle), 0x8000u | (i & 1 ? i + 1 : i));
  }
  EXPECT_EQ(floatToF16(65519.996f), 0x7bff);
  EXPECT_EQ(floatToF16(65520.0f), 0x7c00);
  EXPECT_EQ(floatToF16(0x1p-25f), 0);
}

TEST(Half, Bf16) {
  for (uint32_t i = 0; i < 65536; ++i) {
    float wide = bf16ToFloat(uint16_t(i));
    if (std::isnan(wide))
      ASSERT_TRUE(std::isnan(bf16ToFloat(floatToBf16(wide)))) << i;
    else
      ASSERT_EQ(floatToBf16(wide), i);
  }
  auto narrow = [](uint32_t b) { return floatToBf16(std::bit_cast<float>(b)); };
  EXPECT_EQ(narrow(0x3f808000), 0x3f80); // tie, to even
  EXPECT_EQ(narrow(0x3f818000), 0x3f82);
  EXPECT_EQ(narrow(0x3f808001), 0x3f81);
  EXPECT_EQ(narrow(0x7f7fffff), 0x7f80); // overflow
  EXPECT_EQ(narrow(0x7f800001) & 0x7fff, 0x7fc0);
}
