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
// all rows pass over it, in blocks whose sums stay in registers. A single row
// of floats takes several panels at a time: the sums of one are too few to hide
// the latency of an FMA. (With integer products, several are no faster.)
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

namespace espalier::cpu {

unsigned chainRows(const KernelKey &key, Isa isa) {
  if (isa == Isa::AVX512)
    return 8;
  if (isBlockEncoding(key.weights))
    return 4;
  // Taking pairs of float16 apart needs registers of its own.
  return key.weights == Encoding::F16 ? 5 : 6;
}

unsigned chainPanels(const KernelKey &key, Isa isa) {
  if (key.activations == Encoding::A8)
    return 1;
  return isa == Isa::AVX512 ? 4 : 2;
}

Vs emitChain(Emitter &e, const KernelKey &key, Isa isa,
             llvm::ArrayRef<V> panels, V wStride, llvm::ArrayRef<V> xRows,
             V groups) {
  if (key.activations == Encoding::A8)
    return emitBlockChain(e, key, isa, panels.front(), xRows, groups);
  PanelStreams streams{panels, wStride * int64_t(panels.size() - 1)};
  return isBlockEncoding(key.weights)
             ? emitDecodedChain(e, key, streams, xRows, groups)
             : emitFloatChain(e, key, isa, streams, xRows, groups);
}

namespace {

struct Linear {
  Emitter &e;
  const KernelKey &key;
  Isa isa;
  V x, xStride, w, wStride, bias, out, outStride, rows, cols, groups,
      accumulate;
  V hasBias, hasResidual, sums;

  Vs chain(llvm::ArrayRef<V> panels, llvm::ArrayRef<V> xRows) {
    return emitChain(e, key, isa, panels, wStride, xRows, groups);
  }

  /// out = (sum + bias) + residual at the first `left` columns, 16 at most.
  void finish(V sumAt, V biasAt, V outAt, V left) {
    auto at = [&](mlir::Type type, V offset) {
      V v = e.load(type, e.at(sumAt, offset));
      v = e.choose(
          hasBias, [&] { return v + e.load(type, e.at(biasAt, offset)); },
          [&] { return v; });
      v = e.choose(
          hasResidual, [&] { return v + e.load(type, e.at(outAt, offset)); },
          [&] { return v; });
      e.store(v, e.at(outAt, offset));
    };
    e.when(
        e.less(e.index(15), left), [&] { at(e.vec(e.f32), e.index(0)); },
        [&] { e.loop(e.index(0), left, 1, [&](V c) { at(e.f32, c * 4); }); });
  }

  /// The sums of `count` rows from `row`, into the frame; rows beyond the last
  /// repeat it.
  void block(V panel, V row, unsigned count) {
    V last = rows - 1;
    Vs xRows;
    for (unsigned i = 0; i < count; ++i)
      xRows.push_back(e.at(x, e.min(row + i, last) * xStride));
    Vs result = chain({panel}, xRows);
    for (unsigned i = 0; i < count; ++i)
      e.store(result[i], e.at(sums, int64_t(i * 64)));
  }

  /// Columns [0, end) of the only row, `wide` whole panels at a time.
  void singleRow(V end, unsigned wide) {
    e.loop(e.index(0), end, 16 * wide, [&](V column) {
      Vs panels;
      for (unsigned i = 0; i < wide; ++i)
        panels.push_back(e.at(w, (column / 16 + int64_t(i)) * wStride));
      Vs result = chain(panels, {x});
      for (unsigned i = 0; i < wide; ++i)
        e.store(result[i], e.at(sums, int64_t(i * 64)));
      e.loop(e.index(0), e.index(wide), 1, [&](V i) {
        V at = (column + i * 16) * 4;
        finish(e.at(sums, i * 64), e.at(bias, at), e.at(out, at), e.index(16));
      });
    });
  }

  void emit() {
    unsigned most = chainRows(key, isa);
    sums = e.frame(most * 64);
    hasBias = e.equal(e.choose(
                          e.isNull(bias), [&] { return e.index(0); },
                          [&] { return e.index(1); }),
                      e.index(1));
    hasResidual = e.equal(accumulate, e.index(1));
    V begin = e.index(0);
    if (unsigned wide = chainPanels(key, isa); wide > 1) {
      begin = e.choose(
          e.equal(rows, e.index(1)),
          [&] { return cols / (16 * wide) * (16 * wide); },
          [&] { return e.index(0); });
      singleRow(begin, wide);
    }
    e.loop(begin, cols, 16, [&](V column) {
      V panel = e.at(w, column / 16 * wStride);
      V biasAt = e.at(bias, column * 4);
      e.loop(e.index(0), rows, most, [&](V row) {
        V count = e.min(rows - row, e.index(most));
        e.when(
            e.equal(count, e.index(1)), [&] { block(panel, row, 1); },
            [&] {
              e.when(
                  e.equal(count, e.index(2)), [&] { block(panel, row, 2); },
                  [&] { block(panel, row, most); });
            });
        e.loop(e.index(0), count, 1, [&](V i) {
          V outAt = e.at(out, (row + i) * outStride + column * 4);
          finish(e.at(sums, i * 64), biasAt, outAt, cols - column);
        });
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
