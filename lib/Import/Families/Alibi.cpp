//===- Alibi.cpp - Slopes in the place of positions -------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Head h of n, a power of two, has the slope 2^(-8 (h + 1) / n). Of another
/// number of heads the first ones are those of the power of two below, and the
/// rest every second one of the power above. docs/numerics.md, entry
/// attention, says how they are computed: no function of libm, whose bits
/// differ from one host to the next.
///
//===----------------------------------------------------------------------===//
#include "Families.h"

#include <bit>
#include <cmath>

namespace espalier::parts {

/// 2^(-numerator / 2^bits), by square roots and products of float64.
static double inversePower(uint64_t numerator, unsigned bits) {
  double slope = 1, root = 0.5;
  for (unsigned i = 1; i <= bits; ++i) {
    root = std::sqrt(root);
    if (numerator >> (bits - i) & 1)
      slope = slope * root;
  }
  return std::ldexp(slope, -int(numerator >> bits));
}

std::vector<float> alibiSlopes(uint64_t heads) {
  uint64_t below = std::bit_floor(heads);
  auto slope = [](uint64_t h, uint64_t of) {
    // 8 (h + 1) / of; of fewer than 8 heads, a whole number.
    uint64_t numerator = 8 * (h + 1);
    unsigned bits = unsigned(std::countr_zero(of));
    return float(inversePower(numerator, bits));
  };
  std::vector<float> slopes;
  for (uint64_t h = 0; h < heads; ++h)
    slopes.push_back(h < below ? slope(h, below)
                               : slope(2 * (h - below), 2 * below));
  return slopes;
}

} // namespace espalier::parts
