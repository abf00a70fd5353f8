//===- LinearFloat.cpp - FMA chains over float weights
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/numerics.md, entry linear: acc = fma(x[k], w[k], acc), ascending k from
// +0, 16 columns at a time. Block weights with float activations are decoded
// first, by one product and at most one sum (Support/Encodings.h).
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

namespace espalier::cpu {

namespace {

/// How far ahead of `offset` within a panel of `panelBytes` to prefetch: some
/// 4 KiB of what is read, so that one stream keeps more lines under way than
/// the hardware would.
V distanceAhead(Emitter &e, const PanelStreams &panels, V offset,
                V panelBytes) {
  V near = e.index(4096);
  if (panels.at.size() == 1)
    return near;
  return e.select(e.less(offset + 4096, panelBytes), near, panels.skip + 4096);
}

void prefetchAhead(Emitter &e, V pointer, V distance, unsigned bytes) {
  V ahead = e.at(pointer, distance);
  for (unsigned i = 0; i < bytes; i += 64)
    e.prefetch(e.at(ahead, int64_t(i)));
}

/// acc[r] = fma(x[r][at], w, acc[r]) for the accumulators of one panel.
void accumulate(Emitter &e, llvm::MutableArrayRef<V> acc, llvm::ArrayRef<V> x,
                V xOffset, int64_t element, V w) {
  for (size_t r = 0; r < x.size(); ++r) {
    V value = e.load(e.f32, e.at(e.at(x[r], xOffset), element * 4));
    acc[r] = e.fma(e.splat(value), w, acc[r]);
  }
}

Vs zeros(Emitter &e, size_t count) {
  return Vs(count, e.constant(e.vec(e.f32), 0.0f));
}

/// 16 dwords below 2^16 as words. vpackusdw works in 128-bit lanes, which
/// leaves columns 0-3, 8-11, 4-7, 12-15; the sums are put in order at the end.
constexpr int64_t columnsInOrder[16] = {0, 1, 2, 3, 8,  9,  10, 11,
                                        4, 5, 6, 7, 12, 13, 14, 15};
V narrowPairs(Emitter &e, Isa isa, V dwords) {
  if (isa == Isa::AVX512)
    return e.truncate(dwords, e.vec(e.i16));
  return e.intrinsic("llvm.x86.avx2.packusdw", e.vec(e.i16),
                     {e.half(dwords, 0), e.half(dwords, 1)});
}

/// The largest divisor of `n` up to `most`.
unsigned divisor(unsigned n, unsigned most) {
  unsigned best = 1;
  for (unsigned d = 1; d <= most; ++d)
    if (n % d == 0)
      best = d;
  return best;
}

} // namespace

Vs emitFloatChain(Emitter &e, const KernelKey &key, Isa isa,
                  const PanelStreams &panels, llvm::ArrayRef<V> x, V groups) {
  bool paired = key.weights != Encoding::F32 && key.group % 2 == 0;
  unsigned kPerStep = paired ? 2 : 1;
  unsigned stepBytes = 16 * kPerStep * elementBytes(key.weights);
  unsigned unroll = divisor(key.group / kPerStep, x.size() == 1 ? 4 : 2);
  V steps = groups * int64_t(key.group / kPerStep);
  mlir::Type floats = e.vec(e.f32);
  /// One step of one panel.
  auto advance = [&](llvm::MutableArrayRef<V> acc, V here, V xOffset,
                     unsigned u) {
    if (!paired)
      return accumulate(e, acc, x, xOffset, u,
                        e.loadAsFloat(key.weights, here));
    V even, odd, pairs = e.load(e.vec(e.i32), here);
    if (key.weights == Encoding::BF16) {
      even = e.bitcast(e.shl(pairs, 16), floats);
      odd = e.bitcast(e.both(pairs, e.like(pairs, int64_t(-65536))), floats);
    } else {
      V low = e.both(pairs, e.like(pairs, int64_t(0xffff)));
      even = e.widen(e.bitcast(narrowPairs(e, isa, low), e.vec(e.f16)));
      odd = e.widen(
          e.bitcast(narrowPairs(e, isa, e.srl(pairs, 16)), e.vec(e.f16)));
    }
    accumulate(e, acc, x, xOffset, 2 * u, even);
    accumulate(e, acc, x, xOffset, 2 * u + 1, odd);
  };
  Vs sums = e.loop(
      e.index(0), steps, unroll, zeros(e, panels.at.size() * x.size()),
      [&](V step, llvm::ArrayRef<V> carried) {
        Vs acc(carried.begin(), carried.end());
        V offset = step * stepBytes;
        V ahead = distanceAhead(e, panels, offset, steps * stepBytes);
        Vs at;
        for (V panel : panels.at) {
          at.push_back(e.at(panel, offset));
          prefetchAhead(e, at.back(), ahead, unroll * stepBytes);
        }
        V xOffset = step * int64_t(kPerStep * 4);
        for (unsigned u = 0; u < unroll; ++u)
          for (size_t p = 0; p < at.size(); ++p)
            advance(llvm::MutableArrayRef(acc).slice(p * x.size(), x.size()),
                    e.at(at[p], int64_t(u * stepBytes)), xOffset, u);
        return acc;
      });
  if (paired && key.weights == Encoding::F16 && isa == Isa::AVX2)
    for (V &sum : sums)
      sum = e.shuffle(sum, sum, columnsInOrder);
  return sums;
}

Vs emitDecodedChain(Emitter &e, const KernelKey &key,
                    const PanelStreams &panels, llvm::ArrayRef<V> x, V groups) {
  bool bytes = key.weights == Encoding::Q8_0;
  unsigned codeBytes = bytes ? 512 : 256;
  unsigned groupBytes = codeBytes + (key.weights == Encoding::Q4_1 ? 64 : 32);
  /// Four k of one panel.
  auto advance = [&](llvm::MutableArrayRef<V> acc, V panel, V k4, V xOffset,
                     V d, V m) {
    V low, high;
    if (bytes) {
      low = e.load(e.vec(e.i32), e.at(panel, k4 * 64));
    } else {
      low = e.load(e.vec(e.i32, 8), e.at(panel, k4 * 32));
      high = e.srl(low, 4);
      low = e.concat(low, high);
    }
    for (unsigned k = 0; k < 4; ++k) {
      V q;
      if (bytes) {
        q = e.sra(e.shl(low, 24 - 8 * k), 24);
      } else {
        q = e.srl(low, 8 * k);
        q = e.both(q, e.like(q, int64_t(15)));
      }
      if (key.weights == Encoding::Q4_0)
        q = q - 8;
      V value = e.toFloat(q) * d;
      if (isSet(m))
        value = value + m;
      accumulate(e, acc, x, xOffset, k, value);
    }
  };
  return e.loop(
      e.index(0), groups, 1, zeros(e, panels.at.size() * x.size()),
      [&](V g, llvm::ArrayRef<V> carried) {
        Vs at, d, m;
        V offset = g * groupBytes;
        V ahead = distanceAhead(e, panels, offset, groups * groupBytes);
        for (V panel : panels.at) {
          at.push_back(e.at(panel, offset));
          prefetchAhead(e, at.back(), ahead, groupBytes);
          d.push_back(e.loadAsFloat(Encoding::F16,
                                    e.at(at.back(), int64_t(codeBytes))));
          m.push_back(
              key.weights == Encoding::Q4_1
                  ? e.loadAsFloat(Encoding::F16,
                                  e.at(at.back(), int64_t(codeBytes + 32)))
                  : V());
        }
        // A loop keeps the code small: four k a turn.
        return e.loop(e.index(0), e.index(8), 1, carried,
                      [&](V k4, llvm::ArrayRef<V> inner) {
                        Vs acc(inner.begin(), inner.end());
                        V xOffset = (g * 8 + k4) * 16;
                        for (size_t p = 0; p < at.size(); ++p)
                          advance(llvm::MutableArrayRef(acc).slice(p * x.size(),
                                                                   x.size()),
                                  at[p], k4, xOffset, d[p], m[p]);
                        return acc;
                      });
      });
}

} // namespace espalier::cpu
