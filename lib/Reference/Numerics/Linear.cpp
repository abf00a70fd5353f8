//===- Linear.cpp - Entries 2, 4 to 6, 26 and 28 of docs/numerics.md ------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Numerics.h"
#include "Versions.h"

#include "espalier/Support/Half.h"

#include <algorithm>
#include <cstring>
#include <thread>

namespace espalier::reference {

bool portableOnly = false;

void splitWork(unsigned threads, size_t count, size_t grain, size_t cost,
               const std::function<void(size_t, size_t)> &work) {
  constexpr size_t worthAThread = 1u << 20;
  size_t grains = (count + grain - 1) / grain;
  size_t parts = std::min<size_t>({threads ? threads : 1u, grains,
                                   std::max<size_t>(1, cost / worthAThread)});
  if (parts <= 1)
    return work(0, count);
  std::vector<std::thread> team;
  auto bound = [&](size_t part) {
    return std::min(count, grains * part / parts * grain);
  };
  for (size_t part = 1; part < parts; ++part)
    team.emplace_back([&, part] { work(bound(part), bound(part + 1)); });
  work(0, bound(1));
  for (std::thread &thread : team)
    thread.join();
}

//===----------------------------------------------------------------------===//
// Decoded weights
//===----------------------------------------------------------------------===//

namespace {
constexpr size_t strip = DecodedMatrix::strip;
constexpr size_t groupSize = 32;

using Lanes = float __attribute__((vector_size(strip * sizeof(float))));
using IntLanes = int32_t __attribute__((vector_size(strip * sizeof(int32_t))));
using CodeLanes = int8_t __attribute__((vector_size(strip)));
} // namespace

float DecodedMatrix::at(size_t row, size_t column) const {
  size_t lane = row % strip;
  size_t at = (row / strip * k + column) * strip + lane;
  if (!isBlockEncoding(encoding))
    return values[at];
  size_t scale =
      (row / strip * (k / groupSize) + column / groupSize) * strip + lane;
  float value = float(codes[at]) * d[scale];
  return encoding == Encoding::Q4_1 ? value + m[scale] : value;
}

DecodedMatrix decodeMatrix(Encoding encoding, unsigned columns, unsigned group,
                           size_t n, size_t k, const uint8_t *bytes,
                           unsigned threads) {
  DecodedMatrix out;
  out.encoding = encoding;
  out.n = n;
  out.k = k;
  bool blocks = isBlockEncoding(encoding);
  size_t groups = k / group, panel = *panelBytes(encoding, columns, group);
  if (blocks) {
    out.codes.resize(out.strips() * k * strip);
    out.d.resize(out.strips() * groups * strip);
    out.m.resize(out.d.size());
  } else {
    out.values.resize(out.strips() * k * strip);
  }
  splitWork(threads, n, strip, n * k, [&](size_t begin, size_t end) {
    std::vector<float> decoded(group);
    for (size_t row = begin; row < end; ++row) {
      size_t base = row / strip, lane = row % strip;
      for (size_t g = 0; g < groups; ++g) {
        const uint8_t *at = bytes + (row / columns * groups + g) * panel;
        size_t first = (base * k + g * group) * strip + lane;
        if (blocks) {
          DecodedGroup from =
              decodePanelCodes(encoding, columns, at, row % columns);
          for (size_t i = 0; i < group; ++i)
            out.codes[first + i * strip] = int8_t(from.codes[i]);
          out.d[(base * groups + g) * strip + lane] = from.d;
          out.m[(base * groups + g) * strip + lane] = from.m;
          continue;
        }
        decodePanelColumn(encoding, columns, group, at, row % columns,
                          decoded.data());
        for (size_t i = 0; i < group; ++i)
          out.values[first + i * strip] = decoded[i];
      }
    }
  });
  return out;
}

DecodedMatrix roundMatrix(const DecodedMatrix &matrix, unsigned threads) {
  DecodedMatrix out;
  out.encoding = Encoding::BF16;
  out.n = matrix.n;
  out.k = matrix.k;
  out.values.resize(matrix.strips() * matrix.k * strip);
  splitWork(threads, matrix.strips(), 1, out.values.size() * 4,
            [&](size_t begin, size_t end) {
              for (size_t s = begin; s < end; ++s)
                for (size_t i = 0; i < matrix.k; ++i)
                  for (size_t lane = 0; lane < strip; ++lane)
                    out.values[(s * matrix.k + i) * strip + lane] = bf16ToFloat(
                        floatToBf16(matrix.at(s * strip + lane, i)));
            });
  return out;
}

//===----------------------------------------------------------------------===//
// Sums along k, 16 outputs side by side
//===----------------------------------------------------------------------===//

namespace {

template <typename Vector, typename T>
REFERENCE_INLINE void load(Vector &into, const T *from) {
  std::memcpy(&into, from, sizeof(Vector));
}

/// Entry 4: the chain of R rows, over one strip of decoded floats.
template <size_t R>
REFERENCE_INLINE void chainFloat(const LinearCall &call, size_t s, size_t row,
                                 Lanes (&acc)[R]) {
  size_t k = call.weight->k;
  const float *w = call.weight->values.data() + s * k * strip;
  for (size_t i = 0; i < k; ++i) {
    Lanes weight;
    load(weight, w + i * strip);
    for (size_t r = 0; r < R; ++r) {
      Lanes x = Lanes{} + call.x[(row + r) * k + i];
      acc[r] = __builtin_elementwise_fma(x, weight, acc[r]);
    }
  }
}

/// Entry 28: a chain for each run of k, added to what those before it gave.
template <size_t R>
REFERENCE_INLINE void chainRuns(const LinearCall &call, size_t s, size_t row,
                                Lanes (&acc)[R]) {
  size_t k = call.weight->k;
  const float *w = call.weight->values.data() + s * k * strip;
  for (size_t begin = 0; begin < k; begin += call.run) {
    Lanes part[R];
    for (size_t r = 0; r < R; ++r)
      part[r] = Lanes{};
    for (size_t i = begin; i < std::min(k, begin + call.run); ++i) {
      Lanes weight;
      load(weight, w + i * strip);
      for (size_t r = 0; r < R; ++r) {
        Lanes x = Lanes{} + call.x[(row + r) * k + i];
        part[r] = __builtin_elementwise_fma(x, weight, part[r]);
      }
    }
    for (size_t r = 0; r < R; ++r)
      acc[r] = acc[r] + part[r];
  }
}

/// Entry 6: as entry 4, each weight decoded by entry 2 on the way.
template <size_t R>
REFERENCE_INLINE void chainDecoded(const LinearCall &call, size_t s, size_t row,
                                   Lanes (&acc)[R]) {
  const DecodedMatrix &matrix = *call.weight;
  size_t k = matrix.k, groups = k / groupSize;
  bool hasMinimum = matrix.encoding == Encoding::Q4_1;
  for (size_t g = 0; g < groups; ++g) {
    Lanes d, m;
    load(d, matrix.d.data() + (s * groups + g) * strip);
    load(m, matrix.m.data() + (s * groups + g) * strip);
    for (size_t i = g * groupSize; i < (g + 1) * groupSize; ++i) {
      CodeLanes code;
      load(code, matrix.codes.data() + (s * k + i) * strip);
      Lanes weight = __builtin_convertvector(code, Lanes) * d;
      if (hasMinimum)
        weight = weight + m;
      for (size_t r = 0; r < R; ++r) {
        Lanes x = Lanes{} + call.x[(row + r) * k + i];
        acc[r] = __builtin_elementwise_fma(x, weight, acc[r]);
      }
    }
  }
}

/// Entry 5: exact integer sums of groups, one FMA (q4_1: two) for each.
template <size_t R>
REFERENCE_INLINE void chainGroups(const LinearCall &call, size_t s, size_t row,
                                  Lanes (&acc)[R]) {
  const DecodedMatrix &matrix = *call.weight;
  size_t k = matrix.k, groups = k / groupSize;
  for (size_t g = 0; g < groups; ++g) {
    const uint8_t *group[R];
    DecodedGroup x[R];
    IntLanes dot[R];
    for (size_t r = 0; r < R; ++r) {
      group[r] = call.quantized + ((row + r) * groups + g) * a8::bytes;
      x[r] = decodePanelCodes(Encoding::A8, 1, group[r], 0);
      dot[r] = IntLanes{};
    }
    for (size_t i = 0; i < groupSize; ++i) {
      CodeLanes code;
      load(code, matrix.codes.data() + (s * k + g * groupSize + i) * strip);
      IntLanes q = __builtin_convertvector(code, IntLanes);
      for (size_t r = 0; r < R; ++r)
        dot[r] = dot[r] + q * int32_t(x[r].codes[i]);
    }
    Lanes d, m;
    load(d, matrix.d.data() + (s * groups + g) * strip);
    load(m, matrix.m.data() + (s * groups + g) * strip);
    for (size_t r = 0; r < R; ++r) {
      acc[r] = __builtin_elementwise_fma(
          d * x[r].d, __builtin_convertvector(dot[r], Lanes), acc[r]);
      if (matrix.encoding != Encoding::Q4_1)
        continue;
      float sum;
      std::memcpy(&sum, group[r] + a8::scaledSum, 4);
      acc[r] = __builtin_elementwise_fma(m, Lanes{} + sum, acc[r]);
    }
  }
}

/// R rows of one strip: the sum, then bias, then residual. Outputs of the strip
/// that the call does not ask for are dropped.
template <size_t R>
REFERENCE_INLINE void linearStrip(const LinearCall &call, size_t s,
                                  size_t row) {
  Lanes acc[R];
  for (size_t r = 0; r < R; ++r)
    acc[r] = Lanes{};
  if (call.run)
    chainRuns<R>(call, s, row, acc);
  else if (call.quantized)
    chainGroups<R>(call, s, row, acc);
  else if (isBlockEncoding(call.weight->encoding))
    chainDecoded<R>(call, s, row, acc);
  else
    chainFloat<R>(call, s, row, acc);
  for (size_t r = 0; r < R; ++r) {
    for (size_t lane = 0; lane < strip; ++lane) {
      size_t output = s * strip + lane;
      if (output < call.first || output >= call.first + call.n)
        continue;
      size_t column = output - call.first;
      float value = acc[r][lane];
      if (call.bias)
        value = value + call.bias[column];
      if (call.residual)
        value = value + call.residual[(row + r) * call.n + column];
      call.y[(row + r) * call.n + column] = value;
    }
  }
}

/// Strips begin .. end - 1 of the matrix, all rows.
REFERENCE_INLINE void linearStripsBody(const LinearCall &call, size_t begin,
                                       size_t end) {
  for (size_t s = begin; s < end; ++s) {
    size_t row = 0;
    for (; row + 4 <= call.rows; row += 4)
      linearStrip<4>(call, s, row);
    for (; row < call.rows; ++row)
      linearStrip<1>(call, s, row);
  }
}
REFERENCE_VERSIONS(linearStrips, linearStripsBody,
                   (const LinearCall &call, size_t begin, size_t end),
                   (call, begin, end))

} // namespace

void linear(const LinearCall &call, unsigned threads) {
  if (call.n == 0 || call.rows == 0)
    return;
  size_t first = call.first / strip;
  size_t last = (call.first + call.n - 1) / strip;
  splitWork(threads, last - first + 1, 1, call.rows * call.n * call.weight->k,
            [&](size_t begin, size_t end) {
              linearStrips(call, first + begin, first + end);
            });
}

} // namespace espalier::reference
