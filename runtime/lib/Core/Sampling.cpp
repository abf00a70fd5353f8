//===- Sampling.cpp - Which token comes next --------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Sampling.h"

#include "Cpu.h"
#include "espalier/Support/Elementary.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace espalier;
using namespace espalier::runtime;

/// SplitMix64 (Steele, Lea, Flood 2014); the upper 53 bits, in [0, 1).
double Sampler::uniform() {
  state += 0x9e3779b97f4a7c15u;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return double(z >> 11) * 0x1p-53;
}

std::optional<int32_t> runtime::greedyToken(const float *logits,
                                            uint32_t count) {
  // Lanes, so that a vocabulary is not one long chain of comparisons. A NaN is
  // larger than nothing, so it never enters.
  constexpr uint32_t lanes = 16;
  float largest[lanes];
  std::fill(largest, largest + lanes, -INFINITY);
  uint32_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (uint32_t lane = 0; lane < lanes; ++lane)
      largest[lane] =
          logits[i + lane] > largest[lane] ? logits[i + lane] : largest[lane];
  for (; i < count; ++i)
    largest[0] = logits[i] > largest[0] ? logits[i] : largest[0];
  float best = *std::max_element(largest, largest + lanes);
  if (best == -INFINITY)
    return std::nullopt;
  return int32_t(std::find(logits, logits + count, best) - logits);
}

//===--- Weights ----------------------------------------------------------===//

[[gnu::always_inline]] static inline void
computeEach(const float *logits, uint32_t count, float largest, float scale,
            float *weights) {
  for (uint32_t i = 0; i < count; ++i) {
    float weight = exp2Exact((logits[i] - largest) * scale);
    weights[i] = logits[i] == logits[i] ? weight : 0.0f;
  }
}

static void computeWeightsPlainly(const float *logits, uint32_t count,
                                  float largest, float scale, float *weights) {
  computeEach(logits, count, largest, scale, weights);
}

#if defined(__x86_64__)
/// The same bits without a call for each FMA: a vocabulary of 128k in a
/// fraction of the time.
[[gnu::target("avx2,fma")]] static void
computeWeightsByAvx2(const float *logits, uint32_t count, float largest,
                     float scale, float *weights) {
  computeEach(logits, count, largest, scale, weights);
}

static auto chooseComputeWeights() {
  return missingFeatures(ESPALIER_ISA_AVX2, detectCpuFeatures()).empty()
             ? computeWeightsByAvx2
             : computeWeightsPlainly;
}
#else
static auto chooseComputeWeights() { return computeWeightsPlainly; }
#endif

Sampler::Sampler(const espalier_generate_options &options)
    : temperature(options.temperature), topP(options.top_p),
      topK(options.top_k), state(options.seed),
      computeWeights(chooseComputeWeights()) {
  uniform(); // small seeds give states that differ in few bits
}

//===--- Candidates -------------------------------------------------------===//

/// Sorts `ranked` so that its first `wanted` are the largest, in order.
void Sampler::rank(const float *logits, uint32_t count, uint32_t wanted) {
  auto before = [&](int32_t a, int32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  };
  if (wanted < count)
    std::nth_element(ranked.begin(), ranked.begin() + wanted,
                     ranked.begin() + count, before);
  std::sort(ranked.begin(), ranked.begin() + wanted, before);
}

/// The number of ranked candidates that reach top_p of the weight of all
/// `count`. Few do as a rule, so that few are sorted.
uint32_t Sampler::nucleus(const float *logits, uint32_t count) {
  double total = 0; // ascending ids where all are candidates, else by rank
  for (uint32_t i = 0; i < count; ++i)
    total += double(weights[size_t(ranked[i])]);
  double target = double(topP) * total;
  for (uint32_t sorted = std::min(count, 256u);;
       sorted = std::min(count, sorted * 8)) {
    rank(logits, count, sorted);
    double sum = 0;
    for (uint32_t i = 0; i < sorted; ++i) {
      sum += double(weights[size_t(ranked[i])]);
      if (sum >= target)
        return i + 1;
    }
    if (sorted == count)
      return count;
  }
}

/// One of the first `count` of `ranked`.
int32_t Sampler::draw(uint32_t count) {
  double total = 0;
  for (uint32_t i = 0; i < count; ++i)
    total += double(weights[size_t(ranked[i])]);
  double target = uniform() * total;
  double sum = 0;
  int32_t last = ranked[0];
  for (uint32_t i = 0; i < count; ++i) {
    float weight = weights[size_t(ranked[i])];
    if (weight == 0.0f)
      continue;
    last = ranked[i];
    sum += double(weight);
    if (sum > target)
      break;
  }
  return last;
}

std::optional<int32_t> Sampler::next(const float *logits, uint32_t count) {
  std::optional<int32_t> best = greedyToken(logits, count);
  float scale = temperature > 0 ? 0x1.715476p+0f / temperature : INFINITY;
  if (!best || std::isinf(scale) || std::isinf(logits[*best]))
    return best;
  weights.resize(count);
  computeWeights(logits, count, logits[*best], scale, weights.data());
  ranked.clear();
  for (uint32_t i = 0; i < count; ++i) // ranking needs numbers
    if (logits[i] == logits[i])
      ranked.push_back(int32_t(i));
  uint32_t candidates = uint32_t(ranked.size());
  if (topK != 0 && topK < candidates) {
    rank(logits, candidates, topK);
    candidates = topK;
  }
  if (topP < 1.0f)
    candidates = nucleus(logits, candidates);
  return draw(candidates);
}
