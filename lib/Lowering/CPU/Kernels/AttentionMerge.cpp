//===- AttentionMerge.cpp - Merges what blocks of positions give -*- C++ -*-==//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/numerics.md, entry attention, from `m = -inf` on: the blocks that a row
// sees, ascending. A block of a row's head is m, l, padding to 64 bytes, o. The
// sums o stand in the output while the blocks pass.
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

#include "espalier/descriptor.h"

#include <limits>

namespace espalier::cpu {

void emitAttentionMerge(Emitter &e, llvm::ArrayRef<V> a) {
  V args = a[0], firstRow = a[1], partials = a[2], blockStride = a[3],
    rowStride = a[4], out = a[5], outStride = a[6], rows = a[7], heads = a[8],
    headDim = a[9], window = a[10];
  V position = e.field(args, offsetof(espalier_step_args, position), e.ptr);
  V cacheRow = e.field(args, offsetof(espalier_step_args, cache_row), e.ptr);
  V headBytes = (headDim + 15) / 16 * 64 + 64;
  V minusInfinity = e.real(-std::numeric_limits<float>::infinity());
  V zero = e.constant(e.vec(e.f32), 0.0f);
  e.loop(e.index(0), rows, 1, [&](V r) {
    V to = e.at(out, r * outStride);
    e.chunks(heads * headDim,
             [&](V d, V mask) { e.storeChunk(zero, e.at(to, d * 4), mask); });
    V last = e.element32(position, firstRow + r);
    V first = e.max(last + 1 - window, e.index(0)) / 64;
    V end = e.select(e.less(e.element32(cacheRow, firstRow + r), e.index(0)),
                     first, last / 64 + 1);
    e.loop(e.index(0), e.select(e.less(first, end), heads, e.index(0)), 1,
           [&](V h) {
             V from = e.at(e.at(partials, r * rowStride), h * headBytes);
             V o = e.at(to, h * headDim * 4);
             Vs sums =
                 e.loop(first, end, 1, {minusInfinity, e.real(0.0f)},
                        [&](V b, llvm::ArrayRef<V> carried) -> Vs {
                          V m = carried[0], l = carried[1];
                          V block = e.at(from, b * blockStride);
                          V mB = e.load(e.f32, block), mNew = e.max(m, mB);
                          V lB = e.load(e.f32, e.at(block, int64_t(4)));
                          V differences = e.constant(e.vec(e.f32, 4), 0.0f);
                          differences = e.insert(differences, m - mNew, 0);
                          differences = e.insert(differences, mB - mNew, 1);
                          V factors = e.exp2(differences);
                          V alpha = e.lane(factors, 0),
                            beta = e.lane(factors, 1);
                          V alphas = e.splat(alpha), betas = e.splat(beta);
                          e.chunks(headDim, [&](V d, V mask) {
                            V oB = e.loadChunk(e.at(block, d * 4 + 64), mask);
                            V sum = e.loadChunk(e.at(o, d * 4), mask);
                            e.storeChunk(e.fma(sum, alphas, oB * betas),
                                         e.at(o, d * 4), mask);
                          });
                          return {mNew, e.fma(l, alpha, lB * beta)};
                        });
             V inverse = e.splat(e.real(1.0f) / sums[1]);
             e.chunks(headDim, [&](V d, V mask) {
               V sum = e.loadChunk(e.at(o, d * 4), mask);
               e.storeChunk(sum * inverse, e.at(o, d * 4), mask);
             });
           });
  });
}

} // namespace espalier::cpu
