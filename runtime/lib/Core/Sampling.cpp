//===- Sampling.cpp - Which token comes next --------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Sampling.h"

#include "Cpu.h"
#include "espalier/Support/Elementary.h"
#include "espalier/Support/Logarithm.h"

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
      minP(options.min_p), typicalP(options.typical_p), topK(options.top_k),
      state(options.seed), computeWeights(chooseComputeWeights()) {
  uniform(); // small seeds give states that differ in few bits
}

//===--- Candidates -------------------------------------------------------===//

/// Sorts `ids` so that its first `wanted` are the first, in order.
template <typename Before>
static void rank(std::vector<int32_t> &ids, size_t wanted, Before before) {
  if (wanted < ids.size())
    std::nth_element(ids.begin(), ids.begin() + ptrdiff_t(wanted), ids.end(),
                     before);
  std::sort(ids.begin(), ids.begin() + ptrdiff_t(wanted), before);
}

static auto byLogit(const float *logits) {
  return [logits](int32_t a, int32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  };
}

/// Keeps the fewest candidates, first ones first, whose weights reach `share`
/// of all. Few do as a rule, so that few are sorted.
template <typename Before>
void Sampler::keepHeaviest(Before before, float share) {
  double total = 0;
  for (int32_t id : candidates)
    total += double(weights[size_t(id)]);
  double target = double(share) * total;
  size_t count = candidates.size();
  for (size_t sorted = std::min<size_t>(count, 256);;
       sorted = std::min(count, sorted * 8)) {
    rank(candidates, sorted, before);
    double sum = 0;
    for (size_t i = 0; i < sorted; ++i) {
      sum += double(weights[size_t(candidates[i])]);
      if (sum >= target)
        return candidates.resize(i + 1);
    }
    if (sorted == count)
      return;
  }
}

/// Surprise is -ln p = ln total - (logit - largest), and what is expected of it
/// the entropy: in the difference of both the logarithm of the total drops out.
void Sampler::keepTypical(const float *logits, float largest) {
  double total = 0, sum = 0;
  for (int32_t id : candidates) {
    double weight = double(weights[size_t(id)]);
    total += weight;
    sum += weight * double(logits[id] - largest);
  }
  double mean = sum / total;
  surprise.resize(weights.size());
  for (int32_t id : candidates)
    surprise[size_t(id)] = std::fabs(mean - double(logits[id] - largest));
  keepHeaviest(
      [&](int32_t a, int32_t b) {
        double x = surprise[size_t(a)], y = surprise[size_t(b)];
        return x != y ? x < y : byLogit(logits)(a, b);
      },
      typicalP);
}

void Sampler::cut(const float *logits, uint32_t count, float largest) {
  if (topK != 0 && topK < candidates.size()) {
    rank(candidates, topK, byLogit(logits));
    candidates.resize(topK);
  }
  if (typicalP == 1 && topP == 1 && minP == 0)
    return;
  computeWeights(logits, count, largest, 0x1.715476p+0f, weights.data());
  if (typicalP < 1)
    keepTypical(logits, largest);
  if (topP < 1)
    keepHeaviest(byLogit(logits), topP);
  if (minP == 0)
    return;
  float most = 0;
  for (int32_t id : candidates)
    most = std::max(most, weights[size_t(id)]);
  std::erase_if(candidates,
                [&](int32_t id) { return weights[size_t(id)] < minP * most; });
}

/// One of the candidates, which are not empty.
int32_t Sampler::draw() {
  double total = 0;
  for (int32_t id : candidates)
    total += double(weights[size_t(id)]);
  double target = uniform() * total;
  double sum = 0;
  int32_t last = candidates[0];
  for (int32_t id : candidates) {
    float weight = weights[size_t(id)];
    if (weight == 0.0f)
      continue;
    last = id;
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
  candidates.clear();
  for (uint32_t i = 0; i < count; ++i)
    if (logits[i] > -INFINITY) // nor a NaN
      candidates.push_back(int32_t(i));
  cut(logits, count, logits[*best]);
  // What is typical need not be likely: the largest may be gone.
  float largest = -INFINITY;
  for (int32_t id : candidates)
    largest = std::max(largest, logits[id]);
  computeWeights(logits, count, largest, scale, weights.data());
  return draw();
}

//===--- Logarithms of probabilities --------------------------------------===//

LogProbabilities::LogProbabilities() : computeWeights(chooseComputeWeights()) {}

void LogProbabilities::compute(const float *values, uint32_t count,
                               uint32_t most) {
  logits.assign(values, values + count);
  largest.clear();
  std::optional<int32_t> best = greedyToken(values, count);
  greatest = best ? logits[size_t(*best)] : -INFINITY;
  if (std::isinf(greatest)) {
    logTotal = 0;
    if (best)
      largest.push_back({*best, 0.0f});
    return;
  }
  weights.resize(count);
  computeWeights(values, count, greatest, 0x1.715476p+0f, weights.data());
  double total = 0; // ascending ids
  for (float weight : weights)
    total += double(weight);
  logTotal = logExact(total);
  ids.clear();
  for (uint32_t i = 0; i < count; ++i)
    if (logits[i] > -INFINITY)
      ids.push_back(int32_t(i));
  most = uint32_t(std::min<size_t>(most, ids.size()));
  rank(ids, most, byLogit(logits.data()));
  for (uint32_t i = 0; i < most; ++i)
    largest.push_back({ids[i], of(ids[i])});
}

float LogProbabilities::of(int32_t token) const {
  float logit = logits[size_t(token)];
  if (logit == greatest)
    return float(-logTotal);
  return float(double(logit) - double(greatest) - logTotal);
}
