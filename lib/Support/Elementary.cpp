//===- Elementary.cpp - tanh, erf, sin, cos to the last bit ---------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// docs/numerics.md, entries tanh, erf, gelu, sin and cos, written out. Nothing
/// here may be reassociated or contracted: the order of operations is the
/// meaning.
///
//===----------------------------------------------------------------------===//
#include "espalier/Support/Elementary.h"

#include <limits>

namespace espalier {

/// Horner with FMAs, from the last coefficient down.
template <typename T, size_t N> static T horner(const T (&c)[N], T x) {
  T p = c[N - 1];
  for (size_t i = N - 1; i-- > 0;)
    p = std::fma(p, x, c[i]);
  return p;
}

float tanhExact(float x) {
  float a = std::fabs(x);
  float y;
  if (a < 0.625f) {
    float s = a * a;
    y = std::fma(horner(tanhCoefficients, s) * s, a, a);
  } else {
    // A NaN comes this way and stays one.
    y = 1.0f - 2.0f / (exp2Exact(a * 0x1.715476p+1f) + 1.0f);
  }
  return std::copysign(y, x);
}

float erfExact(float x) {
  float a = std::fabs(x);
  float y;
  if (a < 1.0f) {
    y = std::fma(horner(erfCoefficients, a * a), a, a);
  } else {
    // erf rounds to 1 from 3.92 on. The comparison lets a NaN through.
    float c = a > 4.0f ? 4.0f : a;
    y = 1.0f - exp2Exact(horner(erfcLog2Coefficients, c));
  }
  return std::copysign(y, x);
}

float geluExact(float x) {
  float half = 0.5f * x;
  return half * (1.0f + erfExact(x * 0x1.6a09e6p-1f));
}

float geluTanhExact(float x) {
  float w = std::fma(x * x, 0x1.6e4e26p-5f, 1.0f);
  float z = x * 0x1.988454p-1f * w;
  float half = 0.5f * x;
  return half * (1.0f + tanhExact(z));
}

namespace {

/// An angle as quadrant and rest: x = k * pi/2 + r, |r| <= pi/4 (and a little).
struct Reduced {
  double r;
  unsigned quadrant;
};

Reduced reduce(double x) {
  double k = std::nearbyint(x * 0x1.45f306dc9c883p-1); // 2/pi
  double r = std::fma(-k, 0x1.921fb54442d18p+0, x);    // pi/2, high part
  r = std::fma(-k, 0x1.1a62633145c07p-54, r);          // pi/2, low part
  return {r, unsigned(int64_t(k)) & 3};
}

/// The Taylor series: at |r| <= pi/4 what is left out is below 2^-53.
double sine(double r) {
  static constexpr double c[] = {-1.0 / 6.0,
                                 1.0 / 120.0,
                                 -1.0 / 5040.0,
                                 1.0 / 362880.0,
                                 -1.0 / 39916800.0,
                                 1.0 / 6227020800.0,
                                 -1.0 / 1307674368000.0};
  double s = r * r;
  return std::fma(horner(c, s) * s, r, r);
}

double cosine(double r) {
  static constexpr double c[] = {1.0,
                                 -1.0 / 2.0,
                                 1.0 / 24.0,
                                 -1.0 / 720.0,
                                 1.0 / 40320.0,
                                 -1.0 / 3628800.0,
                                 1.0 / 479001600.0,
                                 -1.0 / 87178291200.0,
                                 1.0 / 20922789888000.0};
  return horner(c, r * r);
}

/// sin(x + shift * pi/2).
float sineShifted(float x, unsigned shift) {
  // Written so that a NaN is refused too.
  if (!(std::fabs(x) < 0x1p31f))
    return std::numeric_limits<float>::quiet_NaN();
  Reduced angle = reduce(x);
  unsigned quadrant = (angle.quadrant + shift) & 3;
  double value = quadrant & 1 ? cosine(angle.r) : sine(angle.r);
  return float(quadrant & 2 ? -value : value);
}

} // namespace

float sinExact(float x) { return sineShifted(x, 0); }
float cosExact(float x) { return sineShifted(x, 1); }

} // namespace espalier
