//===- Elementary.h - exp2, tanh, erf, sin, cos to the last bit -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The elementary functions of docs/numerics.md. libm differs from one C
/// library to the next, so the interpreter, the simulator and the run time call
/// these, and the CPU kernels emit the same operations in the same order, on
/// vectors. Every step is an IEEE float32 operation or an FMA, except where the
/// entry of docs/numerics.md says float64.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_SUPPORT_ELEMENTARY_H
#define ESPALIER_SUPPORT_ELEMENTARY_H

#include <bit>
#include <cmath>
#include <cstdint>

namespace espalier {

/// The polynomial of exp2 on [-0.5, 0.5]: 2^f = c0 + f*(c1 + f*(... + f*c6)),
/// Horner with FMAs from c6 down. docs/numerics.md, entry exp2, gives its
/// largest error, measured over every float.
inline constexpr float exp2Coefficients[7] = {
    1.0f,           0x1.62e430p-1f,  0x1.ebfbd4p-3f, 0x1.c6aee6p-5f,
    0x1.3b2ed4p-7f, 0x1.5f4b86p-10f, 0x1.41eff6p-13f};

/// (tanh(a) - a) / a^3 as a polynomial in a^2, for a below 0.625.
inline constexpr float tanhCoefficients[5] = {-0x1.555534p-2f, 0x1.110788p-3f,
                                              -0x1.b847bep-5f, 0x1.526a4ep-6f,
                                              -0x1.76f930p-8f};

/// erf(a) / a - 1 as a polynomial in a^2, for a below 1.
inline constexpr float erfCoefficients[7] = {
    0x1.06eba8p-3f, -0x1.81273ep-2f,  0x1.ce2cf8p-4f, -0x1.b7f90cp-6f,
    0x1.5405b2p-8f, -0x1.a3f700p-11f, 0x1.496a30p-14f};

/// log2(1 - erf(a)) as a polynomial in a, for a in [1, 4].
inline constexpr float erfcLog2Coefficients[9] = {
    0x1.a3da76p-12f, -0x1.a15b4ep+0f,  -0x1.d2fcd0p-1f,
    -0x1.440532p-3f, 0x1.350af8p-5f,   -0x1.b79328p-8f,
    0x1.aef9a0p-11f, -0x1.009d36p-14f, 0x1.14a854p-19f};

/// 2^x. x is clamped to [-150, 128] first (so -inf gives +0 and large x gives
/// +inf); n = rne(x) as integer, f = x - n exactly, p = polynomial(f), and the
/// result is p * 2^(n>>1) * 2^(n - (n>>1)), two products so that subnormal
/// results round once more only where the true result is subnormal.
/// NaN gives NaN.
inline float exp2Exact(float x) {
  // The comparisons are written so that a NaN passes through both.
  float c = x < -150.0f ? -150.0f : x;
  c = c > 128.0f ? 128.0f : c;
  float r = std::nearbyintf(c);
  float f = c - r;
  float p = exp2Coefficients[6];
  for (int i = 5; i >= 0; --i)
    p = std::fmaf(p, f, exp2Coefficients[i]);
  int32_t n = std::isnan(r) ? 0 : int32_t(r);
  int32_t half = n >> 1;
  float a = std::bit_cast<float>((half + 127) << 23);
  float b = std::bit_cast<float>((n - half + 127) << 23);
  return p * a * b;
}

/// x * sigmoid(x) = x / (1 + 2^(-x * log2 e)): negation, one product by the
/// float32 nearest log2 e, exp2Exact, one sum, one quotient.
inline float siluExact(float x) {
  return x / (1.0f + exp2Exact(-x * 0x1.715476p+0f));
}

/// Hyperbolic tangent, error function: see docs/numerics.md. Odd to the bit.
float tanhExact(float x);
float erfExact(float x);

/// The other activations, entry 12 of docs/numerics.md.
float geluExact(float x);
float geluTanhExact(float x);
inline float relu(float x) { return x < 0.0f ? 0.0f : x; }
inline float reluSquared(float x) { return relu(x) * relu(x); }

/// Sine and cosine of a float32 angle in radians, any finite magnitude up to
/// 2^31 (NaN beyond it); range reduction and polynomial in float64, one
/// rounding to float32 at the end.
float sinExact(float x);
float cosExact(float x);

} // namespace espalier

#endif // ESPALIER_SUPPORT_ELEMENTARY_H
