//===- Rope.cpp - The table of rotations ------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Rope.h"

#include "espalier/Support/DynamicRope.h"
#include "espalier/Support/Elementary.h"

#include <algorithm>

using namespace espalier;

uint64_t runtime::ropeWidth(const espalier_descriptor &d) {
  uint64_t width = 0;
  for (uint64_t i = 0; i < d.rope_count; ++i)
    width += d.ropes[i].dim;
  return width;
}

uint32_t runtime::defaultContext(const espalier_descriptor &d) {
  uint32_t context = std::min(d.card->max_positions, 4096u);
  for (uint64_t i = 0; i < d.rope_count; ++i)
    if (d.ropes[i].switch_position != 0)
      context = std::min(context, d.ropes[i].switch_position);
  return context;
}

std::vector<float> runtime::ropeFrequencies(const espalier_descriptor &d,
                                            uint32_t context) {
  std::vector<float> all;
  for (uint64_t i = 0; i < d.rope_count; ++i) {
    const espalier_rope &rope = d.ropes[i];
    uint32_t pairs = rope.dim / 2;
    bool isLong = rope.switch_position != 0 && context > rope.switch_position;
    if (isLong && !rope.long_frequencies) {
      std::vector<float> dynamic(pairs);
      dynamicRopeFrequencies(rope.dynamic_theta, rope.dynamic_factor,
                             rope.switch_position, context, pairs,
                             dynamic.data());
      all.insert(all.end(), dynamic.begin(), dynamic.end());
      continue;
    }
    const float *chosen = isLong ? rope.long_frequencies : rope.frequencies;
    all.insert(all.end(), chosen, chosen + pairs);
  }
  return all;
}

void runtime::fillRopes(const espalier_descriptor &d,
                        const std::vector<float> &frequencies, uint32_t begin,
                        uint32_t end, float *table) {
  uint64_t width = ropeWidth(d);
  for (uint32_t position = begin; position < end; ++position) {
    float *row = table + uint64_t(position) * width;
    const float *frequency = frequencies.data();
    for (uint64_t k = 0; k < d.rope_count; ++k) {
      uint32_t half = d.ropes[k].dim / 2;
      float factor = d.ropes[k].attention_factor;
      for (uint32_t i = 0; i < half; ++i) {
        float angle = float(position) * frequency[i];
        row[i] = cosExact(angle) * factor;
        row[half + i] = sinExact(angle) * factor;
      }
      row += 2 * half;
      frequency += half;
    }
  }
}
