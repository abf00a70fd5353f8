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
// the latency of an FMA. With integer products it takes several runs of panels:
// main memory gives more to a core that reads at several places.
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
    return emitBlockChain(e, key, isa, {panels, V(), V()}, xRows, groups);
  PanelStreams streams{panels, wStride * int64_t(panels.size() - 1)};
  return isBlockEncoding(key.weights)
             ? emitDecodedChain(e, key, streams, xRows, groups)
             : emitFloatChain(e, key, isa, streams, xRows, groups);
}

V isGiven(Emitter &e, V pointer) {
  return e.equal(e.choose(
                     e.isNull(pointer), [&] { return e.index(0); },
                     [&] { return e.index(1); }),
                 e.index(1));
}

Vs emitPanels(Emitter &e, const KernelKey &key, Isa isa, V matrix, V wStride,
              V column, V xRow, V groups) {
  Vs panels;
  for (unsigned i = 0; i < chainPanels(key, isa); ++i)
    panels.push_back(e.at(matrix, (column / 16 + int64_t(i)) * wStride));
  return emitChain(e, key, isa, panels, wStride, {xRow}, groups);
}

V overWidePanels(Emitter &e, const KernelKey &key, Isa isa, V rows, V cols,
                 llvm::function_ref<void(V)> body) {
  unsigned wide = chainPanels(key, isa);
  if (wide == 1)
    return e.index(0);
  V end = e.choose(
      e.equal(rows, e.index(1)),
      [&] { return cols / (16 * wide) * (16 * wide); },
      [&] { return e.index(0); });
  e.loop(e.index(0), end, 16 * wide, body);
  return end;
}

void overBlocks(Emitter &e, V begin, V end, unsigned most,
                llvm::function_ref<void(V, unsigned)> block,
                llvm::function_ref<void(V, V)> after) {
  e.loop(begin, end, most, [&](V first) {
    V count = e.min(end - first, e.index(most));
    e.when(
        e.equal(count, e.index(1)), [&] { block(first, 1); },
        [&] {
          e.when(
              e.equal(count, e.index(2)), [&] { block(first, 2); },
              [&] { block(first, most); });
        });
    if (after)
      after(first, count);
  });
}

namespace {

/// Runs of panels that a single row reads side by side with integer products.
constexpr unsigned runs = 4;

struct Linear {
  Emitter &e;
  const KernelKey &key;
  Isa isa;
  V x, xStride, w, wStride, bias, out, outStride, rows, cols, groups,
      accumulate;
  V hasBias, hasResidual, sums;

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
    Vs result = emitChain(e, key, isa, {panel}, wStride, xRows, groups);
    for (unsigned i = 0; i < count; ++i)
      e.store(result[i], e.at(sums, int64_t(i * 64)));
  }

  /// The only row with integer products: main memory gives a core more where it
  /// reads several runs of panels side by side. Gives the columns done.
  V inRuns() {
    V count = e.choose(
        e.equal(rows, e.index(1)), [&] { return cols / int64_t(16 * runs); },
        [&] { return e.index(0); });
    V runBytes = count * wStride, skip = runBytes * int64_t(runs - 1);
    e.loop(e.index(0), count, 1, [&](V i) {
      V at = i * wStride;
      Vs panels;
      for (unsigned run = 0; run < runs; ++run)
        panels.push_back(e.at(w, runBytes * int64_t(run) + at));
      Vs result = emitBlockChain(e, key, isa, {panels, runBytes - at, skip},
                                 {x}, groups);
      for (unsigned run = 0; run < runs; ++run)
        e.store(result[run], e.at(sums, int64_t(run * 64)));
      e.loop(e.index(0), e.index(runs), 1, [&](V run) {
        V column = (run * count + i) * 64;
        finish(e.at(sums, run * 64), e.at(bias, column), e.at(out, column),
               e.index(16));
      });
    });
    return count * int64_t(16 * runs);
  }

  void emit() {
    unsigned most = chainRows(key, isa);
    sums = e.frame(std::max(most, runs) * 64);
    hasBias = isGiven(e, bias);
    hasResidual = e.equal(accumulate, e.index(1));
    V begin = overWidePanels(e, key, isa, rows, cols, [&](V column) {
      Vs result = emitPanels(e, key, isa, w, wStride, column, x, groups);
      for (size_t i = 0; i < result.size(); ++i)
        e.store(result[i], e.at(sums, int64_t(i * 64)));
      e.loop(e.index(0), e.index(result.size()), 1, [&](V i) {
        V at = (column + i * 16) * 4;
        finish(e.at(sums, i * 64), e.at(bias, at), e.at(out, at), e.index(16));
      });
    });
    if (key.activations == Encoding::A8)
      begin = inRuns();
    e.loop(begin, cols, 16, [&](V column) {
      V panel = e.at(w, column / 16 * wStride);
      V biasAt = e.at(bias, column * 4);
      overBlocks(
          e, e.index(0), rows, most,
          [&](V row, unsigned count) { block(panel, row, count); },
          [&](V row, V count) {
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
