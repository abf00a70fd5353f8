//===- LinearBlock.cpp - Integer products of block weights
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/numerics.md, entry linear, quantised weights and activations: per group
//   acc = fma(fl(dw * dx), float(sum q * x), acc)
//   acc = fma(m, fl(float(sum x) * dx), acc)          with a minimum (q4_1)
// Four of the codes x, a step of the panel, have a high part: that step is
// multiplied a second time, with the high parts, and counts 128-fold. The
// integer sums are exact, so each instruction set may form them its own way:
//
//   q4 AVX2     unsigned nibbles times signed bytes, eight vpmaddubsw results
//               summed in 16 bits (8 * 2 * 15 * 127 = 30480), one vpmaddwd
//   q8 AVX2     |w| times x with w's sign: pairs stay below 2 * 127 * 127
//   q4 AVX-512  unsigned nibbles, the 512-bit dot
//   q8 AVX-512  w + 128 as unsigned, minus 128 * sum x
//
// and q4_0 subtracts 8 * sum x.
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

namespace espalier::cpu {

namespace {

struct BlockChain {
  Emitter &e;
  Encoding weights;
  llvm::ArrayRef<V> x;

  bool isBytes() const { return weights == Encoding::Q8_0; }

  /// Four bytes of a row's group from byte `offset`, in all lanes.
  V activations(V xAt, size_t offset, unsigned bytes) {
    V word = e.load(e.i32, e.at(xAt, int64_t(offset)));
    return e.bitcast(e.splat(word, bytes / 4), e.vec(e.i8, bytes));
  }

  /// The step of the panel whose codes have a high part.
  V stepOfRun(V panel, V xAt) {
    V run = e.extendU(e.load(e.i32, e.at(xAt, int64_t(a8::run))), e.i64);
    return e.at(panel, run * int64_t(isBytes() ? 64 : 32));
  }

  V multiplyAddBytes(V u, V s) {
    return e.intrinsic("llvm.x86.avx2.pmadd.ub.sw", e.vec(e.i16), {u, s});
  }
  V pairSums(V words, int64_t times = 1) {
    return e.intrinsic("llvm.x86.avx2.pmadd.wd", e.vec(e.i32, 8),
                       {words, e.constant(e.vec(e.i16), times)});
  }

  /// A step's weights of 32 bits a column, columns 0 .. 7 and 8 .. 15.
  std::array<V, 2> bytesOf(V step) {
    mlir::Type bytes = e.vec(e.i8, 32);
    if (isBytes())
      return {e.load(bytes, step), e.load(bytes, e.at(step, int64_t(32)))};
    V packed = e.load(bytes, step), nibble = e.constant(bytes, int64_t(15));
    V high = e.bitcast(e.srl(e.bitcast(packed, e.vec(e.i16)), 4), bytes);
    return {e.both(packed, nibble), e.both(high, nibble)};
  }

  /// The same in one vector, unsigned.
  V wideBytesOf(V step) {
    if (isBytes()) {
      V w = e.load(e.vec(e.i8, 64), step);
      return e.exclusive(w, e.like(w, int64_t(-128)));
    }
    auto [low, high] = bytesOf(step);
    return e.concat(low, high);
  }

  /// Products of pairs in 16 bits, of weights with four codes.
  V pairs(V w, V s) {
    if (!isBytes())
      return multiplyAddBytes(w, s);
    auto sign = [&](V value) {
      return e.intrinsic("llvm.x86.avx2.psign.b", w.type(), {value, w});
    };
    return multiplyAddBytes(sign(w), sign(s));
  }

  /// 16 columns' integer sums of one group, for every row.
  Vs sumsAvx2(V panel, llvm::ArrayRef<V> xAt) {
    llvm::SmallVector<std::array<V, 2>> acc(xAt.size());
    auto add = [](V &sum, V term) { sum = isSet(sum) ? sum + term : term; };
    for (unsigned step = 0; step < 8; ++step) {
      auto w = bytesOf(e.at(panel, int64_t(step * (isBytes() ? 64 : 32))));
      for (size_t r = 0; r < xAt.size(); ++r) {
        V s = activations(xAt[r], 4 * step, 32);
        for (unsigned h = 0; h < 2; ++h) {
          V words = pairs(w[h], s);
          add(acc[r][h], isBytes() ? pairSums(words) : words);
        }
      }
    }
    Vs sums;
    for (size_t r = 0; r < xAt.size(); ++r) {
      auto w = bytesOf(stepOfRun(panel, xAt[r]));
      V s = activations(xAt[r], a8::high, 32);
      for (unsigned h = 0; h < 2; ++h) {
        V low = isBytes() ? acc[r][h] : pairSums(acc[r][h]);
        acc[r][h] = low + pairSums(pairs(w[h], s), 128);
      }
      sums.push_back(e.concat(acc[r][0], acc[r][1]));
    }
    return sums;
  }

