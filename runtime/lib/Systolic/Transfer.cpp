//===- Transfer.cpp - What DMA instructions move --------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Dram.h"
#include "espalier/Support/Half.h"

#include <cstring>

using namespace espalier;
using namespace espalier::simulator;

namespace {

float half(const uint8_t *p) {
  uint16_t bits;
  memcpy(&bits, p, 2);
  return f16ToFloat(bits);
}

/// The 32 values of one block of GGUF, entry 2 of docs/numerics.md.
void decodeBlock(uint8_t type, const uint8_t *block, float *values) {
  float d = half(block);
  if (type == ESPALIER_SYSTOLIC_Q8_0) {
    for (unsigned k = 0; k < 32; ++k)
      values[k] = float(int8_t(block[2 + k])) * d;
    return;
  }
  bool minimum = type == ESPALIER_SYSTOLIC_Q4_1;
  const uint8_t *codes = block + (minimum ? 4 : 2);
  float m = minimum ? half(block + 2) : 0.0f;
  for (unsigned k = 0; k < 32; ++k) {
    int code = k < 16 ? codes[k] & 15 : codes[k - 16] >> 4;
    values[k] = minimum ? float(code) * d + m : float(code - 8) * d;
  }
}

void loadBlocks(const espalier_systolic_shape &shape, const uint8_t *row,
                uint8_t *rows, uint64_t stride) {
  uint64_t bytes = elementBytes(shape.type_b);
  float values[32];
  for (uint64_t column = 0; column < shape.columns; ++column) {
    decodeBlock(shape.type_b, row + column * bytes, values);
    for (unsigned k = 0; k < 32; ++k) {
      uint16_t bits = floatToBf16(values[k]);
      memcpy(rows + k * stride + column * 2, &bits, 2);
    }
  }
}

} // namespace

void Dram::load(const Form &form, const Rows &rows, uint8_t *scratchpad) const {
  const espalier_systolic_shape &shape = form.shape;
  const Access &access = form.access[0];
  const uint8_t *region = places[rows.region].read;
  uint64_t stride = uint64_t(access.stride) * ESPALIER_SYSTOLIC_GRANULE;
  for (uint64_t j = 0; j < shape.rows; ++j) {
    uint8_t *to = scratchpad + j * access.subRows * stride;
    if (rows.offsets[j] == absent) {
      for (uint32_t i = 0; i < access.subRows; ++i)
        memset(to + i * stride, 0, size_t(access.rowBytes));
      continue;
    }
    const uint8_t *from = region + rows.offsets[j];
    if (access.subRows > 1) {
      loadBlocks(shape, from, to, stride);
    } else if (shape.type_a == shape.type_b) {
      memcpy(to, from, size_t(access.rowBytes));
    } else {
      for (uint64_t i = 0; i < shape.columns; ++i) {
        float value;
        memcpy(&value, from + i * 4, 4);
        uint16_t bits = floatToBf16(value);
        memcpy(to + i * 2, &bits, 2);
      }
    }
  }
}

void Dram::store(const Form &form, const Rows &rows,
                 const uint8_t *scratchpad) {
  const Access &access = form.access[0];
  uint8_t *region = places[rows.region].write;
  uint64_t stride = uint64_t(access.stride) * ESPALIER_SYSTOLIC_GRANULE;
  for (uint64_t j = 0; j < form.shape.rows; ++j)
    if (rows.offsets[j] != absent)
      memcpy(region + rows.offsets[j], scratchpad + j * stride,
             size_t(access.rowBytes));
}
