//===- MemoryKernels.cpp - Kernels that move rows
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

#include "KVCache.h"
#include "espalier/descriptor.h"

namespace espalier::cpu {

// An entry of the table is one column of its panel. A position's entry is added
// to what is there.
void emitEmbedding(Emitter &e, const KernelKey &key, llvm::ArrayRef<V> a) {
  V args = a[0], firstRow = a[1], w = a[2], wStride = a[3], groups = a[4],
    out = a[5], outStride = a[6], rows = a[7];
  bool isPosition = key.kernel == Kernel::PositionEmbedding;
  V entries = e.field(args,
                      isPosition ? offsetof(espalier_step_args, position)
                                 : offsetof(espalier_step_args, token),
                      e.ptr);
  auto put = [&](V value, V to) {
    e.store(isPosition ? e.load(e.f32, to) + value : value, to);
  };
  e.loop(e.index(0), rows, 1, [&](V r) {
    V id = e.element32(entries, firstRow + r);
    if (isPosition)
      id = id + a[8];
    V panel = e.at(w, id / 16 * wStride), column = id % 16;
    V to = e.at(out, r * outStride);
    if (!isBlockEncoding(key.weights)) {
      V size = e.index(elementBytes(key.weights));
      bool paired = key.weights != Encoding::F32 && key.group % 2 == 0;
      e.loop(e.index(0), groups * int64_t(key.group), 1, [&](V k) {
        V i = paired ? (k / 2 * 16 + column) * 2 + k % 2 : k * 16 + column;
        put(e.widenScalar(key.weights, e.at(panel, i * size)), e.at(to, k * 4));
      });
      return;
    }
    bool bytes = key.weights == Encoding::Q8_0;
    bool minimum = key.weights == Encoding::Q4_1;
    int64_t codeBytes = bytes ? 512 : 256;
    V nibbleShift = e.truncate(
        e.select(e.less(column, e.index(8)), e.index(0), e.index(4)), e.i32);
    V lane = bytes ? column * 4 : column % 8 * 4;
    e.loop(e.index(0), groups, 1, [&](V g) {
      V block = e.at(panel, g * (codeBytes + (minimum ? 64 : 32)));
      V scaleAt = e.at(block, column * 2 + codeBytes);
      V d = e.widenScalar(Encoding::F16, scaleAt);
      V m;
      if (minimum)
        m = e.widenScalar(Encoding::F16, e.at(scaleAt, int64_t(32)));
      e.loop(e.index(0), e.index(32), 1, [&](V k) {
        V at = e.at(block, k / 4 * (bytes ? 64 : 32) + lane + k % 4);
        V code = e.load(e.i8, at);
        V q;
        if (bytes)
          q = e.extend(code, e.i32);
        else
          q = e.both(e.srlBy(e.extendU(code, e.i32), nibbleShift),
                     e.constant(e.i32, int64_t(15)));
        if (key.weights == Encoding::Q4_0)
          q = q - 8;
        V value = e.toFloat(q) * d;
        if (minimum)
          value = value + m;
        put(value, e.at(to, (g * 32 + k) * 4));
      });
    });
  });
}

void emitAppend(Emitter &e, const KernelKey &key, llvm::ArrayRef<V> a) {
  V args = a[0], firstRow = a[1], x = a[2], xStride = a[3], rows = a[4],
    firstHead = a[5], heads = a[6], layer = a[7], kvHeads = a[8],
    headDim = a[9];
  V cacheRow = e.field(args, offsetof(espalier_step_args, cache_row), e.ptr);
  V kv = e.field(args, offsetof(espalier_step_args, kv), e.ptr);
  KVCache cache(e, key.cache, args, layer, kvHeads, headDim);
  int64_t size = elementBytes(key.cache);
  e.loop(e.index(0), rows, 1, [&](V r) {
    V row = e.element32(cacheRow, firstRow + r);
    e.when(e.less(e.index(-1), row), [&] {
      V base = e.load(e.ptr, e.at(kv, (firstRow + r) * 8));
      V from = e.at(x, r * xStride);
      e.loop(e.index(0), heads, 1, [&](V h) {
        V head = e.at(from, h * headDim * 4);
        if (key.kernel == Kernel::AppendKeys) {
          V to = e.at(cache.keys(base, firstHead + h),
                      (row / 16 * headDim * 16 + row % 16) * size);
          e.chunks(headDim, [&](V i, V mask) {
            V v = e.narrow(key.cache, e.loadChunk(e.at(head, i * 4), mask));
            if (!isSet(mask)) {
              for (unsigned lane = 0; lane < 16; ++lane)
                e.store(e.lane(v, lane),
                        e.at(to, (i + int64_t(lane)) * (16 * size)));
              return;
            }
            e.loop(i, headDim, 1, [&](V d) {
              e.store(e.narrow(key.cache, e.load(e.f32, e.at(head, d * 4))),
                      e.at(to, d * (16 * size)));
            });
          });
          return;
        }
        // The elements between head_dim and value_dim become +0.
        V to = e.at(cache.values(base, firstHead + h),
                    row * cache.valueDim * size);
        e.chunks(headDim, [&](V i, V mask) {
          V v = e.loadChunk(e.at(head, i * 4), mask);
          e.store(e.narrow(key.cache, v), e.at(to, i * size));
        });
      });
    });
  });
}

namespace {
void copyRow(Emitter &e, V from, V to, V n) {
  e.chunks(n, [&](V i, V mask) {
    e.storeChunk(e.loadChunk(e.at(from, i * 4), mask), e.at(to, i * 4), mask);
  });
}
} // namespace

void emitSelectRows(Emitter &e, llvm::ArrayRef<V> a) {
  V args = a[0], x = a[1], xStride = a[2], out = a[3], outStride = a[4],
    n = a[5];
  V count = e.extendU(
      e.field(args, offsetof(espalier_step_args, wanted_count), e.i32), e.i64);
  V wanted = e.field(args, offsetof(espalier_step_args, wanted), e.ptr);
  e.loop(e.index(0), count, 1, [&](V i) {
    copyRow(e, e.at(x, e.element32(wanted, i) * xStride),
            e.at(out, i * outStride), n);
  });
}

void emitTap(Emitter &e, llvm::ArrayRef<V> a) {
  V args = a[0], x = a[1], xStride = a[2], tapIndex = a[3], n = a[4];
  V rows = e.extendU(e.field(args, offsetof(espalier_step_args, rows), e.i32),
                     e.i64);
  V hidden = e.field(args, offsetof(espalier_step_args, hidden), e.ptr);
  e.when(
      e.isNull(hidden), [] {},
      [&] {
        V to = e.at(hidden, tapIndex * rows * n * 4);
        e.loop(e.index(0), rows, 1, [&](V r) {
          copyRow(e, e.at(x, r * xStride), e.at(to, r * n * 4), n);
        });
      });
}

} // namespace espalier::cpu
