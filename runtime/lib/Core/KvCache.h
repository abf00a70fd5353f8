//===- KvCache.h - Rows of the key-value cache ------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_KVCACHE_H
#define ESPALIER_RUNTIME_CORE_KVCACHE_H

#include "espalier/descriptor.h"

#include <cstdint>
#include <optional>

namespace espalier::runtime {

/// Bytes of one slot's cache of `capacity` rows; nothing: too many to count.
std::optional<uint64_t> cacheBytes(const espalier_kv_layout &layout,
                                   uint64_t capacity);

/// Calls visit(offset, bytes, isKeys) for the memory that holds the first
/// `rows` rows of a cache of `capacity` rows: for each layer the keys of each
/// head, in whole tiles of 16 rows, then the values of each head.
template <typename Visit>
void forEachCacheRun(const espalier_kv_layout &layout, uint64_t capacity,
                     uint64_t rows, Visit visit) {
  if (rows == 0)
    return;
  uint64_t element = layout.element_bytes;
  uint64_t keys = uint64_t(layout.head_dim) * element; // of a row
  uint64_t values = uint64_t(layout.value_dim) * element;
  for (uint64_t layer = 0; layer < layout.layers; ++layer) {
    uint64_t at = layer * capacity * layout.layer_row_bytes;
    for (uint32_t head = 0; head < layout.kv_heads; ++head)
      visit(at + head * capacity * keys, (rows + 15) / 16 * 16 * keys, true);
    at += layout.kv_heads * capacity * keys;
    for (uint32_t head = 0; head < layout.kv_heads; ++head)
      visit(at + head * capacity * values, rows * values, false);
  }
}

/// Copies row `from` of every layer and head to row `to`, in the layout that
/// espalier_kv_layout describes.
void copyCacheRow(const espalier_kv_layout &layout, uint64_t capacity,
                  uint8_t *cache, uint64_t from, uint64_t to);

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_KVCACHE_H
