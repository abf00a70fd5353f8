//===- GemmReference.cpp - What a matmul must give ------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Lowering/Systolic/Gemm.h"

#include <cmath>
#include <cstring>

using namespace espalier;
using namespace espalier::systolic;

namespace {

using AddProducts = void (*)(float *sums, const float *weights, float x,
                             size_t count);

void addProducts(float *sums, const float *weights, float x, size_t count) {
  for (size_t i = 0; i < count; ++i)
    sums[i] = std::fma(x, weights[i], sums[i]);
}

#if defined(__x86_64__)
/// The same with the instruction, since a call for each product is slow.
__attribute__((target("avx2,fma"))) void
addProductsFma(float *sums, const float *weights, float x, size_t count) {
  for (size_t i = 0; i < count; ++i)
    sums[i] = __builtin_fmaf(x, weights[i], sums[i]);
}
#endif

AddProducts chooseAddProducts() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2"))
    return addProductsFma;
#endif
  return addProducts;
}

std::vector<float> widened(std::span<const uint8_t> bf16) {
  std::vector<float> wide(bf16.size() / 2);
  for (size_t i = 0; i < wide.size(); ++i) {
    uint32_t bits = (uint32_t(bf16[2 * i]) | uint32_t(bf16[2 * i + 1]) << 8)
                    << 16;
    memcpy(&wide[i], &bits, 4);
  }
  return wide;
}

template <typename T> std::vector<uint8_t> bytesOf(const std::vector<T> &from) {
  std::vector<uint8_t> bytes(from.size() * sizeof(T));
  memcpy(bytes.data(), from.data(), bytes.size());
  return bytes;
}

} // namespace

std::vector<uint8_t> systolic::gemmReference(const Gemm &gemm,
                                             std::span<const uint8_t> input,
                                             std::span<const uint8_t> weights) {
  size_t m = gemm.spec.m, k = gemm.spec.linears[0].k,
         n = gemm.spec.linears[0].n;
  if (gemm.spec.int8) {
    std::vector<int32_t> sums(m * n);
    const int8_t *w = reinterpret_cast<const int8_t *>(weights.data());
    for (size_t row = 0; row < m; ++row)
      for (size_t i = 0; i < k; ++i) {
        int32_t x = int8_t(input[row * k + i]);
        for (size_t column = 0; column < n; ++column)
          sums[row * n + column] += x * w[i * n + column];
      }
    return bytesOf(sums);
  }
  AddProducts add = chooseAddProducts();
  std::vector<float> x = widened(input), w = widened(weights), sums(m * n);
  std::vector<float> chain(n);
  for (size_t row = 0; row < m; ++row)
    for (size_t begin = 0; begin < k; begin += gemm.chain) {
      chain.assign(n, 0.0f);
      for (size_t i = begin; i < std::min<size_t>(k, begin + gemm.chain); ++i)
        add(chain.data(), w.data() + i * n, x[row * k + i], n);
      for (size_t column = 0; column < n; ++column)
        sums[row * n + column] += chain[column];
    }
  return bytesOf(sums);
}
