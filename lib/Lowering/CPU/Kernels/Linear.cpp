//===- Linear.cpp - Blocks of rows and panels of a linear op
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/numerics.md, entry linear: the loops around the chain, and what follows
// it: + bias, then + residual. One panel of 16 columns stays in the cache while
// all rows pass over it, in blocks whose sums stay in registers.
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

namespace espalier::cpu {

namespace {

/// Rows whose sums fit in the registers beside the decoded weights.
unsigned rowsPerBlock(const KernelKey &key, Isa isa) {
  if (isa == Isa::AVX512)
    return 8;
  if (isBlockEncoding(key.weights))
    return 4;
  // Taking pairs of float16 apart needs registers of its own.
  return key.weights == Encoding::F16 ? 5 : 6;
}

struct Linear {
  Emitter &e;
  const KernelKey &key;
  Isa isa;
  V x, xStride, w, wStride, bias, out, outStride, rows, cols, groups,
      accumulate;
  V hasBias, hasResidual, corner;

  Vs chain(V panel, llvm::ArrayRef<V> xRows) {
    if (!isBlockEncoding(key.weights))
      return emitFloatChain(e, key, isa, panel, xRows, groups);
    if (key.activations == Encoding::A8)
      return emitBlockChain(e, key, isa, panel, xRows, groups);
    return emitDecodedChain(e, key, panel, xRows, groups);
  }

  /// out = (sum + bias) + residual at 16 columns, or the first `left` of them.
  void finish(V sum, V biasAt, V outAt, V left) {
    auto add = [&](V value, V at, mlir::Type type) {
      V v = e.choose(
          hasBias, [&] { return value + e.load(type, at); },
          [&] { return value; });
      return v;
    };
    e.when(
        e.less(e.index(15), left),
        [&] {
          V v = add(sum, biasAt, e.vec(e.f32));
          v = e.choose(
              hasResidual, [&] { return v + e.load(e.vec(e.f32), outAt); },
              [&] { return v; });
          e.store(v, outAt);
        },
        [&] {
          e.store(sum, corner);
          e.loop(e.index(0), left, 1, [&](V c) {
            V v = add(e.load(e.f32, e.at(corner, c * 4)), e.at(biasAt, c * 4),
                      e.f32);
            v = e.choose(
                hasResidual,
                [&] { return v + e.load(e.f32, e.at(outAt, c * 4)); },
                [&] { return v; });
            e.store(v, e.at(outAt, c * 4));
          });
        });
  }

  /// `count` rows from `row`; those beyond the last repeat it and are not
  /// stored.
  void block(V panel, V row, unsigned count, V column) {
    V left = cols - column;
    V last = rows - 1;
    Vs xRows;
    for (unsigned i = 0; i < count; ++i)
      xRows.push_back(e.at(x, e.min(row + i, last) * xStride));
    Vs sums = chain(panel, xRows);
    V biasAt = e.at(bias, column * 4);
    for (unsigned i = 0; i < count; ++i) {
      V outAt = e.at(out, (row + i) * outStride + column * 4);
      auto store = [&] { finish(sums[i], biasAt, outAt, left); };
      if (i == 0)
        store();
      else
        e.when(e.less(row + i, rows), store);
    }
  }

  void emit() {
    unsigned most = rowsPerBlock(key, isa);
    corner = e.frame(64);
    hasBias = e.equal(e.choose(
                          e.isNull(bias), [&] { return e.index(0); },
                          [&] { return e.index(1); }),
                      e.index(1));
    hasResidual = e.equal(accumulate, e.index(1));
    e.loop(e.index(0), cols, 16, [&](V column) {
      V panel = e.at(w, column / 16 * wStride);
      e.loop(e.index(0), rows, most, [&](V row) {
        e.when(
            e.equal(row, rows - 1), [&] { block(panel, row, 1, column); },
            [&] { block(panel, row, most, column); });
      });
    });
  }
};

} // namespace

void emitLinear(Emitter &e, const KernelKey &key, Isa isa,
                llvm::ArrayRef<V> a) {
  Linear{e,    key,  isa,  a[0], a[1], a[2], a[3],
         a[4], a[5], a[6], a[7], a[8], a[9], a[10]}
      .emit();
}

} // namespace espalier::cpu
