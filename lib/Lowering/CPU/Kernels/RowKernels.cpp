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

namespace {

/// The largest of each run of four lanes, in all of its lanes.
V largestOfRuns(Emitter &e, V v) {
  auto exchange = [&](unsigned distance) {
    llvm::SmallVector<int64_t> lanes;
    for (unsigned i = 0; i < 16; ++i)
      lanes.push_back(i ^ distance);
    v = e.max(v, e.shuffle(v, v, lanes));
  };
  exchange(1);
  exchange(2);
  return v;
}

/// Which run of four each lane is in, lanes 16 * half + 0 .. 15.
V runNumbers(Emitter &e, unsigned half) {
  llvm::SmallVector<int32_t> runs;
  for (int32_t i = 0; i < 16; ++i)
    runs.push_back(int32_t(half) * 4 + i / 4);
  auto type = mlir::cast<mlir::VectorType>(e.vec(e.i32));
  return V(mlir::arith::ConstantOp::create(
               e.b, mlir::DenseIntElementsAttr::get(type, runs)),
           &e);
}

/// What main memory gives one core while a group is quantised.
constexpr unsigned linesPerGroup = 8;

} // namespace

void emitQuantize(Emitter &e, llvm::ArrayRef<V> a) {
  V x = a[0], xStride = a[1], out = a[2], outStride = a[3], rows = a[4],
    groups = a[5];
  V highs = e.frame(32);
  PrefetchWindow next(e, a[6]);
  e.loop(e.index(0), rows, 1, [&](V r) {
    V xr = e.at(x, r * xStride), outR = e.at(out, r * outStride);
    e.loop(e.index(0), groups, 1, [&](V g) {
      next.advance(linesPerGroup);
      V at = e.at(xr, g * 128), to = e.at(outR, g * int64_t(a8::bytes));
      V v[2], bits[2], ofRun[2], number[2];
      // Magnitudes are compared as integers, where infinity and the NaNs are
      // above all numbers.
      for (unsigned h = 0; h < 2; ++h) {
        v[h] = e.load(e.vec(e.f32), e.at(at, int64_t(h * 64)));
        bits[h] = e.bitcast(v[h], e.vec(e.i32));
        bits[h] = e.both(bits[h], e.like(bits[h], int64_t(0x7fffffff)));
        ofRun[h] = largestOfRuns(e, bits[h]);
        number[h] = runNumbers(e, h);
      }
      V top = e.foldMax(e.max(ofRun[0], ofRun[1]));
      V finite = e.less(top, e.constant(e.i32, int64_t(0x7f800000)));
      // The first run that has it: its number, counted from the end, is the
      // largest.
      V fromEnd[2];
      for (unsigned h = 0; h < 2; ++h)
        fromEnd[h] = e.select(e.equal(ofRun[h], e.splat(top)),
                              e.like(number[h], int64_t(7)) - number[h],
                              e.like(number[h], int64_t(0)));
      V run = e.constant(e.i32, int64_t(7)) -
              e.foldMax(e.max(fromEnd[0], fromEnd[1]));
      V inRun[2], others[2];
      for (unsigned h = 0; h < 2; ++h) {
        inRun[h] = e.equal(number[h], e.splat(run));
        others[h] = e.select(inRun[h], e.like(bits[h], int64_t(0)), bits[h]);
      }
      V rest = e.bitcast(e.foldMax(e.max(others[0], others[1])), e.f32);
      V base = e.max(rest, e.bitcast(top, e.f32) * e.real(0x1p-7f));
      // Below 2^-100 the quotient could overflow: such a group is zero.
      V tiny = e.less(base, e.real(0x1p-100f));
      V factor = e.select(tiny, e.real(0.0f), e.real(127.0f) / base);
      V sum;
      for (unsigned h = 0; h < 2; ++h) {
        // A group that is not finite is all zero but for its scale.
        V zero = e.like(v[h], 0.0f);
        V q = e.select(e.splat(finite), v[h], zero) * e.splat(factor);
        V limit =
            e.select(inRun[h], e.like(q, 127.0f * 128.0f), e.like(q, 127.0f));
        V bottom = e.negate(limit);
        q = e.roundEven(q);
        q = e.select(e.less(limit, q), limit,
                     e.select(e.less(q, bottom), bottom, q));
        V codes = e.toInt(q), none = e.like(codes, int64_t(0));
        V high = e.select(inRun[h], e.sra(codes + int64_t(64), 7), none);
        V low = codes - e.shl(high, 7);
        e.store(e.truncate(low, e.vec(e.i8)), e.at(to, int64_t(h * 16)));
        e.store(e.truncate(high, e.vec(e.i8)), e.at(highs, int64_t(h * 16)));
        sum = h ? sum + codes : codes;
      }
      sum = e.foldSum(sum);
      V nan = e.real(std::numeric_limits<float>::quiet_NaN());
      V d = e.select(finite, base / e.real(127.0f), nan);
      run = e.select(finite, run, e.constant(e.i32, int64_t(0)));
      e.store(d, e.at(to, int64_t(a8::scale)));
      e.store(sum, e.at(to, int64_t(a8::sum)));
      e.store(e.toFloat(sum) * d, e.at(to, int64_t(a8::scaledSum)));
      e.store(e.load(e.i32, e.at(highs, e.extend(run, e.i64) * 4)),
              e.at(to, int64_t(a8::high)));
      e.store(run, e.at(to, int64_t(a8::run)));
    });
  });
  next.finish();
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
