//===- Chains.cpp - Products by chains of FMAs ----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Chains.h"

#include <cmath>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace espalier;
using namespace espalier::simulator;

void simulator::chainsPortable(const ChainProduct &p) {
  for (size_t i = 0; i < p.rows; ++i) {
    float *out = p.out + i * p.strideOut;
    if (!p.goOn)
      for (size_t n = 0; n < p.columns; ++n)
        out[n] = 0.0f;
    for (size_t k = 0; k < p.k; ++k) {
      float a = p.a[i * p.strideA + k];
      for (size_t n = 0; n < p.columns; ++n)
        out[n] = std::fma(a, p.w[k * p.strideW + n], out[n]);
    }
  }
}

#if defined(__x86_64__)

/// `rows` by 16 results, which stay in registers.
template <size_t rows>
__attribute__((target("avx2,fma"))) static void
tile(const ChainProduct &p, size_t row, size_t column) {
  __m256 sums[rows][2];
  float *out = p.out + row * p.strideOut + column;
  for (size_t i = 0; i < rows; ++i)
    for (size_t half = 0; half < 2; ++half)
      sums[i][half] = p.goOn ? _mm256_loadu_ps(out + i * p.strideOut + half * 8)
                             : _mm256_setzero_ps();
  const float *a = p.a + row * p.strideA;
  const float *w = p.w + column;
  for (size_t k = 0; k < p.k; ++k, w += p.strideW) {
    __m256 low = _mm256_loadu_ps(w), high = _mm256_loadu_ps(w + 8);
    for (size_t i = 0; i < rows; ++i) {
      __m256 x = _mm256_broadcast_ss(a + i * p.strideA + k);
      sums[i][0] = _mm256_fmadd_ps(x, low, sums[i][0]);
      sums[i][1] = _mm256_fmadd_ps(x, high, sums[i][1]);
    }
  }
  for (size_t i = 0; i < rows; ++i)
    for (size_t half = 0; half < 2; ++half)
      _mm256_storeu_ps(out + i * p.strideOut + half * 8, sums[i][half]);
}

__attribute__((target("avx2,fma"))) static void
chainsFma(const ChainProduct &p) {
  for (size_t column = 0; column < p.columns; column += chainColumns) {
    size_t row = 0;
    for (; row + 6 <= p.rows; row += 6)
      tile<6>(p, row, column);
    for (; row + 2 <= p.rows; row += 2)
      tile<2>(p, row, column);
    for (; row < p.rows; ++row)
      tile<1>(p, row, column);
  }
}

#endif

void simulator::chains(const ChainProduct &product) {
#if defined(__x86_64__)
  static const bool fast =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (fast)
    return chainsFma(product);
#endif
  chainsPortable(product);
}
