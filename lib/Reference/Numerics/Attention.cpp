//===- Attention.cpp - Entries 11 and 29 of docs/numerics.md --------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Numerics.h"
#include "Versions.h"

#include "espalier/Support/Elementary.h"
#include "espalier/Support/Half.h"

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

/// What the positions from `start` on, 64 at most, give.
REFERENCE_INLINE void blockOf(const float *q, size_t dim,
                              const float *const *keys,
                              const float *const *values, size_t count,
                              const AttentionParameters &parameters,
                              size_t start, std::vector<float> &transposed,
                              Partial &part) {
  size_t begin = std::max(parameters.first, start) - start;
  size_t end = std::min(block, count - start);
  float scores[block];
  multiplyBlock(q, dim, keys + start, begin, end, transposed, scores);
  for (size_t i = begin; i < end; ++i) {
    float distance = float(int64_t(start + i) - int64_t(count - 1));
    scores[i] = score(scores[i], distance, parameters);
  }
  finishBlock(scores, begin, end, values + start, dim, part);
}

/// The chain over the blocks.
struct Merge {
  float m = -std::numeric_limits<float>::infinity(), l = 0.0f;
  std::vector<float> o;
};

REFERENCE_INLINE void mergeBlock(Merge &into, float m, float l, const float *o,
                                 size_t dim) {
  float larger = m > into.m ? m : into.m;
  float a = exp2Exact(into.m - larger), b = exp2Exact(m - larger);
  float weighted = l * b;
  into.l = __builtin_fmaf(into.l, a, weighted);
  for (size_t d = 0; d < dim; ++d) {
    float scaled = o[d] * b;
    into.o[d] = __builtin_fmaf(into.o[d], a, scaled);
  }
  into.m = larger;
}

REFERENCE_INLINE void finish(const Merge &merge, size_t dim, float *y) {
  float inverse = 1.0f / merge.l;
  for (size_t d = 0; d < dim; ++d)
    y[d] = merge.o[d] * inverse;
}

REFERENCE_INLINE void attendBody(const float *q, size_t dim,
                                 const float *const *keys,
                                 const float *const *values, size_t count,
                                 const AttentionParameters &parameters,
                                 float *y) {
  Merge merge;
  merge.o.resize(dim);
  std::vector<float> transposed(dim * block);
  Partial part{0, 0, std::vector<float>(dim)};
  for (size_t start = parameters.first / block * block; start < count;
       start += block) {
    blockOf(q, dim, keys, values, count, parameters, start, transposed, part);
    mergeBlock(merge, part.m, part.l, part.o.data(), dim);
  }
  finish(merge, dim, y);
}
REFERENCE_VERSIONS(attend, attendBody,
                   (const float *q, size_t dim, const float *const *keys,
                    const float *const *values, size_t count,
                    const AttentionParameters &parameters, float *y),
                   (q, dim, keys, values, count, parameters, y))

REFERENCE_INLINE void partialBody(const float *q, size_t dim,
                                  const float *const *keys,
                                  const float *const *values, size_t count,
                                  const AttentionParameters &parameters,
                                  size_t start, float *out) {
  std::vector<float> transposed(dim * block);
  Partial part{0, 0, std::vector<float>(dim)};
  blockOf(q, dim, keys, values, count, parameters, start, transposed, part);
  out[0] = part.m;
  out[1] = part.l;
  std::copy(part.o.begin(), part.o.end(), out + partialHeader);
}
REFERENCE_VERSIONS(partial, partialBody,
                   (const float *q, size_t dim, const float *const *keys,
                    const float *const *values, size_t count,
                    const AttentionParameters &parameters, size_t start,
                    float *out),
                   (q, dim, keys, values, count, parameters, start, out))

REFERENCE_INLINE void mergeBody(const float *partials, size_t stride,
                                size_t count, size_t dim, float *y) {
  Merge merge;
  merge.o.resize(dim);
  for (size_t i = 0; i < count; ++i, partials += stride)
    mergeBlock(merge, partials[0], partials[1], partials + partialHeader, dim);
  finish(merge, dim, y);
}
REFERENCE_VERSIONS(mergeAll, mergeBody,
                   (const float *partials, size_t stride, size_t count,
                    size_t dim, float *y),
                   (partials, stride, count, dim, y))

/// Entry 29. `run`: the elements of d, or positions, of one chain.
REFERENCE_INLINE void inRunsBody(const float *q, size_t dim,
                                 const float *const *keys,
                                 const float *const *values, size_t count,
                                 const AttentionParameters &parameters,
                                 size_t run, float *y) {
  std::vector<float> p(count);
  float m = -std::numeric_limits<float>::infinity();
  for (size_t t = parameters.first; t < count; ++t) {
    float product = 0;
    for (size_t begin = 0; begin < dim; begin += run) {
      float chain = 0;
      for (size_t d = begin; d < std::min(dim, begin + run); ++d)
        chain = __builtin_fmaf(q[d], keys[t][d], chain);
      product = product + chain;
    }
    p[t] = score(product, float(int64_t(t) - int64_t(count - 1)), parameters);
    m = p[t] > m ? p[t] : m;
  }
  for (size_t t = parameters.first; t < count; ++t)
    p[t] = bf16ToFloat(floatToBf16(exp2Exact(p[t] - m)));
  float inverse = 1.0f / sum16(p.data(), count);
  std::vector<float> o(dim), chain(dim);
  for (size_t begin = parameters.first / run * run; begin < count;
       begin += run) {
    std::fill(chain.begin(), chain.end(), 0.0f);
    for (size_t t = std::max(begin, parameters.first);
         t < std::min(count, begin + run); ++t)
      for (size_t d = 0; d < dim; ++d)
        chain[d] = __builtin_fmaf(p[t], values[t][d], chain[d]);
    for (size_t d = 0; d < dim; ++d)
      o[d] = o[d] + chain[d];
  }
  for (size_t d = 0; d < dim; ++d)
    y[d] = o[d] * inverse;
}
REFERENCE_VERSIONS(inRuns, inRunsBody,
                   (const float *q, size_t dim, const float *const *keys,
                    const float *const *values, size_t count,
                    const AttentionParameters &parameters, size_t run,
                    float *y),
                   (q, dim, keys, values, count, parameters, run, y))

} // namespace

void attentionInRuns(const float *q, size_t dim,
                     const std::vector<const float *> &keys,
                     const std::vector<const float *> &values,
                     const AttentionParameters &parameters, size_t run,
                     float *y) {
  inRuns(q, dim, keys.data(), values.data(), keys.size(), parameters, run, y);
}

void attention(const float *q, size_t dim,
               const std::vector<const float *> &keys,
               const std::vector<const float *> &values,
               const AttentionParameters &parameters, float *y) {
  attend(q, dim, keys.data(), values.data(), keys.size(), parameters, y);
}

void attentionPartial(const float *q, size_t dim,
                      const std::vector<const float *> &keys,
                      const std::vector<const float *> &values,
                      const AttentionParameters &parameters, size_t number,
                      float *out) {
  partial(q, dim, keys.data(), values.data(), keys.size(), parameters,
          number * block, out);
}

void attentionMerge(const float *partials, size_t stride, size_t count,
                    size_t dim, float *y) {
  mergeAll(partials, stride, count, dim, y);
}

} // namespace espalier::reference
