//===- KvCache.cpp - Rows of the key-value cache ----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KvCache.h"

#include <cstring>

using namespace espalier;
using namespace espalier::runtime;

std::optional<uint64_t> runtime::cacheBytes(const espalier_kv_layout &layout,
                                            uint64_t capacity) {
  uint64_t bytes;
  if (__builtin_mul_overflow(layout.layer_row_bytes, capacity, &bytes) ||
      __builtin_mul_overflow(bytes, uint64_t(layout.layers), &bytes))
    return std::nullopt;
  return bytes;
}

/// One element of the cache, of a type that holds any bits.
template <typename Element>
static void copyRow(const espalier_kv_layout &layout, uint64_t capacity,
                    Element *cache, uint64_t from, uint64_t to) {
  constexpr uint64_t tile = 16; // keys: [head][row / 16][head_dim][row % 16]
  uint64_t keysPerHead = capacity * layout.head_dim;
  uint64_t valuesPerHead = capacity * layout.value_dim;
  for (uint32_t layer = 0; layer < layout.layers; ++layer) {
    Element *keys = cache + uint64_t(layer) * layout.kv_heads *
                                (keysPerHead + valuesPerHead);
    Element *values = keys + layout.kv_heads * keysPerHead;
    for (uint32_t head = 0; head < layout.kv_heads; ++head) {
      Element *headKeys = keys + head * keysPerHead;
      Element *source =
          headKeys + from / tile * tile * layout.head_dim + from % tile;
      Element *target =
          headKeys + to / tile * tile * layout.head_dim + to % tile;
      for (uint32_t d = 0; d < layout.head_dim; ++d)
        target[d * tile] = source[d * tile];
      Element *headValues = values + head * valuesPerHead;
      memcpy(headValues + to * layout.value_dim,
             headValues + from * layout.value_dim,
             layout.value_dim * sizeof(Element));
    }
  }
}

void runtime::copyCacheRow(const espalier_kv_layout &layout, uint64_t capacity,
                           uint8_t *cache, uint64_t from, uint64_t to) {
  if (from == to)
    return;
  if (layout.element_bytes == 4)
    copyRow(layout, capacity, reinterpret_cast<uint32_t *>(cache), from, to);
  else
    copyRow(layout, capacity, reinterpret_cast<uint16_t *>(cache), from, to);
}
