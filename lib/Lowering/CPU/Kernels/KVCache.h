//===- KVCache.h - Where keys and values lie
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Addresses in a KV cache: espalier_kv_layout (espalier/descriptor.h).
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_LOWERING_CPU_KERNELS_KVCACHE_H
#define ESPALIER_LIB_LOWERING_CPU_KERNELS_KVCACHE_H

#include "Builder.h"

#include "espalier/descriptor.h"

namespace espalier::cpu {

struct KVCache {
  Emitter &e;
  int64_t size;
  V capacity, headDim, valueDim, layerOffset, valueOffset;

  KVCache(Emitter &e, Encoding element, V args, V layer, V kvHeads, V headDim)
      : e(e), size(elementBytes(element)),
        capacity(
            e.field(args, offsetof(espalier_step_args, kv_capacity), e.i64)),
        headDim(headDim), valueDim((headDim + 15) / 16 * 16) {
    V rowBytes = kvHeads * (headDim + valueDim) * size;
    layerOffset = layer * capacity * rowBytes;
    valueOffset = kvHeads * capacity * headDim * size;
  }
  /// Keys of `head`: [row / 16][head_dim][row % 16].
  V keys(V base, V head) {
    return e.at(base, layerOffset + head * capacity * headDim * size);
  }
  /// Values of `head`: [row][value_dim].
  V values(V base, V head) {
    return e.at(base,
                layerOffset + valueOffset + head * capacity * valueDim * size);
  }
};

} // namespace espalier::cpu

#endif // ESPALIER_LIB_LOWERING_CPU_KERNELS_KVCACHE_H
