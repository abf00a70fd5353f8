//===- Logarithm.h - ln to the last bit -------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_SUPPORT_LOGARITHM_H
#define ESPALIER_SUPPORT_LOGARITHM_H

namespace espalier {

/// The natural logarithm of a positive normal number, in float64, the same bits
/// on any machine (docs/numerics.md, entry log): for probabilities that are
/// told, not for what a model computes.
double logExact(double x);

} // namespace espalier

#endif // ESPALIER_SUPPORT_LOGARITHM_H
