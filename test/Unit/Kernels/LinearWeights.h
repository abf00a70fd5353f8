//===- LinearWeights.h - Packed weights and their chains --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_KERNELS_LINEARWEIGHTS_H
#define ESPALIER_TEST_UNIT_KERNELS_LINEARWEIGHTS_H

#include "KernelTest.h"

namespace espalier::cpu {

/// `cols` columns of random weights, packed in panels of 16.
struct Weights {
  Encoding encoding;
  unsigned group, groups, cols;
  size_t bytes;
  std::vector<uint8_t> panels;

  Weights(Random &random, Encoding encoding, unsigned group, unsigned groups,
          unsigned cols, bool wild)
      : encoding(encoding), group(group), groups(groups), cols(cols),
        bytes(*panelBytes(encoding, 16, group)) {
    panels.resize((cols + 15) / 16 * groups * bytes);
    for (size_t at = 0; at < panels.size(); at += bytes)
      fill(random, &panels[at], wild);
  }
  void fill(Random &random, uint8_t *panel, bool wild) {
    auto value = [&](float scale) {
      return wild ? random.wild() : random.real(scale);
    };
    auto store16 = [&](size_t at, uint16_t bits) {
      std::memcpy(panel + at, &bits, 2);
    };
    if (!isBlockEncoding(encoding)) {
      for (unsigned i = 0; i < 16 * group; ++i) {
        float x = value(1.0f);
        if (encoding == Encoding::F32)
          std::memcpy(panel + 4 * i, &x, 4);
        else
          store16(2 * i,
                  encoding == Encoding::F16 ? floatToF16(x) : floatToBf16(x));
      }
      return;
    }
    size_t codes = encoding == Encoding::Q8_0 ? 512 : 256;
    for (size_t i = 0; i < codes; ++i) {
      // The extremes often, to find sums that saturate.
      uint8_t b =
          random.below(2) ? random.byte() : (random.below(2) ? 0xff : 0x7f);
      if (encoding == Encoding::Q8_0 && b == 0x80)
        b = 0x81;
      panel[i] = b;
    }
    for (size_t i = codes; i < bytes; i += 2)
      store16(i, floatToF16(value(0.05f)));
  }
  const uint8_t *at(unsigned column, unsigned g) const {
    return &panels[(size_t(column / 16) * groups + g) * bytes];
  }
  std::vector<float> decoded(unsigned column) const {
    std::vector<float> v(size_t(groups) * group);
    for (unsigned g = 0; g < groups; ++g)
      decodePanelColumn(encoding, 16, group, at(column, g), column % 16,
                        &v[size_t(g) * group]);
    return v;
  }
};

inline float a8Scale(const uint8_t *panel) {
  float d;
  std::memcpy(&d, panel + a8::scale, 4);
  return d;
}

inline float chainFloat(const Weights &w, unsigned column, const float *x) {
  std::vector<float> values = w.decoded(column);
  float acc = 0.0f;
  for (size_t k = 0; k < values.size(); ++k)
    acc = std::fma(x[k], values[k], acc);
  return acc;
}

inline float chainBlock(const Weights &w, unsigned column, const uint8_t *x) {
  float acc = 0.0f;
  for (unsigned g = 0; g < w.groups; ++g, x += a8::bytes) {
    DecodedGroup group =
        decodePanelCodes(w.encoding, 16, w.at(column, g), column % 16);
    DecodedGroup codes = decodePanelCodes(Encoding::A8, 1, x, 0);
    int32_t sum = 0, sumX = 0;
    for (unsigned k = 0; k < 32; ++k) {
      sum += int32_t(group.codes[k]) * codes.codes[k];
      sumX += codes.codes[k];
    }
    float dx = a8Scale(x), scaledSum = float(sumX) * dx;
    acc = std::fma(group.d * dx, float(sum), acc);
    if (w.encoding == Encoding::Q4_1)
      acc = std::fma(group.m, scaledSum, acc);
  }
  return acc;
}

} // namespace espalier::cpu

#endif // ESPALIER_TEST_UNIT_KERNELS_LINEARWEIGHTS_H
