//===- Attention.cpp - Attention over blocks of 64 positions
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/numerics.md, entry attention. A tile's query vectors (rows x heads) pass
// over the blocks of 64 absolute positions in ascending order; each block alone
// gives m_b, l_b and o_b, which are merged into the query's state in scratch:
//
//   state of a query   m, l, padding to 64 bytes, o[value_dim]
//   P                  scores, then probabilities: [4 queries][64]
//   factors            of the merge: [4 queries][2], padding to 64 bytes
//   gathered           a block of keys, a block of values, in the cache's form
//
// attention_partials does the same for some of the blocks, and leaves m_b, l_b
// and o_b of each in the form of a state where it was told to; attention_merge
// (AttentionMerge.cpp) merges them.
//
// Query vectors that see the same whole block go through it four at a time, so
// that a key or value is loaded and converted once for them; those are the
// heads of a group and, further back than the call itself, all its rows. A
// block that a row sees in part, or through its path in the tree, is done for
// that row's heads alone, the tree's one from a copy in scratch.
//
// The visible positions of a block follow each other. What lies before them
// (out of the window) enters as p = +0 and v = +0 while o is +0, and so changes
// nothing. What follows them enters the same way: fma(+0, +0, o) is o + 0, once
// or often, which only turns -0 into +0. Neither's memory is multiplied with a
// probability. Blocks before the window of all rows are not visited.
//
//===----------------------------------------------------------------------===//
#include "Builder.h"

#include "KVCache.h"

#include <limits>

namespace espalier {

uint64_t cpu::attentionScratchBytes(unsigned rows, unsigned heads,
                                    unsigned headDim) {
  uint64_t valueDim = (uint64_t(headDim) + 15) / 16 * 16;
  return uint64_t(rows) * heads * (64 + 4 * valueDim) + 4 * 64 * 4 + 64 +
         64 * 4 * (headDim + valueDim);
}

namespace cpu {
namespace {

/// What main memory gives one core while a single query vector is multiplied
/// with some vectors of keys or values.
constexpr unsigned linesPerProduct = 2;

struct Attention {
  Emitter &e;
  const KernelKey &key;
  Isa isa;
  V args, firstRow, q, qStride, out, outStride, rows, firstHead, heads, layer,
      kvHeads, group, headDim, scale, window, cap, slopes, scratch;
  /// Weights to prefetch meanwhile.
  PrefetchWindow &weights;
  /// attention_partials only: `out` and `outStride` are those of the partial
  /// results, for `blockCount` blocks from `firstBlock` on.
  V blockStride, firstBlock, blockCount;
  V position, past, cacheRow, kv, pathBegin, path, isTree;
  V valueDim, chunkCount, stateBytes, scores, gatheredKeys, gatheredValues;

  int64_t size() const { return elementBytes(key.cache); }
  /// 16-lane sums that one query keeps at a time, when `queries` go together:
  /// enough chains to hide an FMA's latency, no more than the registers hold.
  unsigned width(unsigned queries) const {
    if (isa == Isa::AVX512)
      return queries == 4 ? 2 : 4;
    return queries >= 3 ? 1 : queries == 1 ? 4 : 2;
  }

  V positionOf(V row) { return e.element32(position, firstRow + row); }
  V pointerOf(V row) { return e.load(e.ptr, e.at(kv, (firstRow + row) * 8)); }
  V isPadding(V row) {
    return e.less(e.element32(cacheRow, firstRow + row), e.index(0));
  }

  /// One key/value head of the tile: query heads [first, first + count), `q`
  /// and `out` at the first of them.
  struct Head {
    V kvHead, first, count, q, out;
  };

  /// The block of the positions from `start` on, of which those from `begin` to
  /// before `end` are seen, counted from `start`.
  struct Block {
    V keys, values, start, begin, end;
  };

  /// A query vector of a visit: its row, and its head, counted from the first.
  struct Query {
    V row, head;
  };
  Query queryAt(const Head &head, V row, V index) {
    return {row + index / head.count, index % head.count};
  }

  bool isPartial() const { return isSet(blockStride); }

  V state(V query) { return e.at(scratch, query * stateBytes); }

  /// Where query vector `query`, counted from row `row`'s first head, puts what
  /// a block gives: its state, or its place among the partial results.
  V stateOf(const Head &head, V row, V query, const Block &block) {
    if (!isPartial())
      return state(row * head.count + query);
    Query at = queryAt(head, row, query);
    V h = head.first - firstHead + at.head;
    return e.at(out, (block.start / 64 - firstBlock) * blockStride +
                         at.row * outStride + h * stateBytes);
  }

