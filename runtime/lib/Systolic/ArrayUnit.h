//===- ArrayUnit.h - What the array computes --------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_ARRAYUNIT_H
#define ESPALIER_RUNTIME_SYSTOLIC_ARRAYUNIT_H

#include "Systolic/Plan.h"

namespace espalier::simulator {

/// The tile-level array: whole instructions at once, in the order of their
/// issue. Int8 is computed in float32, where sums of up to 1024 products are
/// exact.
class ArrayUnit {
public:
  explicit ArrayUnit(const Machine &m);

  void loadWeights(const Form &form, const uint8_t *tile);
  void matmul(const Form &form, const uint8_t *a, uint8_t *c);
  void matmulOs(const Form &form, const uint8_t *a, const uint8_t *b,
                uint8_t *c);

  /// Where set, the chains of the next product are added to it, row by row,
  /// `extra` columns each: bits of float32 or int32.
  std::vector<uint32_t> *capture = nullptr;

private:
  const float *floats(const uint8_t *rows, uint64_t stride, uint8_t type,
                      uint64_t first, uint64_t count, uint64_t column,
                      uint64_t columns, std::vector<float> &to,
                      uint64_t pitch) const;
  void addIntegers(uint64_t rows, uint64_t columns);
  void finish(const Form &form, uint64_t first, uint64_t rows, uint8_t *c);

  uint64_t rows, pitch;
  std::vector<float> planes[2];
  unsigned active = 0;
  std::vector<float> left, right, chain;
  std::vector<uint32_t> integers;
};

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_ARRAYUNIT_H
