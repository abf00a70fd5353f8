//===- DynamicRope.h - Frequencies that follow the context ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_SUPPORT_DYNAMICROPE_H
#define ESPALIER_SUPPORT_DYNAMICROPE_H

#include <cstddef>
#include <cstdint>

namespace espalier {

/// base^exponent in float64, for a positive base, by sums and products only:
/// the same bits with every C library. Good to about 1e-15, relatively, while
/// exponent * log2(base) stays below 1000.
double powDouble(double base, double exponent);

/// docs/numerics.md, entry 9, "dynamic": the `pairs` frequencies of a model
/// that is opened for `context` tokens, more than `original`; `pairs` is at
/// least 2.
void dynamicRopeFrequencies(double theta, double factor, uint32_t original,
                            uint32_t context, size_t pairs, float *frequencies);

} // namespace espalier

#endif // ESPALIER_SUPPORT_DYNAMICROPE_H
