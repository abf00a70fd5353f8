//===- Experts.cpp - Entries 24 and 25 of docs/numerics.md ----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Numerics.h"

#include "espalier/Support/Elementary.h"

#include <limits>

namespace espalier::reference {

void route(const float *scores, size_t experts, size_t choices,
           bool renormalize, int32_t *ids, float *weights) {
  constexpr float log2e = 0x1.715476p+0f;
  std::vector<float> power(experts);
  float most = -std::numeric_limits<float>::infinity();
  for (size_t e = 0; e < experts; ++e) {
    power[e] = scores[e] * log2e;
    most = power[e] > most ? power[e] : most;
  }
  for (float &p : power)
    p = exp2Exact(p - most);

  std::vector<bool> taken(experts);
  float chosen = 0;
  for (size_t j = 0; j < choices; ++j) {
    size_t best = experts;
    for (size_t e = 0; e < experts; ++e)
      if (!taken[e] && (best == experts || scores[e] > scores[best]))
        best = e;
    taken[best] = true;
    ids[j] = int32_t(best);
    chosen = chosen + power[best];
  }
  float total = renormalize ? chosen : sum16(power.data(), experts);
  for (size_t j = 0; j < choices; ++j)
    weights[j] = power[size_t(ids[j])] / total;
}

void combineExperts(const float *y, const float *weights, size_t choices,
                    size_t n, float *out) {
  for (size_t i = 0; i < n; ++i) {
    out[i] = 0;
    for (size_t j = 0; j < choices; ++j)
      out[i] = __builtin_fmaf(weights[j], y[j * n + i], out[i]);
  }
}

} // namespace espalier::reference