  /// acc[i][w] = chain over n in [low, high) of fma(a(i, n), b(w, n), acc).
  Vs product(unsigned queries, unsigned wide, V low, V high,
             llvm::function_ref<V(unsigned, V)> a,
             llvm::function_ref<V(unsigned, V)> b) {
    Vs zeros(queries * wide, e.constant(e.vec(e.f32), 0.0f));
    return e.loop(low, high, 1, zeros, [&](V i, llvm::ArrayRef<V> carried) {
      // Several query vectors are a prompt's, or leave less time.
      if (queries == 1)
        weights.advance(linesPerProduct);
      Vs acc(carried.begin(), carried.end());
      Vs right;
      for (unsigned w = 0; w < wide; ++w)
        right.push_back(b(w, i));
      for (unsigned r = 0; r < queries; ++r) {
        V left = e.splat(a(r, i));
        for (unsigned w = 0; w < wide; ++w)
          acc[r * wide + w] = e.fma(left, right[w], acc[r * wide + w]);
      }
      return acc;
    });
  }

  V scoresOf(V i) { return e.at(scores, i * 256); }
  /// alpha and beta of the merge.
  V factorsOf(V i) { return e.at(scores, i * 8 + 4 * 256); }

  /// Scores of `queries` query vectors; `query` counts from row `row`'s first
  /// head.
  void multiplyKeys(const Head &head, unsigned queries, V row, V query,
                    const Block &block) {
    unsigned wide = width(queries);
    Vs qAt;
    for (unsigned i = 0; i < queries; ++i) {
      Query at = queryAt(head, row, query + int64_t(i));
      qAt.push_back(e.at(head.q, at.row * qStride + at.head * headDim * 4));
    }
    V scaleAll = e.splat(scale);
    V first = block.begin / int64_t(16 * wide) * int64_t(wide);
    e.loop(first, (block.end + 15) / 16, wide, [&](V g) {
      V groupAt = g * headDim * (16 * size());
      Vs sums = product(
          queries, wide, e.index(0), headDim,
          [&](unsigned i, V d) { return e.load(e.f32, e.at(qAt[i], d * 4)); },
          [&](unsigned w, V d) {
            V at = groupAt + (headDim * int64_t(w) + d) * (16 * size());
            // The block's values lie at the same offsets; they come while the
            // keys are multiplied, and the next keys with the values.
            e.prefetch(e.at(block.values, at));
            return e.loadAsFloat(key.cache, e.at(block.keys, at));
          });
      for (unsigned i = 0; i < queries; ++i)
        for (unsigned w = 0; w < wide; ++w)
          e.store(sums[i * wide + w] * scaleAll,
                  e.at(scoresOf(e.index(i)), g * 64 + int64_t(w * 64)));
    });
  }

  /// The soft cap and the slopes of query vector `query`, on the scores of
  /// positions `start` + 16 w and the 15 after it.
  V finishScores(V scores, const Head &head, const Query &query,
                 const Block &block, unsigned w) {
    if (key.softCap)
      scores = e.tanh(scores) * e.splat(cap);
    if (!key.alibi)
      return scores;
    V slope = e.load(e.f32, e.at(slopes, (head.first + query.head) * 4));
    V offset = block.start + int64_t(16 * w) - positionOf(query.row);
    V distance = e.iota32() + e.splat(e.truncate(offset, e.i32));
    return e.fma(e.toFloat(distance), e.splat(slope), scores);
  }

  /// Scores to probabilities; m and l of the state; the factors of the merge.
  void softmax(V i, V stateAt, const Head &head, const Query &query,
               const Block &block, llvm::ArrayRef<V> mask) {
    V at = scoresOf(i);
    V minusInfinity = e.real(-std::numeric_limits<float>::infinity());
    V s[4], most, l;
    for (unsigned w = 0; w < 4; ++w) {
      s[w] = e.load(e.vec(e.f32), e.at(at, int64_t(w * 64)));
      s[w] = finishScores(s[w], head, query, block, w);
      s[w] = e.select(mask[w], s[w], e.splat(minusInfinity));
      most = w ? e.max(most, s[w]) : s[w];
    }
    V m = e.foldMax(most);
    for (unsigned w = 0; w < 4; ++w) {
      V p = e.exp2(s[w] - e.splat(m));
      p = e.select(mask[w], p, e.like(p, 0.0f));
      e.store(p, e.at(at, int64_t(w * 64)));
      l = w ? l + p : p; // sum16: the first term is +0 + p, which is p
    }
    V lAt = e.at(stateAt, int64_t(4));
    if (isPartial()) {
      e.store(m, stateAt);
      e.store(e.foldSum(l), lAt);
      return;
    }
    V mOld = e.load(e.f32, stateAt), mNew = e.max(mOld, m);
    V differences = e.constant(e.vec(e.f32, 4), 0.0f);
    differences = e.insert(differences, mOld - mNew, 0);
    differences = e.insert(differences, m - mNew, 1);
    V factors = e.exp2(differences);
    V alpha = e.lane(factors, 0), beta = e.lane(factors, 1);
    e.store(alpha, factorsOf(i));
    e.store(beta, e.at(factorsOf(i), int64_t(4)));
    e.store(mNew, stateAt);
    e.store(e.fma(e.load(e.f32, lAt), alpha, e.foldSum(l) * beta), lAt);
  }

