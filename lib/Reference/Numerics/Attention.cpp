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

/// One block, of which the positions begin .. end - 1 are visible. `scores` are
/// theirs; other lanes are not looked at.
REFERENCE_INLINE void finishBlock(const float *scores, size_t begin, size_t end,
                                  const float *const *values, size_t dim,
                                  Partial &out) {
  float m = -std::numeric_limits<float>::infinity();
  for (size_t i = begin; i < end; ++i)
    m = scores[i] > m ? scores[i] : m;
  auto visible = [&](size_t i) { return i >= begin && i < end; };
  float p[block];
  for (size_t i = 0; i < block; ++i)
    p[i] = visible(i) ? exp2Exact(scores[i] - m) : 0.0f;
  out.m = m;
  out.l = sum16(p, block);
  std::fill(out.o.begin(), out.o.end(), 0.0f);
  std::vector<float> zeros(dim);
  for (size_t i = 0; i < block; ++i) {
    const float *v = visible(i) ? values[i] : zeros.data();
    for (size_t d = 0; d < dim; ++d)
      out.o[d] = __builtin_fmaf(p[i], v[d], out.o[d]);
  }
}

/// The products of a block with q, one lane per position.
REFERENCE_INLINE void multiplyBlock(const float *q, size_t dim,
                                    const float *const *keys, size_t begin,
                                    size_t end, std::vector<float> &transposed,
                                    float *products) {
  for (size_t i = begin; i < end; ++i)
    for (size_t d = 0; d < dim; ++d)
      transposed[d * block + i] = keys[i][d];
  std::fill(products, products + block, 0.0f);
  for (size_t d = 0; d < dim; ++d)
    for (size_t i = 0; i < block; ++i)
      products[i] =
          __builtin_fmaf(q[d], transposed[d * block + i], products[i]);
}

/// From a product to a score; `distance` is the key's position less the row's.
REFERENCE_INLINE float score(float product, float distance,
                             const AttentionParameters &p) {
  float s;
  if (p.cap) {
    float within = p.scale / *p.cap, top = *p.cap * log2e;
    s = tanhExact(product * within) * top;
  } else {
    float c = p.scale * log2e;
    s = product * c;
  }
  if (!p.slope)
    return s;
  float slope = *p.slope * log2e;
  return __builtin_fmaf(distance, slope, s);
}

REFERENCE_INLINE void attendBody(const float *q, size_t dim,
                                 const float *const *keys,
                                 const float *const *values, size_t count,
                                 const AttentionParameters &parameters,
                                 float *y) {
  float m = -std::numeric_limits<float>::infinity(), l = 0.0f;
  std::vector<float> o(dim), transposed(dim * block);
  Partial part{0, 0, std::vector<float>(dim)};
  for (size_t start = parameters.first / block * block; start < count;
       start += block) {
    size_t begin = std::max(parameters.first, start) - start;
    size_t end = std::min(block, count - start);
    float scores[block];
    multiplyBlock(q, dim, keys + start, begin, end, transposed, scores);
    for (size_t i = begin; i < end; ++i) {
      float distance = float(int64_t(start + i) - int64_t(count - 1));
      scores[i] = score(scores[i], distance, parameters);
    }
    finishBlock(scores, begin, end, values + start, dim, part);
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
                    const float *const *values, size_t count,
                    const AttentionParameters &parameters, float *y),
                   (q, dim, keys, values, count, parameters, y))

} // namespace

void attention(const float *q, size_t dim,
               const std::vector<const float *> &keys,
               const std::vector<const float *> &values,
               const AttentionParameters &parameters, float *y) {
  attend(q, dim, keys.data(), values.data(), keys.size(), parameters, y);
}

} // namespace espalier::reference
