//===- KernelTest.h - What the tests of kernels share
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_KERNELS_KERNELTEST_H
#define ESPALIER_TEST_UNIT_KERNELS_KERNELTEST_H

#include "KernelHarness.h"

#include "espalier/Support/Elementary.h"
#include "espalier/Support/Half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>

namespace espalier::cpu {

/// The ways in which a kernel is compiled and run.
enum class Way { AVX2, AVX512Expanded, AVX512 };

/// Every test runs in each way that this CPU can run.
class KernelTest : public testing::TestWithParam<Way> {
protected:
  void SetUp() override {
    if (GetParam() == Way::AVX512 && !hasAvx512())
      GTEST_SKIP() << "this CPU has no AVX-512 with VNNI";
  }
  /// Compiles on first use; kept for the other tests of the way.
  template <typename Fn> Fn *kernel(const KernelKey &key) {
    static std::map<std::pair<Way, KernelKey>, std::unique_ptr<CompiledKernels>>
        compiled;
    auto &entry = compiled[{GetParam(), key}];
    if (!entry)
      entry = std::make_unique<CompiledKernels>(
          key, GetParam() == Way::AVX2 ? Isa::AVX2 : Isa::AVX512,
          GetParam() == Way::AVX512Expanded);
    return entry->get<Fn>(key);
  }
};

inline std::string wayName(const testing::TestParamInfo<Way> &info) {
  return info.param == Way::AVX2             ? "avx2"
         : info.param == Way::AVX512Expanded ? "avx512_expanded"
                                             : "avx512";
}
#define ESPALIER_ALL_WAYS(SUITE)                                               \
  INSTANTIATE_TEST_SUITE_P(                                                    \
      Ways, SUITE,                                                             \
      testing::Values(Way::AVX2, Way::AVX512Expanded, Way::AVX512), wayName)

/// Equal bits, or both NaN (whose payload is not defined).
inline bool same(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}
inline testing::AssertionResult sameRow(const float *got, const float *want,
                                        size_t n) {
  for (size_t i = 0; i < n; ++i)
    if (!same(got[i], want[i]))
      return testing::AssertionFailure()
             << "element " << i << ": got " << got[i] << " (" << std::hex
             << std::bit_cast<uint32_t>(got[i]) << "), expected " << want[i]
             << " (" << std::bit_cast<uint32_t>(want[i]) << ")";
  return testing::AssertionSuccess();
}

class Random {
public:
  explicit Random(unsigned seed) : engine(seed) {}
  float real(float scale = 1.0f) {
    return std::normal_distribution<float>(0, scale)(engine);
  }
  /// Mostly ordinary, now and then zero, subnormal, huge, infinite or NaN.
  float wild() {
    static const float special[] = {0.0f,
                                    -0.0f,
                                    1e-40f,
                                    -1e-42f,
                                    3e38f,
                                    -3e38f,
                                    std::numeric_limits<float>::infinity(),
                                    -std::numeric_limits<float>::infinity(),
                                    std::numeric_limits<float>::quiet_NaN()};
    return below(40) ? real() : special[below(9)];
  }
  uint32_t below(uint32_t n) { return uint32_t(engine() % n); }
  uint8_t byte() { return uint8_t(engine()); }
  std::vector<float> reals(size_t n, float scale = 1.0f) {
    std::vector<float> v(n);
    for (float &x : v)
      x = real(scale);
    return v;
  }

private:
  std::mt19937 engine;
};

/// docs/numerics.md, entry sum16.
template <typename Term> float sum16(size_t n, Term term) {
  float s[16] = {};
  for (size_t i = 0; i < n; ++i)
    s[i % 16] += term(i);
  for (size_t step = 8; step; step /= 2)
    for (size_t j = 0; j < step; ++j)
      s[j] += s[j + step];
  return s[0];
}

} // namespace espalier::cpu

#endif // ESPALIER_TEST_UNIT_KERNELS_KERNELTEST_H
