//===- Logarithm.cpp - ln to the last bit ---------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "espalier/Support/Logarithm.h"

#include <bit>
#include <cmath>
#include <cstdint>

namespace espalier {

double logExact(double x) {
  // x = m * 2^e with m in [sqrt(1/2), sqrt(2)) or so, as bits.
  uint64_t bits = std::bit_cast<uint64_t>(x) - 0x3fe6a09e00000000u;
  double e = double(int64_t(bits) >> 52);
  double m =
      std::bit_cast<double>((bits & 0x000fffffffffffffu) + 0x3fe6a09e00000000u);
  // ln m = 2 artanh(s), by its series: |s| < 0.172 leaves out less than 2^-56.
  static constexpr double c[] = {1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9,
                                 1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17,
                                 1.0 / 19, 1.0 / 21};
  double s = (m - 1) / (m + 1);
  double s2 = s * s;
  double p = c[9];
  for (int i = 8; i >= 0; --i)
    p = std::fma(p, s2, c[i]);
  double low = std::fma(e, 0x1.abc9e3b39803fp-56, 2 * s * s2 * p);
  return std::fma(e, 0x1.62e42fefa39efp-1, 2 * s + low);
}

} // namespace espalier
