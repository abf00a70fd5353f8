//===- Rows.cpp - Entries 1, 8 to 10, 21 and 22 of docs/numerics.md -------===//
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
             const float *init, float *y) {
  std::vector<float> squares(n);
  for (size_t i = 0; i < n; ++i)
    squares[i] = x[i] * x[i];
  float mean = sum16(squares.data(), n) / float(n);
  float r = 1.0f / std::sqrt(mean + eps);
  for (size_t i = 0; i < n; ++i) {
    float scaled = x[i] * r;
    float weighted = scaled * weight[i];
    y[i] = init ? init[i] + weighted : weighted;
  }
}

void layerNorm(const float *x, const float *weight, const float *bias, size_t n,
               float eps, float *y) {
  float mean = sum16(x, n) / float(n);
  std::vector<float> d(n), squares(n);
  for (size_t i = 0; i < n; ++i) {
    d[i] = x[i] - mean;
    squares[i] = d[i] * d[i];
  }
  float variance = sum16(squares.data(), n) / float(n);
  float r = 1.0f / std::sqrt(variance + eps);
  for (size_t i = 0; i < n; ++i) {
    float scaled = d[i] * r;
    float weighted = scaled * weight[i];
    y[i] = bias ? weighted + bias[i] : weighted;
  }
}

float scale(float x, float factor, const float *init) {
  float scaled = x * factor;
  return init ? *init + scaled : scaled;
}

float softCap(float x, float cap) { return tanhExact(x / cap) * cap; }

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
