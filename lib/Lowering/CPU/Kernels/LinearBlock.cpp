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
//   acc = fma(fl(m * dx), float(sum x), acc)          with a minimum (q4_1)
// The integer sums are exact, so each instruction set may form them its own
// way:
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

constexpr int64_t a8Bytes = 40, a8Scale = 32, a8Sum = 36;

struct BlockChain {
  Emitter &e;
  Encoding weights;
  llvm::ArrayRef<V> x;

  bool isBytes() const { return weights == Encoding::Q8_0; }

  /// Four bytes of row `r`, `step` < 8, in all lanes.
  V activations(V xAt, unsigned step, unsigned bytes) {
    V word = e.load(e.i32, e.at(xAt, int64_t(4 * step)));
    return e.bitcast(e.splat(word, bytes / 4), e.vec(e.i8, bytes));
  }

  V multiplyAddBytes(V u, V s) {
    return e.intrinsic("llvm.x86.avx2.pmadd.ub.sw", e.vec(e.i16), {u, s});
  }
  V pairSums(V words) {
    return e.intrinsic("llvm.x86.avx2.pmadd.wd", e.vec(e.i32, 8),
                       {words, e.constant(e.vec(e.i16), int64_t(1))});
  }

  /// 16 columns' integer sums of one group, for every row.
  Vs sumsAvx2(V panel, llvm::ArrayRef<V> xAt) {
    llvm::SmallVector<std::array<V, 2>> acc(xAt.size());
    auto add = [](V &sum, V term) { sum = isSet(sum) ? sum + term : term; };
    mlir::Type bytes = e.vec(e.i8, 32);
    for (unsigned step = 0; step < 8; ++step) {
      if (isBytes()) {
        V w[2], magnitude[2];
        for (unsigned h = 0; h < 2; ++h) {
          w[h] = e.load(bytes, e.at(panel, int64_t(step * 64 + h * 32)));
          magnitude[h] =
              e.intrinsic("llvm.x86.avx2.psign.b", bytes, {w[h], w[h]});
        }
        for (size_t r = 0; r < xAt.size(); ++r) {
          V s = activations(xAt[r], step, 32);
          for (unsigned h = 0; h < 2; ++h) {
            V sx = e.intrinsic("llvm.x86.avx2.psign.b", bytes, {s, w[h]});
            add(acc[r][h], pairSums(multiplyAddBytes(magnitude[h], sx)));
          }
        }
        continue;
      }
      V packed = e.load(bytes, e.at(panel, int64_t(step * 32)));
      V nibble = e.constant(bytes, int64_t(15));
      V high = e.bitcast(e.srl(e.bitcast(packed, e.vec(e.i16)), 4), bytes);
      V w[2] = {e.both(packed, nibble), e.both(high, nibble)};
      for (size_t r = 0; r < xAt.size(); ++r) {
        V s = activations(xAt[r], step, 32);
        for (unsigned h = 0; h < 2; ++h)
          add(acc[r][h], multiplyAddBytes(w[h], s));
      }
    }
    Vs sums;
    for (auto &halves : acc) {
      if (!isBytes())
        for (V &words : halves)
          words = pairSums(words);
      sums.push_back(e.concat(halves[0], halves[1]));
    }
    return sums;
  }

  Vs sumsAvx512(V panel, llvm::ArrayRef<V> xAt) {
    Vs acc(xAt.size(), e.constant(e.vec(e.i32), int64_t(0)));
    for (unsigned step = 0; step < 8; ++step) {
      V w;
      if (isBytes()) {
        w = e.load(e.vec(e.i8, 64), e.at(panel, int64_t(step * 64)));
        w = e.exclusive(w, e.like(w, int64_t(-128)));
      } else {
        V packed = e.load(e.vec(e.i8, 32), e.at(panel, int64_t(step * 32)));
        V nibble = e.like(packed, int64_t(15));
        V high =
            e.bitcast(e.srl(e.bitcast(packed, e.vec(e.i16)), 4), packed.type());
        w = e.concat(e.both(packed, nibble), e.both(high, nibble));
      }
      for (size_t r = 0; r < xAt.size(); ++r)
        acc[r] = e.dotU8S8(acc[r], w, activations(xAt[r], step, 64));
    }
    return acc;
  }

  /// How far the weights as multiplied lie above the codes.
  int64_t offset(Isa isa) const {
    if (weights == Encoding::Q4_0)
      return 8;
    return isBytes() && isa == Isa::AVX512 ? 128 : 0;
  }

  Vs emit(Isa isa, V w, V groups) {
    int64_t codeBytes = isBytes() ? 512 : 256;
    bool minimum = weights == Encoding::Q4_1;
    int64_t groupBytes = codeBytes + (minimum ? 64 : 32);
    Vs zeros(x.size(), e.constant(e.vec(e.f32), 0.0f));
    return e.loop(
        e.index(0), groups, 1, zeros, [&](V g, llvm::ArrayRef<V> carried) {
          Vs acc(carried.begin(), carried.end());
          V panel = e.at(w, g * groupBytes);
          for (int64_t i = 0; i < groupBytes; i += 64)
            e.prefetch(e.at(panel, 4096 + i));
          Vs xAt;
          for (V row : x)
            xAt.push_back(e.at(row, g * a8Bytes));
          Vs sums =
              isa == Isa::AVX2 ? sumsAvx2(panel, xAt) : sumsAvx512(panel, xAt);
          V dw = e.loadAsFloat(Encoding::F16, e.at(panel, codeBytes));
          V m;
          if (minimum)
            m = e.loadAsFloat(Encoding::F16, e.at(panel, codeBytes + 32));
          for (size_t r = 0; r < x.size(); ++r) {
            V dx = e.splat(e.load(e.f32, e.at(xAt[r], a8Scale)));
            V sum = sums[r];
            if (int64_t o = offset(isa))
              sum = sum - e.splat(e.load(e.i32, e.at(xAt[r], a8Sum)) * o);
            acc[r] = e.fma(dw * dx, e.toFloat(sum), acc[r]);
            if (minimum) {
              V sumX = e.toFloat(e.load(e.i32, e.at(xAt[r], a8Sum)));
              acc[r] = e.fma(m * dx, e.splat(sumX), acc[r]);
            }
          }
          return acc;
        });
  }
};

} // namespace

Vs emitBlockChain(Emitter &e, const KernelKey &key, Isa isa, V w,
                  llvm::ArrayRef<V> x, V groups) {
  return BlockChain{e, key.weights, x}.emit(isa, w, groups);
}

} // namespace espalier::cpu
