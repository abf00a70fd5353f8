//===- ArrayUnit.cpp - What the array computes ----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/ArrayUnit.h"

#include "Systolic/Chains.h"
#include "espalier/Support/Half.h"

#include <algorithm>
#include <bit>
#include <cstring>

using namespace espalier;
using namespace espalier::simulator;

/// Rows and steps that are widened at once. Int8 sums of so many steps are
/// exact in float32: 1024 * 128 * 128 = 2^24.
static constexpr uint64_t rowsAtOnce = 96, stepsAtOnce = 1024;

static uint64_t padded(uint64_t columns) {
  return (columns + chainColumns - 1) / chainColumns * chainColumns;
}

ArrayUnit::ArrayUnit(const Machine &m)
    : rows(m.rows), pitch(padded(m.columns)) {
  for (std::vector<float> &plane : planes)
    plane.resize(size_t(rows * pitch));
}

/// `count` rows from `first` on, `columns` from `column` on, widened, `pitch`
/// floats from row to row.
const float *ArrayUnit::floats(const uint8_t *source, uint64_t stride,
                               uint8_t type, uint64_t first, uint64_t count,
                               uint64_t column, uint64_t columns,
                               std::vector<float> &to, uint64_t pitch) const {
  to.resize(std::max<size_t>(to.size(), size_t(count * pitch)));
  for (uint64_t j = 0; j < count; ++j) {
    const uint8_t *row =
        source + (first + j) * stride * ESPALIER_SYSTOLIC_GRANULE;
    float *out = to.data() + j * pitch;
    if (type == ESPALIER_SYSTOLIC_I8) {
      auto *in = reinterpret_cast<const int8_t *>(row) + column;
      for (uint64_t i = 0; i < columns; ++i)
        out[i] = float(in[i]);
    } else {
      const uint8_t *in = row + column * 2;
      for (uint64_t i = 0; i < columns; ++i) {
        uint16_t bits;
        memcpy(&bits, in + i * 2, 2);
        out[i] = bf16ToFloat(bits);
      }
    }
  }
  return to.data();
}

void ArrayUnit::loadWeights(const Form &form, const uint8_t *tile) {
  const espalier_systolic_shape &s = form.shape;
  std::vector<float> &plane = planes[1 - active];
  if (!(form.flags & ESPALIER_FLAG_TRANSPOSED)) {
    floats(tile, s.stride_a, s.type_a, 0, s.rows, 0, s.columns, plane, pitch);
    return;
  }
  floats(tile, s.stride_a, s.type_a, 0, s.rows, 0, s.columns, right, s.columns);
  for (uint64_t n = 0; n < s.rows; ++n)
    for (uint64_t k = 0; k < s.columns; ++k)
      plane[k * pitch + n] = right[n * s.columns + k];
}

/// Adds sums of int8 products, which are whole numbers. What stands in the
/// columns of the padding is no number to convert.
void ArrayUnit::addIntegers(uint64_t rows, uint64_t columns) {
  uint64_t pitch = padded(columns);
  for (uint64_t j = 0; j < rows; ++j)
    for (uint64_t n = 0; n < columns; ++n)
      integers[j * pitch + n] += uint32_t(int32_t(chain[j * pitch + n]));
}

/// Adds the chains of `rows` rows from `first` on to the accumulator.
void ArrayUnit::finish(const Form &form, uint64_t first, uint64_t rows,
                       uint8_t *c) {
  const espalier_systolic_shape &s = form.shape;
  uint64_t columns = s.extra, pitch = padded(columns);
  bool accumulates = form.flags & ESPALIER_FLAG_ACCUMULATE;
  for (uint64_t j = 0; j < rows; ++j) {
    uint8_t *out = c + (first + j) * s.stride_c * ESPALIER_SYSTOLIC_GRANULE;
    for (uint64_t n = 0; n < columns; ++n) {
      if (s.type_a == ESPALIER_SYSTOLIC_I8) {
        uint32_t sum = integers[j * pitch + n], before = 0;
        if (capture)
          capture->push_back(sum);
        if (accumulates)
          memcpy(&before, out + n * 4, 4);
        sum += before;
        memcpy(out + n * 4, &sum, 4);
      } else {
        float sum = chain[j * pitch + n], before = 0.0f;
        if (capture)
          capture->push_back(std::bit_cast<uint32_t>(sum));
        if (accumulates)
          memcpy(&before, out + n * 4, 4);
        sum = before + sum;
        memcpy(out + n * 4, &sum, 4);
      }
    }
  }
}

void ArrayUnit::matmul(const Form &form, const uint8_t *a, uint8_t *c) {
  const espalier_systolic_shape &s = form.shape;
  if (form.flags & ESPALIER_FLAG_SWAP)
    active = 1 - active;
  bool int8 = s.type_a == ESPALIER_SYSTOLIC_I8;
  uint64_t outPitch = padded(s.extra);
  for (uint64_t first = 0; first < s.rows; first += rowsAtOnce) {
    uint64_t count = std::min<uint64_t>(rowsAtOnce, s.rows - first);
    const float *x = floats(a, s.stride_a, s.type_a, first, count, 0, s.columns,
                            left, s.columns);
    chain.resize(std::max<size_t>(chain.size(), size_t(count * outPitch)));
    chains({x, s.columns, size_t(count), planes[active].data(), size_t(pitch),
            s.columns, size_t(outPitch), chain.data(), size_t(outPitch),
            false});
    if (int8) {
      integers.assign(size_t(count * outPitch), 0);
      addIntegers(count, s.extra);
    }
    finish(form, first, count, c);
  }
}

void ArrayUnit::matmulOs(const Form &form, const uint8_t *a, const uint8_t *b,
                         uint8_t *c) {
  const espalier_systolic_shape &s = form.shape;
  bool int8 = s.type_a == ESPALIER_SYSTOLIC_I8;
  uint64_t outPitch = padded(s.extra), results = s.rows * outPitch;
  chain.resize(std::max<size_t>(chain.size(), size_t(results)));
  integers.assign(size_t(results), 0);
  for (uint64_t k = 0; k < s.columns; k += stepsAtOnce) {
    uint64_t steps = std::min<uint64_t>(stepsAtOnce, s.columns - k);
    const float *w =
        floats(b, s.stride_b, s.type_a, k, steps, 0, s.extra, right, outPitch);
    const float *x =
        floats(a, s.stride_a, s.type_a, 0, s.rows, k, steps, left, steps);
    chains({x, size_t(steps), s.rows, w, size_t(outPitch), size_t(steps),
            size_t(outPitch), chain.data(), size_t(outPitch), !int8 && k != 0});
    if (int8)
      addIntegers(s.rows, s.extra);
  }
  finish(form, 0, s.rows, c);
}