  /// The block's o_b, merged into the states of the query vectors, or put where
  /// the partial results are.
  void multiplyValues(const Head &head, unsigned queries, V row, V query,
                      const Block &block) {
    unsigned wide = width(queries);
    Vs at, alpha, beta;
    for (unsigned i = 0; i < queries; ++i) {
      at.push_back(stateOf(head, row, query + int64_t(i), block));
      if (isPartial())
        continue;
      V factors = factorsOf(e.index(i));
      alpha.push_back(e.splat(e.load(e.f32, factors)));
      beta.push_back(e.splat(e.load(e.f32, e.at(factors, int64_t(4)))));
    }
    // Adding -0 changes nothing; adding +0 is what unseen positions do.
    V unseen = e.splat(
        e.select(e.less(block.end, e.index(64)), e.real(0.0f), e.real(-0.0f)));
    V lastChunk = chunkCount - 1;
    V nextKeys = e.at(block.keys, headDim * (64 * size()));
    e.loop(e.index(0), chunkCount, wide, [&](V c) {
      Vs offset;
      for (unsigned w = 0; w < wide; ++w)
        offset.push_back(e.min(c + int64_t(w), lastChunk) * 16);
      Vs sums = product(
          queries, wide, block.begin, block.end,
          [&](unsigned i, V j) {
            return e.load(e.f32, e.at(scoresOf(e.index(i)), j * 4));
          },
          [&](unsigned w, V j) {
            V from = (j * valueDim + offset[w]) * size();
            e.prefetch(e.at(nextKeys, from));
            return e.loadAsFloat(key.cache, e.at(block.values, from));
          });
      // All are loaded before any is stored: chunks beyond the last repeat it.
      for (unsigned i = 0; i < queries; ++i)
        for (unsigned w = 0; w < wide; ++w) {
          V &sum = sums[i * wide + w];
          sum = sum + unseen;
          if (isPartial())
            continue;
          V o = e.load(e.vec(e.f32), e.at(at[i], offset[w] * 4 + 64));
          sum = e.fma(o, alpha[i], sum * beta[i]);
        }
      for (unsigned i = 0; i < queries; ++i)
        for (unsigned w = 0; w < wide; ++w)
          e.store(sums[i * wide + w], e.at(at[i], offset[w] * 4 + 64));
    });
  }

  /// `count` query vectors from row `row`'s first head on, four at a time.
  void visit(const Head &head, V row, V count, const Block &block) {
    Vs mask;
    for (unsigned w = 0; w < 4; ++w)
      mask.push_back(e.exclusive(e.maskBelow(block.end, 16 * w),
                                 e.maskBelow(block.begin, 16 * w)));
    e.loop(e.index(0), count, 4, [&](V query) {
      V queries = e.min(count - query, e.index(4));
      for (unsigned n = 1; n <= 4; ++n)
        e.when(e.equal(queries, e.index(n)),
               [&] { multiplyKeys(head, n, row, query, block); });
      e.loop(e.index(0), queries, 1, [&](V i) {
        softmax(i, stateOf(head, row, query + i, block), head,
                queryAt(head, row, query + i), block, mask);
      });
      for (unsigned n = 1; n <= 4; ++n)
        e.when(e.equal(queries, e.index(n)),
               [&] { multiplyValues(head, n, row, query, block); });
    });
  }

