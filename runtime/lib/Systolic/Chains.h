//===- Chains.h - Products by chains of FMAs --------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_CHAINS_H
#define ESPALIER_RUNTIME_SYSTOLIC_CHAINS_H

#include <cstddef>

namespace espalier::simulator {

/// Columns of `w` and `out` are padded to a multiple of this.
inline constexpr size_t chainColumns = 16;

/// One product of matrices of float32, by rows, `columns` a multiple of
/// chainColumns: of every result the chain over ascending k of
/// docs/numerics.md, from +0, or from `out` where `goOn`.
struct ChainProduct {
  const float *a;
  size_t strideA, rows;
  const float *w;
  size_t strideW, k, columns;
  float *out;
  size_t strideOut;
  bool goOn;
};

/// By vectors along the columns where the CPU has FMAs, else by std::fma: the
/// same bits.
void chains(const ChainProduct &product);
void chainsPortable(const ChainProduct &product);

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_CHAINS_H
