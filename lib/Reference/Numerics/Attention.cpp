//===- Attention.cpp - Entry 11 of docs/numerics.md -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Numerics.h"
#include "Versions.h"

#include "espalier/Support/Elementary.h"

#include <algorithm>
#include <limits>

namespace espalier::reference {
namespace {

constexpr size_t block = 64;
constexpr float log2e = 0x1.715476p+0f;

/// What a block of 64 positions contributes.
struct Partial {
  float m, l;
  std::vector<float> o;
};

/// One block: positions first .. first + count - 1 are visible, count in 1
/// .. 64. `scores` are the scaled products; lanes beyond `count` are not looked
/// at.
REFERENCE_INLINE void finishBlock(const float *scores, size_t count,
                                  const float *const *values, size_t dim,
                                  Partial &out) {
  float m = -std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < count; ++i)
    m = scores[i] > m ? scores[i] : m;
  float p[block];
  for (size_t i = 0; i < block; ++i)
    p[i] = i < count ? exp2Exact(scores[i] - m) : 0.0f;
  out.m = m;
  out.l = sum16(p, block);
  std::fill(out.o.begin(), out.o.end(), 0.0f);
  std::vector<float> zeros(dim);
  for (size_t i = 0; i < block; ++i) {
    const float *v = i < count ? values[i] : zeros.data();
    for (size_t d = 0; d < dim; ++d)
      out.o[d] = __builtin_fmaf(p[i], v[d], out.o[d]);
  }
}

/// The scores of a block, one lane per position.
REFERENCE_INLINE void scoreBlock(const float *q, size_t dim,
                                 const float *const *keys, size_t count,
                                 float c, std::vector<float> &transposed,
                                 float *scores) {
  for (size_t i = 0; i < count; ++i)
    for (size_t d = 0; d < dim; ++d)
      transposed[d * block + i] = keys[i][d];
  std::fill(scores, scores + block, 0.0f);
  for (size_t d = 0; d < dim; ++d)
    for (size_t i = 0; i < block; ++i)
      scores[i] = __builtin_fmaf(q[d], transposed[d * block + i], scores[i]);
  for (size_t i = 0; i < block; ++i)
    scores[i] = scores[i] * c;
}

REFERENCE_INLINE void attendBody(const float *q, size_t dim,
                                 const float *const *keys,
                                 const float *const *values, size_t count,
                                 float scale, float *y) {
  float c = scale * log2e;
  float m = -std::numeric_limits<float>::infinity(), l = 0.0f;
  std::vector<float> o(dim), transposed(dim * block);
  Partial part{0, 0, std::vector<float>(dim)};
  for (size_t first = 0; first < count; first += block) {
    size_t visible = std::min(block, count - first);
    float scores[block];
    scoreBlock(q, dim, keys + first, visible, c, transposed, scores);
    finishBlock(scores, visible, values + first, dim, part);
    float larger = part.m > m ? part.m : m;
    float a = exp2Exact(m - larger), b = exp2Exact(part.m - larger);
    float weighted = part.l * b;
    l = __builtin_fmaf(l, a, weighted);
    for (size_t d = 0; d < dim; ++d) {
      float scaled = part.o[d] * b;
      o[d] = __builtin_fmaf(o[d], a, scaled);
    }
    m = larger;
  }
  float inverse = 1.0f / l;
  for (size_t d = 0; d < dim; ++d)
    y[d] = o[d] * inverse;
}
REFERENCE_VERSIONS(attend, attendBody,
                   (const float *q, size_t dim, const float *const *keys,
                    const float *const *values, size_t count, float scale,
                    float *y),
                   (q, dim, keys, values, count, scale, y))

} // namespace

void attention(const float *q, size_t dim,
               const std::vector<const float *> &keys,
               const std::vector<const float *> &values, float scale,
               float *y) {
  attend(q, dim, keys.data(), values.data(), keys.size(), scale, y);
}

} // namespace espalier::reference
