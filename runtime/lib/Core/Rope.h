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

namespace espalier::runtime {

/// Writes the rows of positions [begin, end) of the table [position][dim]: for
/// each frequency the cosine, then for each the sine. angle = fl(position *
/// frequency); then our cosine and sine of it; then one product by the factor.
void fillRope(const espalier_rope &rope, uint32_t begin, uint32_t end,
              float *table);

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_ROPE_H
