//===- DynamicRope.cpp - Frequencies that follow the context --------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/DynamicRope.h"

#include <cmath>

namespace espalier {

double powDouble(double base, double exponent) {
  // log2(base) = scale + 2 / ln 2 * atanh((m - 1) / (m + 1)), m near 1.
  int scale;
  double m = std::frexp(base, &scale);
  if (m < 0x1.6a09e667f3bcdp-1) { // below the root of 1/2
    m *= 2;
    --scale;
  }
  double t = (m - 1) / (m + 1), square = t * t, sum = 0;
  for (int i = 31; i >= 1; i -= 2) // |t| < 0.172
    sum = sum * square + 1.0 / i;
  double whole = exponent * scale,
         part = exponent * (2 * 0x1.71547652b82fep0 * t * sum);
  // 2^(whole + part) = 2^n * e^(f * ln 2), |f| <= 1/2.
  double n = std::nearbyint(whole + part);
  double f = (whole - n) + part, x = f * 0x1.62e42fefa39efp-1, e = 0;
  for (int i = 20; i >= 1; --i)
    e = (e + 1) * x / i;
  return std::ldexp(1 + e, int(n));
}

void dynamicRopeFrequencies(double theta, double factor, uint32_t original,
                            uint32_t context, size_t pairs,
                            float *frequencies) {
  double dim = 2 * double(pairs);
  double growth = factor * double(context) / double(original) - (factor - 1);
  double base = double(float(theta * powDouble(growth, dim / (dim - 2))));
  for (size_t i = 0; i < pairs; ++i) {
    float share = float(2 * i) / float(dim);
    frequencies[i] = 1.0f / float(powDouble(base, double(share)));
  }
}

} // namespace espalier
