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
  /// of the candidates, with probability in proportion to its weight
  ///   exp2Exact(fl(fl(logit - largest) * fl(log2 e / temperature))).
  /// Candidates are all ids; or the top_k of the largest logits; of these, the
  /// fewest of the largest whose weights reach top_p of all candidates'
  /// weights. Equal logits rank by id. A NaN is never chosen. Nothing: no logit
  /// is a number above -infinity.
  std::optional<int32_t> next(const float *logits, uint32_t count);

private:
  double uniform();
  int32_t draw(uint32_t count);
  void rank(const float *logits, uint32_t count, uint32_t wanted);
  uint32_t nucleus(const float *logits, uint32_t count);

  float temperature, topP;
  uint32_t topK;
  uint64_t state;
  /// For this CPU: asking it costs more than choosing a token.
  void (*computeWeights)(const float *logits, uint32_t count, float largest,
                         float scale, float *weights);
  std::vector<float> weights;  ///< [vocabulary]
  std::vector<int32_t> ranked; ///< candidates; sorted as far as was needed
};

/// The lowest id of the largest logit; see Sampler::next.
std::optional<int32_t> greedyToken(const float *logits, uint32_t count);

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_SAMPLING_H
