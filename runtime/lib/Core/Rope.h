//===- Rope.h - The table of rotations --------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_ROPE_H
#define ESPALIER_RUNTIME_CORE_ROPE_H

#include "espalier/descriptor.h"

#include <cstdint>
#include <vector>

namespace espalier::runtime {

/// Floats of a position's row in the table.
uint64_t ropeWidth(const espalier_descriptor &descriptor);

/// The largest context that is taken where nobody asks for one: where the
/// frequencies depend on the context, those of the shorter ones count.
uint32_t defaultContext(const espalier_descriptor &descriptor);

/// Of each rope the frequencies that count for `context` tokens, one rope after
/// the other: `ropeWidth / 2` of them.
std::vector<float> ropeFrequencies(const espalier_descriptor &descriptor,
                                   uint32_t context);

/// Writes the rows of positions [begin, end) of the table [position][width]: of
/// each rope for each frequency the cosine, then for each the sine. angle =
/// fl(position * frequency); then our cosine and sine of it; then one product
/// by the factor.
void fillRopes(const espalier_descriptor &descriptor,
               const std::vector<float> &frequencies, uint32_t begin,
               uint32_t end, float *table);

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_ROPE_H