  Vs sumsAvx512(V panel, llvm::ArrayRef<V> xAt) {
    V zero = e.constant(e.vec(e.i32), int64_t(0));
    Vs acc;
    for (V at : xAt) {
      V high = e.dotU8S8(zero, wideBytesOf(stepOfRun(panel, at)),
                         activations(at, a8::high, 64));
      acc.push_back(e.shl(high, 7));
    }
    for (unsigned step = 0; step < 8; ++step) {
      V w = wideBytesOf(e.at(panel, int64_t(step * (isBytes() ? 64 : 32))));
      for (size_t r = 0; r < xAt.size(); ++r)
        acc[r] = e.dotU8S8(acc[r], w, activations(xAt[r], 4 * step, 64));
    }
    return acc;
  }

  /// How far the weights as multiplied lie above the codes.
  int64_t offset(Isa isa) const {
    if (weights == Encoding::Q4_0)
      return 8;
    return isBytes() && isa == Isa::AVX512 ? 128 : 0;
  }

  /// How far ahead of byte `offset` of the panels to prefetch. A core keeps few
  /// lines under way, and drops prefetches beyond them: with several runs side
  /// by side less of each is enough.
  V distanceAhead(const BlockStreams &streams, V offset) {
    if (!isSet(streams.left))
      return e.index(2048);
    constexpr int64_t near = 448;
    return e.select(e.less(offset + near, streams.left), e.index(near),
                    streams.skip + near);
  }

  Vs emit(Isa isa, const BlockStreams &streams, V groups) {
    int64_t codeBytes = isBytes() ? 512 : 256;
    bool minimum = weights == Encoding::Q4_1;
    int64_t groupBytes = codeBytes + (minimum ? 64 : 32);
    Vs zeros(streams.at.size() * x.size(), e.constant(e.vec(e.f32), 0.0f));
    return e.loop(
        e.index(0), groups, 1, zeros, [&](V g, llvm::ArrayRef<V> carried) {
          Vs acc(carried.begin(), carried.end());
          V offset = g * groupBytes;
          V ahead = distanceAhead(streams, offset);
          Vs xAt;
          for (V row : x)
            xAt.push_back(e.at(row, g * int64_t(a8::bytes)));
          auto sum = llvm::MutableArrayRef<V>(acc);
          for (V start : streams.at) {
            V panel = e.at(start, offset), next = e.at(panel, ahead);
            for (int64_t i = 0; i < groupBytes; i += 64)
              e.prefetch(e.at(next, i));
            Vs sums = isa == Isa::AVX2 ? sumsAvx2(panel, xAt)
                                       : sumsAvx512(panel, xAt);
            V dw = e.loadAsFloat(Encoding::F16, e.at(panel, codeBytes));
            V m;
            if (minimum)
              m = e.loadAsFloat(Encoding::F16, e.at(panel, codeBytes + 32));
            for (size_t r = 0; r < x.size(); ++r)
              sum[r] = add(sum[r], sums[r], dw, m, xAt[r], isa);
            sum = sum.drop_front(x.size());
          }
          return acc;
        });
  }

  /// acc with one group's integer sum of a row.
  V add(V acc, V sum, V dw, V m, V xAt, Isa isa) {
    V dx = e.splat(e.load(e.f32, e.at(xAt, int64_t(a8::scale))));
    if (int64_t o = offset(isa))
      sum = sum - e.splat(e.load(e.i32, e.at(xAt, int64_t(a8::sum))) * o);
    acc = e.fma(dw * dx, e.toFloat(sum), acc);
    if (!isSet(m))
      return acc;
    V sumX = e.load(e.f32, e.at(xAt, int64_t(a8::scaledSum)));
    return e.fma(m, e.splat(sumX), acc);
  }
};

} // namespace

Vs emitBlockChain(Emitter &e, const KernelKey &key, Isa isa,
                  const BlockStreams &streams, llvm::ArrayRef<V> x, V groups) {
  return BlockChain{e, key.weights, x}.emit(isa, streams, groups);
}

} // namespace espalier::cpu
