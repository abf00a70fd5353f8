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

/// Copies row `from` of every layer and head to row `to`, in the layout that
/// espalier_kv_layout describes.
void copyCacheRow(const espalier_kv_layout &layout, uint64_t capacity,
                  uint8_t *cache, uint64_t from, uint64_t to);

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_KVCACHE_H