  /// Copies the seen positions of block `start` / 64 along the row's path.
  void gather(V keys, V values, V row, V start, V seenFrom, V seenTo) {
    mlir::Type type = size() == 4 ? e.i32 : e.i16;
    V before = e.element32(past, firstRow + row);
    V begin = e.element32(pathBegin, firstRow + row);
    e.loop(seenFrom, seenTo, 1, [&](V j) {
      V p = start + j;
      V from = e.choose(
          e.less(p, before), [&] { return p; },
          [&] { return e.element32(path, begin + p - before); });
      V keyFrom = e.at(keys, (from / 16 * headDim * 16 + from % 16) * size());
      V keyTo = e.at(gatheredKeys, (j / 16 * headDim * 16 + j % 16) * size());
      e.loop(e.index(0), headDim, 1, [&](V d) {
        V at = d * (16 * size());
        e.store(e.load(type, e.at(keyFrom, at)), e.at(keyTo, at));
      });
      V valueFrom = e.at(values, from * valueDim * size());
      V valueTo = e.at(gatheredValues, j * valueDim * size());
      e.loop(e.index(0), valueDim, 16, [&](V d) {
        e.store(e.load(e.vec(type), e.at(valueFrom, d * size())),
                e.at(valueTo, d * size()));
      });
    });
  }

  /// The first position that a row sees.
  V firstOf(V row) { return e.max(positionOf(row) + 1 - window, e.index(0)); }
  V inBlock(V position, V start) {
    return e.max(e.min(position - start, e.index(64)), e.index(0));
  }
  /// What a row sees of a block: from beginIn to before endIn.
  V beginIn(V row, V start) { return inBlock(firstOf(row), start); }
  V endIn(V row, V start) { return inBlock(positionOf(row) + 1, start); }
  /// The row sees positions from `past` on in this block, through its path.
  V needsGather(V row, V start) {
    V end = start + endIn(row, start);
    return e.both(isTree, e.less(e.element32(past, firstRow + row), end));
  }
  V isWhole(V row, V start) {
    V seen = endIn(row, start) - beginIn(row, start);
    V direct = e.equal(e.extendU(needsGather(row, start), e.i64), e.index(0));
    return e.both(e.equal(seen, e.index(64)), direct);
  }

  /// Rows [begin, end) of one slot.
  void run(const Head &head, V begin, V end, KVCache &cache) {
    V keys = cache.keys(pointerOf(begin), head.kvHead);
    V values = cache.values(pointerOf(begin), head.kvHead);
    if (!isPartial())
      clearStates(begin * head.count, end * head.count);
    Vs range = e.loop(begin, end, 1, {firstOf(begin), e.index(0)},
                      [&](V row, llvm::ArrayRef<V> m) -> Vs {
                        return {e.min(m[0], firstOf(row)),
                                e.max(m[1], positionOf(row))};
                      });
    V low = range[0] / 64 * 64, high = range[1] + 1;
    if (isPartial()) {
      low = e.max(low, firstBlock * 64);
      high = e.min(high, (firstBlock + blockCount) * 64);
    }
    e.loop(low, high, 64, [&](V start) {
      V blockKeys = e.at(keys, start * headDim * size());
      V blockValues = e.at(values, start * valueDim * size());
      e.repeat(
          begin, [&](V row) { return e.less(row, end); },
          [&](V row) {
            // The rows from here that see all of the block where it lies.
            V stop = e.repeat(
                row,
                [&](V i) {
                  return e.choose(
                      e.less(i, end), [&] { return isWhole(i, start); },
                      [&] { return e.constant(e.b.getI1Type(), int64_t(0)); });
                },
                [&](V i) { return i + 1; });
            V alone = e.equal(row, stop);
            V next = e.select(alone, row + 1, stop);
            V from = beginIn(row, start), to = endIn(row, start);
            V gathers = needsGather(row, start);
            e.when(gathers,
                   [&] { gather(keys, values, row, start, from, to); });
            V k = e.select(gathers, gatheredKeys, blockKeys);
            V v = e.select(gathers, gatheredValues, blockValues);
            V count = (next - row) * head.count;
            count = e.select(e.less(from, to), count, e.index(0));
            visit(head, row, count, {k, v, start, from, to});
            return next;
          });
    });
    if (!isPartial())
      finishStates(head, begin, end);
  }

  /// Nothing was seen yet.
  void clearStates(V low, V high) {
    e.loop(low, high, 1, [&](V query) {
      V at = state(query);
      e.store(e.real(-std::numeric_limits<float>::infinity()), at);
      e.store(e.real(0.0f), e.at(at, int64_t(4)));
      e.loop(e.index(0), valueDim, 16, [&](V d) {
        e.store(e.constant(e.vec(e.f32), 0.0f), e.at(at, d * 4 + 64));
      });
    });
  }

