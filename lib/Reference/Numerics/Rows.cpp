//===- Rows.cpp - Entries 1, 8, 9, 10 and 12 of docs/numerics.md ----------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Numerics.h"

#include "espalier/Support/Elementary.h"
#include "espalier/Support/Half.h"

#include <cmath>

namespace espalier::reference {

float sum16(const float *v, size_t n) {
  float s[16] = {};
  for (size_t i = 0; i < n; ++i)
    s[i % 16] = s[i % 16] + v[i];
  for (size_t half = 8; half >= 1; half /= 2)
    for (size_t j = 0; j < half; ++j)
      s[j] = s[j] + s[j + half];
  return s[0];
}

void rmsNorm(const float *x, const float *weight, size_t n, float eps,
             float *y) {
  std::vector<float> squares(n);
  for (size_t i = 0; i < n; ++i)
    squares[i] = x[i] * x[i];
  float mean = sum16(squares.data(), n) / float(n);
  float r = 1.0f / std::sqrt(mean + eps);
  for (size_t i = 0; i < n; ++i) {
    float scaled = x[i] * r;
    y[i] = scaled * weight[i];
  }
}

std::vector<float> ropeTable(int32_t position, const float *frequencies,
                             size_t pairs, float factor) {
  std::vector<float> table(2 * pairs);
  for (size_t i = 0; i < pairs; ++i) {
    float angle = float(position) * frequencies[i];
    table[i] = cosExact(angle) * factor;
    table[pairs + i] = sinExact(angle) * factor;
  }
  return table;
}

void rope(const float *x, size_t dim, const float *table, size_t pairs,
          float *y) {
  for (size_t i = 0; i < pairs; ++i) {
    float cosine = table[i], sine = table[pairs + i];
    float a = x[i], b = x[i + pairs];
    float ac = a * cosine, bs = b * sine, bc = b * cosine, as = a * sine;
    y[i] = ac - bs;
    y[i + pairs] = bc + as;
  }
  for (size_t i = 2 * pairs; i < dim; ++i)
    y[i] = x[i];
}

void siluGate(const float *gate, const float *up, size_t n, float *y) {
  for (size_t i = 0; i < n; ++i)
    y[i] = siluExact(gate[i]) * up[i];
}

float roundToCache(Encoding element, float x) {
  switch (element) {
  case Encoding::F16:
    return f16ToFloat(floatToF16(x));
  case Encoding::BF16:
    return bf16ToFloat(floatToBf16(x));
  default:
    return x;
  }
}

} // namespace espalier::reference
