//===- Image.cpp - What a model has in the accelerator's DRAM -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Lowering/Systolic/Image.h"

#include "espalier/Support/Half.h"

#include <algorithm>
#include <cstring>
#include <numeric>

using namespace espalier;
using namespace espalier::systolic;

PanelLayout::PanelLayout(uint64_t n, uint64_t k, espalier::Encoding encoding,
                         uint32_t arrayRows, uint32_t arrayColumns)
    : n(n), k(k), kind(encoding),
      tileRows(isBlockEncoding(encoding)
                   ? std::lcm(uint64_t(arrayRows), uint64_t(32))
                   : arrayRows),
      columns(arrayColumns) {}

uint64_t PanelLayout::panels() const { return (n + columns - 1) / columns; }
uint64_t PanelLayout::tilesOfPanel() const {
  return (k + tileRows - 1) / tileRows;
}

static uint64_t lineBytes(espalier::Encoding encoding, uint64_t columns) {
  return columns * *panelBytes(encoding, 1, isBlockEncoding(encoding) ? 32 : 1);
}

static uint64_t tileBytes(espalier::Encoding encoding, uint64_t rows,
                          uint64_t columns) {
  uint64_t lines = isBlockEncoding(encoding) ? rows / 32 : rows;
  return (lines * lineBytes(encoding, columns) + 15) / 16 * 16;
}

uint64_t PanelLayout::panelBytes(uint64_t width) const {
  uint64_t whole = k / tileRows, rest = k % tileRows;
  return whole * tileBytes(kind, tileRows, width) +
         (rest ? tileBytes(kind, rest, width) : 0);
}

PanelLayout::Tile PanelLayout::tile(uint64_t panel, uint64_t number) const {
  Tile tile;
  tile.n = panel * columns;
  tile.columns = std::min(columns, n - tile.n);
  tile.k = number * tileRows;
  tile.rows = std::min(tileRows, k - tile.k);
  tile.offset = panel * panelBytes(columns) +
                number * tileBytes(kind, tileRows, tile.columns);
  tile.bytes = tileBytes(kind, tile.rows, tile.columns);
  tile.lineBytes = lineBytes(kind, tile.columns);
  return tile;
}

uint64_t PanelLayout::bytes() const {
  uint64_t rest = n % columns;
  return n / columns * panelBytes(columns) + (rest ? panelBytes(rest) : 0);
}

void systolic::layOutWeight(const WeightImage &image,
                            espalier::Encoding encoding, const uint8_t *source,
                            uint8_t *out) {
  if (image.form == WeightImage::Form::Vector) {
    std::memcpy(out, source, image.n * 4);
    return;
  }
  uint64_t group = isBlockEncoding(encoding) ? 32 : 1;
  uint64_t groupBytes = *panelBytes(encoding, 1, unsigned(group));
  uint64_t rowBytes = image.k / group * groupBytes;
  auto put = [](uint8_t *at, float value) {
    uint16_t bits = floatToBf16(value);
    std::memcpy(at, &bits, 2);
  };
  float values[32];
  if (image.form == WeightImage::Form::Rows) {
    for (uint64_t n = 0; n < image.n; ++n)
      for (uint64_t g = 0; g < image.k / group; ++g) {
        decodePanelColumn(encoding, 1, unsigned(group),
                          source + n * rowBytes + g * groupBytes, 0, values);
        for (uint64_t i = 0; i < group; ++i)
          put(out + n * image.rowStride() + (g * group + i) * 2, values[i]);
      }
    return;
  }
  const PanelLayout &layout = image.panels;
  bool blocks = isBlockEncoding(layout.encoding());
  for (uint64_t p = 0; p < layout.panels(); ++p)
    for (uint64_t t = 0; t < layout.tilesOfPanel(); ++t) {
      PanelLayout::Tile tile = layout.tile(p, t);
      uint8_t *to = out + tile.offset;
      for (uint64_t g = 0; g < tile.rows / group; ++g)
        for (uint64_t c = 0; c < tile.columns; ++c) {
          const uint8_t *from = source + (tile.n + c) * rowBytes +
                                (tile.k / group + g) * groupBytes;
          if (blocks) {
            std::memcpy(to + g * tile.lineBytes + c * groupBytes, from,
                        groupBytes);
            continue;
          }
          decodePanelColumn(encoding, 1, 1, from, 0, values);
          put(to + g * tile.lineBytes + c * 2, values[0]);
        }
    }
}
