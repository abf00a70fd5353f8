//===- Sampling.h - Which token comes next ----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_SAMPLING_H
#define ESPALIER_RUNTIME_CORE_SAMPLING_H

#include "espalier/espalier.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace espalier::runtime {

/// Chooses tokens by logits. The same seed, options and logits give the same
/// tokens on any machine: the weights are exp2Exact's, every sum has one order,
/// and the random numbers are SplitMix64's.
class Sampler {
public:
  /// The options have been checked.
  explicit Sampler(const espalier_generate_options &options);

  /// With temperature 0 the largest logit's id, the lowest of several. Else one
  /// of the candidates, with probability in proportion to
  ///   exp2Exact(fl(fl(logit - largest) * fl(log2 e / temperature))).
  /// Candidates are what top-k, typical, top-p and min-p leave, in this order,
  /// of all ids whose logit is a number above -infinity; weights of the cuts
  /// are those of temperature 1. docs/generation.md has the formulas. Nothing:
  /// there is no such id.
  std::optional<int32_t> next(const float *logits, uint32_t count);

private:
  double uniform();
  int32_t draw();
  template <typename Before> void keepHeaviest(Before before, float share);
  void keepTypical(const float *logits, float largest);
  void cut(const float *logits, uint32_t count, float largest);

  float temperature, topP, minP, typicalP;
  uint32_t topK;
  uint64_t state;
  /// For this CPU: asking it costs more than choosing a token.
  void (*computeWeights)(const float *logits, uint32_t count, float largest,
                         float scale, float *weights);
  std::vector<float> weights;   ///< [vocabulary]
  std::vector<double> surprise; ///< [vocabulary], less the expected one
  std::vector<int32_t> candidates;
};

/// Logarithms of probabilities by the softmax of logits.
class LogProbabilities {
public:
  LogProbabilities();
  /// Copies the logits; finds the `most` largest.
  void compute(const float *logits, uint32_t count, uint32_t most);
  float of(int32_t token) const;
  /// The largest first, of equals the lower id; none of probability 0.
  const std::vector<espalier_logprob> &top() const { return largest; }

private:
  void (*computeWeights)(const float *logits, uint32_t count, float largest,
                         float scale, float *weights);
  std::vector<float> logits, weights;
  std::vector<int32_t> ids;
  std::vector<espalier_logprob> largest;
  float greatest = 0;
  double logTotal = 0;
};

/// The lowest id of the largest logit; see Sampler::next.
std::optional<int32_t> greedyToken(const float *logits, uint32_t count);

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_SAMPLING_H
