//===- Rope.cpp - The table of rotations ------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Rope.h"

#include "espalier/Support/Elementary.h"

using namespace espalier;

void runtime::fillRope(const espalier_rope &rope, uint32_t begin, uint32_t end,
                       float *table) {
  uint32_t half = rope.dim / 2;
  for (uint32_t position = begin; position < end; ++position) {
    float *row = table + uint64_t(position) * rope.dim;
    for (uint32_t i = 0; i < half; ++i) {
      float angle = float(position) * rope.frequencies[i];
      row[i] = cosExact(angle) * rope.attention_factor;
      row[half + i] = sinExact(angle) * rope.attention_factor;
    }
  }
}
