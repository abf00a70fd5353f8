//===- Experts.cpp - Kernels of mixtures of experts -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/numerics.md, entries router and grouped_linear. A *pair* is a row and
// one of its choices. The pairs of a tile are sorted by expert once; then,
// panel by panel, those of one expert pass over its panel in blocks, as the
// rows of a linear do, and the sums of all pairs wait in the scratch memory for
// what follows them.
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <limits>

namespace espalier::cpu {

namespace {

/// Of the router's frame: the verifier of xf.router refuses more.
constexpr uint64_t mostExperts = 1024;
/// A sorted pair: its number, and its row of x; 32 bits each.
constexpr int64_t pairBytes = 8;

uint64_t startBytes(uint64_t experts) { return llvm::alignTo(experts * 4, 64); }

struct Router {
  Emitter &e;
  V scores, stride, ids, idsStride, weights, weightsStride, rows, experts,
      choices, renormalize;
  V powers, taken;

  V exponents(V row, V i, V mask) {
    V s = e.loadChunk(e.at(row, i * 4), mask);
    return s * e.like(s, 0x1.715476p+0f);
  }

  /// fold(carried, i, mask) over all experts, 16 at a time.
  V overExperts(V start, llvm::function_ref<V(V, V, V)> fold) {
    V full = experts - experts % 16;
    V v = e.loop(e.index(0), full, 16, {start},
                 [&](V i, llvm::ArrayRef<V> carried) -> Vs {
                   return {fold(carried[0], i, V())};
                 })[0];
    return e.choose(
        e.less(full, experts),
        [&] { return fold(v, full, e.maskBelow(experts - full)); },
        [&] { return v; });
  }

  /// Fills `powers`; gives their sum.
  V softmax(V row) {
    V lowest =
        e.constant(e.vec(e.f32), -std::numeric_limits<float>::infinity());
    V most = overExperts(lowest, [&](V m, V i, V mask) {
      V t = exponents(row, i, mask);
      return e.max(isSet(mask) ? e.select(mask, t, lowest) : t, m);
    });
    V m = e.splat(e.foldMax(most));
    V zero = e.constant(e.vec(e.f32), 0.0f);
    V none = e.constant(e.vec(e.i32), int64_t(0));
    V sum = overExperts(zero, [&](V s, V i, V mask) {
      V p = e.exp2(exponents(row, i, mask) - m);
      // A power is never -0: the absent lanes' +0 changes nothing.
      p = isSet(mask) ? e.select(mask, p, zero) : p;
      e.store(p, e.at(powers, i * 4));
      e.store(none, e.at(taken, i * 4));
      return s + p;
    });
    return e.foldSum(sum);
  }

  /// The first free expert, or a later one with a higher score.
  V best(V row) {
    return e.loop(e.index(0), experts, 1, {e.index(-1), e.real(0.0f)},
                  [&](V i, llvm::ArrayRef<V> found) -> Vs {
                    V score = e.load(e.f32, e.at(row, i * 4));
                    V free = e.equal(e.element32(taken, i), e.index(0));
                    V better = e.either(e.less(found[0], e.index(0)),
                                        e.less(found[1], score));
                    V takes = e.both(free, better);
                    return {e.select(takes, i, found[0]),
                            e.select(takes, score, found[1])};
                  })[0];
  }

