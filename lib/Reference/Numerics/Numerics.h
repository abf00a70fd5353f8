//===- Numerics.h - docs/numerics.md as plain loops ----------- -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The entries of docs/numerics.md, each one function, on host arrays. No MLIR.
/// Sums run along k with one lane per output, so that vectors across outputs
/// keep the order; each function is compiled for FMA hardware and for any.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_REFERENCE_NUMERICS_NUMERICS_H
#define ESPALIER_LIB_REFERENCE_NUMERICS_NUMERICS_H

#include "espalier/Support/Encodings.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace espalier::reference {

/// For tests: do without hardware FMAs. The bits stay the same.
extern bool portableOnly;

/// Runs `work(begin, end)` on ranges of 0 .. count - 1 that begin at multiples
/// of `grain`, on up to `threads` threads. `cost` is the number of elementary
/// steps of all: little work stays on this thread. What is written must not
/// depend on the split.
void splitWork(unsigned threads, size_t count, size_t grain, size_t cost,
               const std::function<void(size_t, size_t)> &work);

/// A weight matrix [N, K] whose outputs lie in strips of 16, k outermost.
struct DecodedMatrix {
  static constexpr size_t strip = 16;

  Encoding encoding = Encoding::F32;
  size_t n = 0, k = 0; ///< n as given; strips are padded with zeros
  /// Float encodings: [n/16][k][16].
  std::vector<float> values;
  /// Block encodings: codes as the product sees them [n/16][k][16], scales and
  /// minima [n/16][k/32][16].
  std::vector<int8_t> codes;
  std::vector<float> d, m;

  size_t strips() const { return (n + strip - 1) / strip; }
  /// Entry 2.
  float at(size_t row, size_t column) const;
};

/// Decodes panels of `columns` x `group`, row-major, that hold an [n, k]
/// matrix. `bytes` has all of them.
DecodedMatrix decodeMatrix(Encoding encoding, unsigned columns, unsigned group,
                           size_t n, size_t k, const uint8_t *bytes,
                           unsigned threads);

/// Entry 26: every element rounded to bf16.
DecodedMatrix roundMatrix(const DecodedMatrix &matrix, unsigned threads);

/// A linear over `rows` rows and outputs first .. first + n - 1 of the matrix.
/// Exactly one of `x` and `quantized` is set.
struct LinearCall {
  const DecodedMatrix *weight = nullptr;
  size_t rows = 0, first = 0, n = 0;
  const float *x = nullptr;           ///< [rows][k]
  const uint8_t *quantized = nullptr; ///< [rows][k/32] panels 1 x 32 of a8
  const float *bias = nullptr;        ///< [n], or none
  const float *residual = nullptr;    ///< [rows][n], or none
  float *y = nullptr;                 ///< [rows][n]
  /// 0: entries 4 to 6, by the weight's encoding and what x is; otherwise entry
  /// 28 with runs of so many k: floats only.
  size_t run = 0;
};

void linear(const LinearCall &call, unsigned threads);

/// Entry 1.
float sum16(const float *v, size_t n);
/// Entry 8, one segment; added to `init`, if there is one.
void rmsNorm(const float *x, const float *weight, size_t n, float eps,
             const float *init, float *y);
/// Entry 21, one segment; `bias` may be null.
void layerNorm(const float *x, const float *weight, const float *bias, size_t n,
               float eps, float *y);
/// Entry 9: the table of one position, `pairs` cosines, then `pairs` sines.
std::vector<float> ropeTable(int32_t position, const float *frequencies,
                             size_t pairs, float factor);
/// Entry 9, one head.
void rope(const float *x, size_t dim, const float *table, size_t pairs,
          float *y);
/// Entry 22.
float scale(float x, float factor, const float *init);
float softCap(float x, float cap);
/// Entries 10 and 26: `x` in the cache's element type.
float roundToCache(Encoding element, float x);

/// Entry 11: constants of the model, and what the row sees.
struct AttentionParameters {
  float scale = 1;
  size_t first = 0;           ///< first position that the row sees
  std::optional<float> cap;   ///< soft cap
  std::optional<float> slope; ///< alibi
};

/// Entry 11 for one row and one head: `keys[t]` and `values[t]` are the cached
/// elements at position t, up to that of the row; those before `first` are not
/// looked at.
void attention(const float *q, size_t dim,
               const std::vector<const float *> &keys,
               const std::vector<const float *> &values,
               const AttentionParameters &parameters, float *y);

/// Entry 29, with runs of `run` elements; arguments as for `attention`.
void attentionInRuns(const float *q, size_t dim,
                     const std::vector<const float *> &keys,
                     const std::vector<const float *> &values,
                     const AttentionParameters &parameters, size_t run,
                     float *y);

/// Entry 24, one row.
void route(const float *scores, size_t experts, size_t choices,
           bool renormalize, int32_t *ids, float *weights);
/// Entry 25: out[i] of the `choices` rows of n elements at `y`, before the
/// residual.
void combineExperts(const float *y, const float *weights, size_t choices,
                    size_t n, float *out);

/// Entry 11 in two steps. A block's m_b and l_b come first, then, from element
/// `partialHeader` on, o_b.
inline constexpr size_t partialHeader = 16;
/// What block `number` of 64 positions gives to one row and one head; the row
/// sees a position of it. Arguments as for `attention`.
void attentionPartial(const float *q, size_t dim,
                      const std::vector<const float *> &keys,
                      const std::vector<const float *> &values,
                      const AttentionParameters &parameters, size_t number,
                      float *out);
/// Merges `count` blocks, each `stride` elements after the one before.
void attentionMerge(const float *partials, size_t stride, size_t count,
                    size_t dim, float *y);

} // namespace espalier::reference

#endif // ESPALIER_LIB_REFERENCE_NUMERICS_NUMERICS_H
