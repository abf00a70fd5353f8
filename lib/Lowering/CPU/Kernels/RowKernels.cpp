//===- RowKernels.cpp - Kernels that encode and rotate rows
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/numerics.md, entries quantize_activations and rope.
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

#include "espalier/descriptor.h"

#include <limits>

namespace espalier::cpu {

void emitQuantize(Emitter &e, llvm::ArrayRef<V> a) {
  V x = a[0], xStride = a[1], out = a[2], outStride = a[3], rows = a[4],
    groups = a[5];
  e.loop(e.index(0), rows, 1, [&](V r) {
    V xr = e.at(x, r * xStride), outR = e.at(out, r * outStride);
    e.loop(e.index(0), groups, 1, [&](V g) {
      V at = e.at(xr, g * 128), to = e.at(outR, g * 40);
      V v[2];
      // Magnitudes are compared as integers, where infinity and the NaNs are
      // above all numbers.
      V largest;
      for (unsigned h = 0; h < 2; ++h) {
        v[h] = e.load(e.vec(e.f32), e.at(at, int64_t(h * 64)));
        V bits = e.bitcast(v[h], e.vec(e.i32));
        bits = e.both(bits, e.like(bits, int64_t(0x7fffffff)));
        largest = h ? e.max(largest, bits) : bits;
      }
      V most = e.foldMax(largest);
      V finite = e.less(most, e.constant(e.i32, int64_t(0x7f800000)));
      V amax = e.bitcast(most, e.f32);
      // Below 2^-100 the quotient could overflow: such a group is zero.
      V tiny = e.less(amax, e.real(0x1p-100f));
      V factor = e.select(tiny, e.real(0.0f), e.real(127.0f) / amax);
      V sum;
      for (unsigned h = 0; h < 2; ++h) {
        // A group that is not finite is all zero but for its scale.
        V zero = e.like(v[h], 0.0f);
        V q = e.select(e.splat(finite), v[h], zero) * e.splat(factor);
        V top = e.like(q, 127.0f), bottom = e.like(q, -127.0f);
        q = e.roundEven(q);
        q = e.select(e.less(top, q), top,
                     e.select(e.less(q, bottom), bottom, q));
        V codes = e.toInt(q);
        e.store(e.truncate(codes, e.vec(e.i8)), e.at(to, int64_t(h * 16)));
        sum = h ? sum + codes : codes;
      }
      V d = e.select(finite, amax / e.real(127.0f),
                     e.real(std::numeric_limits<float>::quiet_NaN()));
      e.store(d, e.at(to, int64_t(32)));
      e.store(e.foldSum(sum), e.at(to, int64_t(36)));
    });
  });
}

void emitRope(Emitter &e, llvm::ArrayRef<V> a) {
  V args = a[0], firstRow = a[1], x = a[2], xStride = a[3], out = a[4],
    outStride = a[5], rows = a[6], heads = a[7], headDim = a[8], rotary = a[9],
    width = a[10], column = a[11];
  V position = e.field(args, offsetof(espalier_step_args, position), e.ptr);
  V table = e.field(args, offsetof(espalier_step_args, rope), e.ptr);
  V half = e.srl(rotary, 1);
  e.loop(e.index(0), rows, 1, [&](V r) {
    V cosAt =
        e.at(table, (e.element32(position, firstRow + r) * width + column) * 4);
    V sinAt = e.at(cosAt, half * 4);
    e.loop(e.index(0), heads, 1, [&](V h) {
      V from = e.at(e.at(x, r * xStride), h * headDim * 4);
      V to = e.at(e.at(out, r * outStride), h * headDim * 4);
      V fromHigh = e.at(from, half * 4), toHigh = e.at(to, half * 4);
      e.chunks(half, [&](V i, V mask) {
        V at = i * 4;
        V x0 = e.loadChunk(e.at(from, at), mask);
        V x1 = e.loadChunk(e.at(fromHigh, at), mask);
        V c = e.loadChunk(e.at(cosAt, at), mask);
        V s = e.loadChunk(e.at(sinAt, at), mask);
        e.storeChunk(x0 * c - x1 * s, e.at(to, at), mask);
        e.storeChunk(x1 * c + x0 * s, e.at(toHigh, at), mask);
      });
      V fromRest = e.at(from, rotary * 4), toRest = e.at(to, rotary * 4);
      e.chunks(headDim - rotary, [&](V i, V mask) {
        e.storeChunk(e.loadChunk(e.at(fromRest, i * 4), mask),
                     e.at(toRest, i * 4), mask);
      });
    });
  });
}

} // namespace espalier::cpu