  void emit() {
    powers = e.frame((mostExperts + 16) * 4);
    taken = e.frame((mostExperts + 16) * 4);
    e.loop(e.index(0), rows, 1, [&](V r) {
      V row = e.at(scores, r * stride), idsAt = e.at(ids, r * idsStride);
      V weightsAt = e.at(weights, r * weightsStride);
      V all = softmax(row);
      V chosen =
          e.loop(e.index(0), choices, 1, {e.real(0.0f)},
                 [&](V j, llvm::ArrayRef<V> sum) -> Vs {
                   V id = best(row);
                   V p = e.load(e.f32, e.at(powers, id * 4));
                   e.store(e.constant(e.i32, int64_t(1)), e.at(taken, id * 4));
                   e.store(e.truncate(id, e.i32), e.at(idsAt, j * 4));
                   e.store(p, e.at(weightsAt, j * 4));
                   return {sum[0] + p};
                 })[0];
      V total = e.select(e.equal(renormalize, e.index(1)), chosen, all);
      e.loop(e.index(0), choices, 1, [&](V j) {
        V at = e.at(weightsAt, j * 4);
        e.store(e.load(e.f32, at) / total, at);
      });
    });
  }
};

struct Grouped {
  Emitter &e;
  const KernelKey &key;
  Isa isa;
  V x, xStride, ids, idsStride, combine, combineStride, w, wStride,
      expertStride, out, outStride, rows, choices, cols, groups, experts,
      accumulate, scratch;
  V pairs, combines, starts, sorted, sums;

  V expertOf(V row, V choice) {
    return e.element32(e.at(ids, row * idsStride), choice);
  }

  /// Counting sort. Afterwards starts[i] is the end of expert i's pairs.
  void sort() {
    V zero = e.constant(e.i32, int64_t(0)), one = e.constant(e.i32, int64_t(1));
    e.loop(e.index(0), experts, 1,
           [&](V i) { e.store(zero, e.at(starts, i * 4)); });
    auto eachPair = [&](llvm::function_ref<void(V, V, V)> body) {
      e.loop(e.index(0), rows, 1, [&](V row) {
        e.loop(e.index(0), choices, 1, [&](V choice) {
          body(row, row * choices + choice,
               e.at(starts, expertOf(row, choice) * 4));
        });
      });
    };
    eachPair([&](V, V, V at) { e.store(e.load(e.i32, at) + one, at); });
    e.loop(e.index(0), experts, 1, {zero},
           [&](V i, llvm::ArrayRef<V> before) -> Vs {
             V at = e.at(starts, i * 4), count = e.load(e.i32, at);
             e.store(before[0], at);
             return {before[0] + count};
           });
    eachPair([&](V row, V pair, V at) {
      V place = e.load(e.i32, at);
      e.store(place + one, at);
      V to = e.at(sorted, e.extend(place, e.i64) * pairBytes);
      e.store(e.truncate(pair, e.i32), to);
      e.store(e.truncate(e.select(combines, pair, row), e.i32),
              e.at(to, int64_t(4)));
    });
  }

  /// The sums of `count` sorted pairs from `first`; pairs from `end` on repeat
  /// the last one.
  void block(V panel, V first, V end, unsigned count) {
    Vs xRows, to;
    for (unsigned i = 0; i < count; ++i) {
      V at = e.at(sorted, e.min(first + int64_t(i), end - 1) * pairBytes);
      V pair = e.extend(e.load(e.i32, at), e.i64);
      V row = e.extend(e.load(e.i32, e.at(at, int64_t(4))), e.i64);
      to.push_back(e.at(sums, pair * 64));
      xRows.push_back(e.at(x, row * xStride));
    }
    Vs result = emitChain(e, key, isa, {panel}, wStride, xRows, groups);
    for (unsigned i = 0; i < count; ++i)
      e.store(result[i], to[i]);
  }