  /// o * (1 / l) of the rows [begin, end).
  void finishStates(const Head &head, V begin, V end) {
    e.loop(begin, end, 1, [&](V row) {
      e.loop(e.index(0), head.count, 1, [&](V h) {
        V from = state(row * head.count + h);
        V to = e.at(head.out, row * outStride + h * headDim * 4);
        V inverse =
            e.splat(e.real(1.0f) / e.load(e.f32, e.at(from, int64_t(4))));
        e.chunks(headDim, [&](V d, V mask) {
          V o = e.load(e.vec(e.f32), e.at(from, d * 4 + 64));
          e.storeChunk(o * inverse, e.at(to, d * 4), mask);
        });
      });
    });
  }

  void emit() {
    auto field = [&](size_t offset) { return e.field(args, offset, e.ptr); };
    position = field(offsetof(espalier_step_args, position));
    past = field(offsetof(espalier_step_args, past));
    cacheRow = field(offsetof(espalier_step_args, cache_row));
    kv = field(offsetof(espalier_step_args, kv));
    pathBegin = field(offsetof(espalier_step_args, path_begin));
    path = field(offsetof(espalier_step_args, path));
    V tree = e.field(args, offsetof(espalier_step_args, tree), e.i32);
    isTree = e.less(e.constant(e.i32, int64_t(0)), tree);
    KVCache cache(e, key.cache, args, layer, kvHeads, headDim);
    valueDim = cache.valueDim;
    chunkCount = valueDim / 16;
    stateBytes = valueDim * 4 + 64;
    scores = isPartial() ? scratch : e.at(scratch, rows * heads * stateBytes);
    gatheredKeys = e.at(scores, int64_t(4 * 64 * 4 + 64));
    gatheredValues = e.at(gatheredKeys, headDim * (64 * 4));

    V endHead = firstHead + heads;
    e.loop(firstHead / group, (endHead - 1) / group + 1, 1, [&](V kvHead) {
      V h0 = e.max(firstHead, kvHead * group);
      V count = e.min(endHead, (kvHead + 1) * group) - h0;
      V offset = (h0 - firstHead) * headDim * 4;
      Head head{kvHead, h0, count, e.at(q, offset), e.at(out, offset)};
      e.repeat(
          e.index(0), [&](V row) { return e.less(row, rows); },
          [&](V row) {
            V padding = isPadding(row);
            V here = e.address(pointerOf(row));
            V end = e.repeat(
                row + 1,
                [&](V i) {
                  return e.choose(
                      e.less(i, rows),
                      [&] {
                        V same = e.equal(here, e.address(pointerOf(i)));
                        V alike = e.equal(e.extendU(padding, e.i64),
                                          e.extendU(isPadding(i), e.i64));
                        return e.both(same, alike);
                      },
                      [&] { return e.constant(e.b.getI1Type(), int64_t(0)); });
                },
                [&](V i) { return i + 1; });
            e.when(
                padding,
                [&] {
                  if (isPartial())
                    return;
                  e.loop(row, end, 1, [&](V r) {
                    V to = e.at(head.out, r * outStride);
                    e.chunks(count * headDim, [&](V d, V mask) {
                      e.storeChunk(e.constant(e.vec(e.f32), 0.0f),
                                   e.at(to, d * 4), mask);
                    });
                  });
                },
                [&] { run(head, row, end, cache); });
            return end;
          });
    });
  }
};

} // namespace

void emitAttention(Emitter &e, const KernelKey &key, Isa isa,
                   llvm::ArrayRef<V> a) {
  PrefetchWindow weights(e, a[18]);
  Attention{e,     key,   isa,   a[0],  a[1],  a[2],   a[3],  a[4],
            a[5],  a[6],  a[7],  a[8],  a[9],  a[10],  a[11], a[12],
            a[13], a[14], a[15], a[16], a[17], weights}
      .emit();
  weights.finish();
}

void emitAttentionPartials(Emitter &e, const KernelKey &key, Isa isa,
                           llvm::ArrayRef<V> a) {
  PrefetchWindow weights(e, a[18]);
  Attention partials{e,     key,   isa,   a[0],  a[1],  a[2],   a[3],  a[4],
                     a[5],  a[6],  a[7],  a[8],  a[9],  a[10],  a[11], a[12],
                     a[13], a[14], a[15], a[16], a[17], weights};
  partials.blockStride = a[19];
  partials.firstBlock = a[20];
  partials.blockCount = a[21];
  partials.emit();
  weights.finish();
}

} // namespace cpu
} // namespace espalier