  /// What follows the sums: they are the result, or are summed over the choices
  /// of a row. `left` columns are wanted, 16 at most.
  void finish(V sumsAt, V outAt, V left) {
    V whole = e.less(e.index(15), left);
    auto store = [&](V value, V at) {
      e.when(
          whole, [&] { e.store(value, at); },
          [&] { e.storeMasked(value, at, e.maskBelow(left)); });
    };
    e.when(
        combines,
        [&] {
          e.loop(e.index(0), rows, 1, [&](V row) {
            V weights = e.at(combine, row * combineStride);
            V first = e.at(sumsAt, row * choices * 64);
            V zero = e.constant(e.vec(e.f32), 0.0f);
            V sum = e.loop(e.index(0), choices, 1, {zero},
                           [&](V j, llvm::ArrayRef<V> acc) -> Vs {
                             V weight =
                                 e.splat(e.load(e.f32, e.at(weights, j * 4)));
                             V y = e.load(e.vec(e.f32), e.at(first, j * 64));
                             return {e.fma(weight, y, acc[0])};
                           })[0];
            V at = e.at(outAt, row * outStride);
            sum = e.choose(
                e.equal(accumulate, e.index(1)),
                [&] {
                  return sum + e.choose(
                                   whole,
                                   [&] { return e.load(e.vec(e.f32), at); },
                                   [&] {
                                     return e.loadMasked(e.vec(e.f32), at,
                                                         e.maskBelow(left));
                                   });
                },
                [&] { return sum; });
            store(sum, at);
          });
        },
        [&] {
          e.loop(e.index(0), pairs, 1, [&](V pair) {
            store(e.load(e.vec(e.f32), e.at(sumsAt, pair * 64)),
                  e.at(outAt, pair * outStride));
          });
        });
  }

  /// Several whole panels of each choice of the only row, from `column`.
  void singleRow(V column) {
    int64_t wide = chainPanels(key, isa);
    e.loop(e.index(0), choices, 1, [&](V choice) {
      V matrix = e.at(w, expertOf(e.index(0), choice) * expertStride);
      V row = e.select(combines, choice, e.index(0));
      Vs result = emitPanels(e, key, isa, matrix, wStride, column,
                             e.at(x, row * xStride), groups);
      for (int64_t i = 0; i < wide; ++i)
        e.store(result[size_t(i)], e.at(sums, (choices * i + choice) * 64));
    });
    e.loop(e.index(0), e.index(wide), 1, [&](V i) {
      finish(e.at(sums, i * choices * 64), e.at(out, (column + i * 16) * 4),
             e.index(16));
    });
  }

  void emit() {
    pairs = rows * choices;
    starts = scratch;
    sorted = e.at(starts, (experts * 4 + 63) / 64 * 64);
    sums = e.at(sorted, (pairs * pairBytes + 63) / 64 * 64);
    combines = isGiven(e, combine);
    V begin = overWidePanels(e, key, isa, rows, cols,
                             [&](V column) { singleRow(column); });
    e.when(e.less(begin, cols), [&] { sort(); });
    e.loop(begin, cols, 16, [&](V column) {
      V panels = e.at(w, column / 16 * wStride);
      e.repeat(
          e.index(0), [&](V first) { return e.less(first, pairs); },
          [&](V first) {
            V pair =
                e.extend(e.load(e.i32, e.at(sorted, first * pairBytes)), e.i64);
            V id = expertOf(pair / choices, pair % choices);
            V end = e.element32(starts, id);
            V panel = e.at(panels, id * expertStride);
            overBlocks(
                e, first, end, chainRows(key, isa),
                [&](V i, unsigned count) { block(panel, i, end, count); });
            return end;
          });
      finish(sums, e.at(out, column * 4), cols - column);
    });
  }
};

} // namespace

uint64_t expertScratchBytes(uint64_t rows, uint64_t choices, uint64_t experts) {
  // A single row has the sums of several panels.
  uint64_t pairs = rows * choices,
           slots = std::max<uint64_t>(rows, 4) * choices;
  return startBytes(experts) + llvm::alignTo(pairs * pairBytes, 64) +
         slots * 64;
}

void emitRouter(Emitter &e, llvm::ArrayRef<V> a) {
  Router{e,    a[0], a[1], a[2], a[3], a[4], a[5],
         a[6], a[7], a[8], a[9], V(),  V()}
      .emit();
}

void emitGroupedLinear(Emitter &e, const KernelKey &key, Isa isa,
                       llvm::ArrayRef<V> a) {
  Grouped{e,     key,   isa,   a[0],  a[1],  a[2],  a[3],
          a[4],  a[5],  a[6],  a[7],  a[8],  a[9],  a[10],
          a[11], a[12], a[13], a[14], a[15], a[16], a[17]}
      .emit();
}

} // namespace espalier::cpu
