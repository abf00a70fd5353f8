//===- AttentionTest.cpp - Cache and attention against docs/numerics.md
//------------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelTest.h"

using namespace espalier;
using namespace espalier::cpu;

namespace {

class AttentionTest : public KernelTest {};

unsigned bytesOf(Encoding e) { return e == Encoding::F32 ? 4 : 2; }

float readElement(Encoding e, const uint8_t *at) {
  if (e == Encoding::F32) {
    float x;
    std::memcpy(&x, at, 4);
    return x;
  }
  uint16_t bits;
  std::memcpy(&bits, at, 2);
  return e == Encoding::F16 ? f16ToFloat(bits) : bf16ToFloat(bits);
}

/// A cache of `layers` layers, filled with NaN bytes.
struct Cache {
  Encoding element;
  size_t layers, kvHeads, headDim, valueDim, capacity;
  std::vector<uint8_t> bytes;

  Cache(Encoding element, size_t layers, size_t kvHeads, size_t headDim,
        size_t capacity)
      : element(element), layers(layers), kvHeads(kvHeads), headDim(headDim),
        valueDim((headDim + 15) / 16 * 16), capacity(capacity),
        bytes(layers * layerBytes(), 0xff) {}
  size_t layerBytes() const {
    return capacity * kvHeads * (headDim + valueDim) * bytesOf(element);
  }
  size_t keyAt(size_t layer, size_t head, size_t row, size_t d) const {
    return layer * layerBytes() + (head * capacity * headDim +
                                   (row / 16 * headDim + d) * 16 + row % 16) *
                                      bytesOf(element);
  }
  size_t valueAt(size_t layer, size_t head, size_t row, size_t d) const {
    return layer * layerBytes() +
           (kvHeads * capacity * headDim + head * capacity * valueDim +
            row * valueDim + d) *
               bytesOf(element);
  }
  float key(size_t layer, size_t head, size_t row, size_t d) const {
    return readElement(element, &bytes[keyAt(layer, head, row, d)]);
  }
  float value(size_t layer, size_t head, size_t row, size_t d) const {
    return readElement(element, &bytes[valueAt(layer, head, row, d)]);
  }
};

/// What attention takes besides the rows.
struct Terms {
  float scale = 0.3f;
  int64_t window = noWindow;
  float cap = 0; ///< 0: none
  std::vector<float> slopes;
};

/// docs/numerics.md, entry attention, for one row and query head that see the
/// cache rows `seen`, in the order of their positions.
std::vector<float> reference(const Cache &cache, size_t layer, size_t kvHead,
                             size_t head, const std::vector<int32_t> &seen,
                             const float *q, const Terms &terms) {
  float infinity = std::numeric_limits<float>::infinity();
  float m = -infinity, l = 0.0f;
  std::vector<float> o(cache.headDim, 0.0f);
  auto greater = [](float a, float b) { return a > b ? a : b; };
  int64_t position = int64_t(seen.size()) - 1;
  auto visible = [&](int64_t t) {
    return t <= position && t > position - terms.window;
  };
  for (int64_t start = 0; start <= position; start += 64) {
    float score[64], p[64];
    float mb = -infinity;
    bool any = false;
    for (int64_t j = 0; j < 64; ++j) {
      if (!visible(start + j))
        continue;
      any = true;
      float s = 0.0f;
      for (size_t d = 0; d < cache.headDim; ++d)
        s = std::fma(q[d], cache.key(layer, kvHead, seen[start + j], d), s);
      score[j] = s * terms.scale;
      if (terms.cap != 0)
        score[j] = tanhExact(score[j]) * terms.cap;
      if (!terms.slopes.empty())
        score[j] =
            std::fma(float(start + j - position), terms.slopes[head], score[j]);
      mb = greater(mb, score[j]);
    }
    if (!any)
      continue;
    for (int64_t j = 0; j < 64; ++j)
      p[j] = visible(start + j) ? exp2Exact(score[j] - mb) : 0.0f;
    float lb = sum16(64, [&](size_t j) { return p[j]; });
    float mNew = greater(m, mb);
    float alpha = exp2Exact(m - mNew), beta = exp2Exact(mb - mNew);
    float lScaled = lb * beta;
    l = std::fma(l, alpha, lScaled);
    for (size_t d = 0; d < cache.headDim; ++d) {
      float ob = 0.0f;
      for (int64_t j = 0; j < 64; ++j) {
        float v = visible(start + j)
                      ? cache.value(layer, kvHead, seen[start + j], d)
                      : 0.0f;
        ob = std::fma(p[j], v, ob);
      }
      float oScaled = ob * beta;
      o[d] = std::fma(o[d], alpha, oScaled);
    }
    m = mNew;
  }
  float inverse = 1.0f / l;
  for (float &x : o)
    x = x * inverse;
  return o;
}

/// One call: slots with a past, each with rows on a chain or a tree.
struct Call {
  std::vector<Cache> slots;
  std::vector<int32_t> position, past, cacheRow, pathBegin, path;
  std::vector<uint8_t *> kv;
  std::vector<size_t> slotOf;
  espalier_step_args args = {};

  /// parents[i] < i, or -1: the last cached token; position and path follow.
  void addSlot(Cache cache, int32_t pastLength,
               const std::vector<int32_t> &parents) {
    slots.push_back(std::move(cache));
    int32_t first = int32_t(position.size());
    for (size_t i = 0; i < parents.size(); ++i) {
      std::vector<int32_t> back;
      for (int32_t at = int32_t(i); at >= 0; at = parents[at])
        back.push_back(pastLength + at);
      position.push_back(pastLength + int32_t(back.size()) - 1);
      past.push_back(pastLength);
      cacheRow.push_back(pastLength + int32_t(i));
      pathBegin.push_back(int32_t(path.size()));
      path.insert(path.end(), back.rbegin(), back.rend());
      slotOf.push_back(slots.size() - 1);
    }
    (void)first;
  }
  void addPadding(size_t slot) {
    position.push_back(0);
    past.push_back(0);
    cacheRow.push_back(-1);
    pathBegin.push_back(0);
    slotOf.push_back(slot);
  }
  void finish(bool tree) {
    for (size_t slot : slotOf)
      kv.push_back(slots[slot].bytes.data());
    args.rows = uint32_t(position.size());
    args.tree = tree;
    args.position = position.data();
    args.past = past.data();
    args.cache_row = cacheRow.data();
    args.kv = kv.data();
    args.path_begin = pathBegin.data();
    args.path = path.data();
    args.kv_capacity = slots[0].capacity;
  }
  std::vector<int32_t> seen(size_t row) const {
    std::vector<int32_t> rows;
    for (int32_t p = 0; p <= position[row]; ++p)
      rows.push_back(!args.tree || p < past[row]
                         ? p
                         : path[pathBegin[row] + p - past[row]]);
    return rows;
  }
};

std::vector<int32_t> chain(int n) {
  std::vector<int32_t> parents(n);
  for (int i = 0; i < n; ++i)
    parents[i] = i - 1;
  return parents;
}
std::vector<int32_t> tree(Random &random, int n) {
  std::vector<int32_t> parents(n);
  for (int i = 0; i < n; ++i)
    parents[i] = int32_t(random.below(i + 1)) - 1;
  return parents;
}

struct Heads {
  size_t kvHeads, group, headDim;
};

/// Writes the cached rows directly; the rows of the call through `append`.
void fillPast(Random &random, Cache &cache, int32_t rows, float scale) {
  auto put = [&](size_t at, float x) {
    uint16_t bits =
        cache.element == Encoding::F16 ? floatToF16(x) : floatToBf16(x);
    if (cache.element == Encoding::F32)
      std::memcpy(&cache.bytes[at], &x, 4);
    else
      std::memcpy(&cache.bytes[at], &bits, 2);
  };
  for (size_t layer = 0; layer < cache.layers; ++layer)
    for (size_t h = 0; h < cache.kvHeads; ++h)
      for (int32_t row = 0; row < rows; ++row)
        for (size_t d = 0; d < cache.headDim; ++d) {
          put(cache.keyAt(layer, h, row, d), random.real(scale));
          put(cache.valueAt(layer, h, row, d), random.real(scale));
        }
}

struct Runner {
  AttentionFn *attention;
  PartialsFn *partials;
  MergeFn *merge;
  AppendFn *keys, *values;
};

/// Appends the rows and compares attention of all rows at once, and of some
/// rows and heads alone, with the reference.
void check(const Runner &run, Call &call, Heads heads, Random &random,
           const Terms &terms = {}) {
  size_t rows = call.position.size(), layer = call.slots[0].layers - 1;
  size_t kvDim = heads.kvHeads * heads.headDim;
  std::vector<float> k = random.reals(rows * kvDim);
  std::vector<float> v = random.reals(rows * kvDim);
  std::vector<std::vector<uint8_t>> before;
  for (Cache &slot : call.slots)
    before.push_back(slot.bytes);
  run.keys(&call.args, 0, k.data(), kvDim * 4, rows, 0, heads.kvHeads, layer,
           heads.kvHeads, heads.headDim);
  // The values in two parts, to see firstRow and firstHead at work.
  size_t firstPart = rows / 2;
  run.values(&call.args, 0, v.data(), kvDim * 4, firstPart, 0, heads.kvHeads,
             layer, heads.kvHeads, heads.headDim);
  for (size_t h = 0; h < heads.kvHeads; ++h)
    run.values(&call.args, firstPart, &v[firstPart * kvDim + h * heads.headDim],
               kvDim * 4, rows - firstPart, h, 1, layer, heads.kvHeads,
               heads.headDim);
  // The cache holds exactly what was appended.
  for (size_t r = 0; r < rows; ++r) {
    if (call.cacheRow[r] < 0)
      continue;
    Cache &slot = call.slots[call.slotOf[r]];
    auto &bytes = before[call.slotOf[r]];
    auto put = [&](size_t at, float x) {
      uint16_t bits =
          slot.element == Encoding::F16 ? floatToF16(x) : floatToBf16(x);
      if (slot.element == Encoding::F32)
        std::memcpy(&bytes[at], &x, 4);
      else
        std::memcpy(&bytes[at], &bits, 2);
    };
    for (size_t h = 0; h < heads.kvHeads; ++h)
      for (size_t d = 0; d < slot.valueDim; ++d) {
        size_t from = r * kvDim + h * heads.headDim + d;
        size_t row = size_t(call.cacheRow[r]);
        bool inside = d < heads.headDim;
        if (inside)
          put(slot.keyAt(layer, h, row, d), k[from]);
        put(slot.valueAt(layer, h, row, d), inside ? v[from] : 0.0f);
      }
  }
  for (size_t s = 0; s < call.slots.size(); ++s)
    ASSERT_EQ(call.slots[s].bytes, before[s]) << "cache of slot " << s;

  size_t allHeads = heads.kvHeads * heads.group;
  size_t stride = allHeads * heads.headDim + 4;
  const float *slopes = terms.slopes.empty() ? nullptr : terms.slopes.data();
  std::vector<float> q = random.reals(rows * stride);
  std::vector<float> want(rows * stride, 5.0f), got = want;
  for (size_t r = 0; r < rows; ++r)
    for (size_t h = 0; h < allHeads; ++h) {
      float *to = &want[r * stride + h * heads.headDim];
      if (call.cacheRow[r] < 0) {
        std::fill_n(to, heads.headDim, 0.0f);
        continue;
      }
      std::vector<float> o =
          reference(call.slots[call.slotOf[r]], layer, h / heads.group, h,
                    call.seen(r), &q[r * stride + h * heads.headDim], terms);
      std::copy(o.begin(), o.end(), to);
    }
  auto scratch = [&](size_t tileRows, size_t tileHeads) {
    return std::vector<uint64_t>(
        attentionScratchBytes(unsigned(tileRows), unsigned(tileHeads),
                              unsigned(heads.headDim)) /
                8 +
            1,
        0xffffffffffffffffull);
  };
  {
    auto memory = scratch(rows, allHeads);
    run.attention(&call.args, 0, q.data(), stride * 4, got.data(), stride * 4,
                  rows, 0, allHeads, layer, heads.kvHeads, heads.group,
                  heads.headDim, terms.scale, terms.window, terms.cap, slopes,
                  memory.data(), nullptr);
    EXPECT_EQ(memory.back(), 0xffffffffffffffffull);
    ASSERT_TRUE(sameRow(got.data(), want.data(), got.size()));
  }
  // Tiles of any rows and heads give the same bits.
  for (int tile = 0; tile < 6; ++tile) {
    size_t r0 = random.below(rows), n = 1 + random.below(rows - r0);
    size_t h0 = random.below(allHeads), m = 1 + random.below(allHeads - h0);
    auto memory = scratch(n, m);
    // Prefetches of what comes next change no bit; nobody reads there.
    uint64_t window[2] = {4096, 1u << 20};
    size_t at = r0 * stride + h0 * heads.headDim;
    std::fill(got.begin(), got.end(), 5.0f);
    run.attention(&call.args, r0, &q[at], stride * 4, &got[at], stride * 4, n,
                  h0, m, layer, heads.kvHeads, heads.group, heads.headDim,
                  terms.scale, terms.window, terms.cap, slopes, memory.data(),
                  window);
    EXPECT_EQ(window[0] % 64, 0u);
    EXPECT_EQ(window[1], 1u << 20);
    for (size_t r = 0; r < n; ++r)
      ASSERT_TRUE(sameRow(&got[at + r * stride], &want[at + r * stride],
                          m * heads.headDim))
          << "row " << r0 + r << " heads " << h0 << " + " << m;
  }
  // So do tiles of blocks and key/value heads, merged.
  int32_t last = *std::max_element(call.position.begin(), call.position.end());
  size_t blocks = size_t(last) / 64 + 1;
  size_t headFloats = 16 + (heads.headDim + 15) / 16 * 16;
  size_t rowFloats = allHeads * headFloats, blockFloats = rows * rowFloats + 16;
  std::vector<float> partials(blocks * blockFloats,
                              std::numeric_limits<float>::quiet_NaN());
  auto memory = scratch(0, 0);
  for (size_t b = 0; b < blocks;) {
    size_t count = 1 + random.below(std::min<size_t>(blocks - b, 2));
    for (size_t h = 0; h < heads.kvHeads; ++h) {
      size_t first = h * heads.group;
      run.partials(&call.args, 0, &q[first * heads.headDim], stride * 4,
                   &partials[b * blockFloats + first * headFloats],
                   rowFloats * 4, rows, first, heads.group, layer,
                   heads.kvHeads, heads.group, heads.headDim, terms.scale,
                   terms.window, terms.cap, slopes, memory.data(), nullptr,
                   blockFloats * 4, b, count);
    }
    b += count;
  }
  EXPECT_EQ(memory.back(), 0xffffffffffffffffull);
  std::fill(got.begin(), got.end(), 5.0f);
  run.merge(&call.args, 0, partials.data(), blockFloats * 4, rowFloats * 4,
            got.data(), stride * 4, rows, allHeads, heads.headDim,
            terms.window);
  ASSERT_TRUE(sameRow(got.data(), want.data(), got.size())) << "merged";
}

#define ESPALIER_RUNNER(ELEMENT) ESPALIER_RUNNER_OF(ELEMENT, false, false)
#define ESPALIER_RUNNER_OF(ELEMENT, SOFT_CAP, ALIBI)                           \
  KernelKey attentionKey{Kernel::Attention}, keysKey{Kernel::AppendKeys},      \
      valuesKey{Kernel::AppendValues};                                         \
  attentionKey.cache = keysKey.cache = valuesKey.cache = ELEMENT;              \
  attentionKey.softCap = SOFT_CAP;                                             \
  attentionKey.alibi = ALIBI;                                                  \
  KernelKey partialsKey = attentionKey;                                        \
  partialsKey.kernel = Kernel::AttentionPartials;                              \
  Runner run {                                                                 \
    kernel<AttentionFn>(attentionKey), kernel<PartialsFn>(partialsKey),        \
        kernel<MergeFn>({Kernel::AttentionMerge}), kernel<AppendFn>(keysKey),  \
        kernel<AppendFn>(valuesKey)                                            \
  }

TEST_P(AttentionTest, Chains) {
  Random random(11);
  for (Encoding element : {Encoding::F16, Encoding::F32, Encoding::BF16}) {
    ESPALIER_RUNNER(element);
    for (Heads heads : {Heads{1, 3, 64}, Heads{2, 1, 8}, Heads{2, 4, 16},
                        Heads{1, 2, 80}, Heads{1, 7, 34}, Heads{1, 1, 128}})
      for (auto [past, rows] : {std::pair{0, 1},
                                {0, 70},
                                {63, 1},
                                {64, 1},
                                {150, 1},
                                {40, 33},
                                {128, 5}}) {
        Cache cache(element, 2, heads.kvHeads, heads.headDim, 192);
        fillPast(random, cache, past, 1.0f);
        Call call;
        call.addSlot(std::move(cache), past, chain(rows));
        call.finish(false);
        ASSERT_NO_FATAL_FAILURE(check(run, call, heads, random))
            << encodingName(element) << " head " << heads.headDim << " past "
            << past << " rows " << rows;
      }
  }
}

TEST_P(AttentionTest, TreesAndSlots) {
  Random random(12);
  ESPALIER_RUNNER(Encoding::F16);
  for (Heads heads : {Heads{1, 3, 64}, Heads{2, 2, 24}})
    for (int trial = 0; trial < 8; ++trial) {
      Call call;
      for (int slot = 0; slot < 3; ++slot) {
        int32_t past = int32_t(random.below(130));
        Cache cache(Encoding::F16, 1, heads.kvHeads, heads.headDim, 192);
        fillPast(random, cache, past, 1.0f);
        int rows = 1 + int(random.below(30));
        call.addSlot(std::move(cache), past,
                     trial % 2 ? tree(random, rows) : chain(rows));
        if (slot == 1)
          call.addPadding(1);
      }
      call.addPadding(2);
      call.addPadding(2);
      call.finish(trial % 2);
      ASSERT_NO_FATAL_FAILURE(check(run, call, heads, random)) << trial;
    }
}

/// Three slots, with rows on chains or trees.
Call severalSlots(Random &random, Heads heads, bool trees) {
  Call call;
  for (int slot = 0; slot < 3; ++slot) {
    int32_t past = int32_t(random.below(150));
    Cache cache(Encoding::F16, 1, heads.kvHeads, heads.headDim, 192);
    fillPast(random, cache, past, 1.0f);
    int rows = 1 + int(random.below(30));
    call.addSlot(std::move(cache), past,
                 trees ? tree(random, rows) : chain(rows));
    call.addPadding(size_t(slot));
  }
  call.finish(trees);
  return call;
}

// Windows within a block, over its border, of whole blocks and wider than all.
TEST_P(AttentionTest, Windows) {
  Random random(15);
  ESPALIER_RUNNER(Encoding::F16);
  for (Heads heads : {Heads{1, 3, 64}, Heads{2, 2, 24}})
    for (int64_t window : {1, 2, 12, 16, 63, 64, 65, 100, 128, 1000})
      for (bool trees : {false, true}) {
        Call call = severalSlots(random, heads, trees);
        Terms terms;
        terms.window = window;
        ASSERT_NO_FATAL_FAILURE(check(run, call, heads, random, terms))
            << window << " trees " << trees;
      }
}

// What lies before the window is not touched: no address of it is valid.
TEST_P(AttentionTest, BlocksBeforeTheWindowAreNotRead) {
  Random random(16);
  ESPALIER_RUNNER(Encoding::F32);
  Heads heads{1, 2, 16};
  Cache cache(Encoding::F32, 1, 1, 16, 512);
  fillPast(random, cache, 400, 1.0f);
  float nan = std::numeric_limits<float>::quiet_NaN();
  for (size_t row = 0; row < 375; ++row)
    for (size_t d = 0; d < 16; ++d) {
      std::memcpy(&cache.bytes[cache.keyAt(0, 0, row, d)], &nan, 4);
      std::memcpy(&cache.bytes[cache.valueAt(0, 0, row, d)], &nan, 4);
    }
  Call call;
  call.addSlot(std::move(cache), 400, chain(6));
  call.finish(false);
  Terms terms;
  terms.window = 26; // row 400 sees 375 and what follows
  ASSERT_NO_FATAL_FAILURE(check(run, call, heads, random, terms));
}

TEST_P(AttentionTest, SoftCapAndAlibi) {
  Random random(17);
  Heads heads{2, 3, 24};
  for (auto [cap, alibi] :
       {std::pair{true, false}, {false, true}, {true, true}}) {
    ESPALIER_RUNNER_OF(Encoding::F16, cap, alibi);
    for (int64_t window : {int64_t(70), noWindow})
      for (bool trees : {false, true}) {
        Call call = severalSlots(random, heads, trees);
        Terms terms;
        terms.window = window;
        if (cap)
          terms.cap = 6.5f;
        if (alibi)
          terms.slopes = random.reals(6, 0.1f);
        ASSERT_NO_FATAL_FAILURE(check(run, call, heads, random, terms))
            << window << " trees " << trees << " cap " << cap << " alibi "
            << alibi;
      }
  }
}

// A chain, and the same tokens among others in a tree whose slots lie
// elsewhere: the same bits.
TEST_P(AttentionTest, ChainEqualsPathOfTree) {
  Random random(13);
  ESPALIER_RUNNER(Encoding::F16);
  (void)run.keys;
  size_t headDim = 64, past = 60, depth = 9;
  Cache plain(Encoding::F16, 1, 1, headDim, 128);
  fillPast(random, plain, 128, 1.0f);
  Cache scattered = plain;
  std::vector<int32_t> path;
  for (size_t i = 0; i < depth; ++i) {
    size_t row = past + 2 * i + (i > 4);
    path.push_back(int32_t(row));
    for (size_t d = 0; d < headDim; ++d) {
      std::memcpy(&scattered.bytes[scattered.keyAt(0, 0, row, d)],
                  &plain.bytes[plain.keyAt(0, 0, past + i, d)], 2);
      std::memcpy(&scattered.bytes[scattered.valueAt(0, 0, row, d)],
                  &plain.bytes[plain.valueAt(0, 0, past + i, d)], 2);
    }
  }
  std::vector<float> q = random.reals(3 * headDim);
  auto once = [&](Cache &cache, bool isTree) {
    int32_t position = int32_t(past + depth) - 1, pastRow = int32_t(past),
            cacheRow = 1, begin = 0;
    uint8_t *kv = cache.bytes.data();
    espalier_step_args args = {};
    args.rows = 1;
    args.tree = isTree;
    args.position = &position;
    args.past = &pastRow;
    args.cache_row = &cacheRow;
    args.kv = &kv;
    args.path_begin = &begin;
    args.path = path.data();
    args.kv_capacity = 128;
    std::vector<float> out(3 * headDim);
    std::vector<uint8_t> memory(attentionScratchBytes(1, 3, 64));
    run.attention(&args, 0, q.data(), 0, out.data(), 0, 1, 0, 3, 0, 1, 3,
                  headDim, 0.2f, noWindow, 0, nullptr, memory.data(), nullptr);
    return out;
  };
  std::vector<float> a = once(plain, false), b = once(scattered, true);
  EXPECT_TRUE(sameRow(a.data(), b.data(), a.size()));
}

// Scores far apart, so that factors of the merge reach zero; infinities and
// NaN among what is visible; -0 sums before unseen positions.
TEST_P(AttentionTest, Extremes) {
  Random random(14);
  ESPALIER_RUNNER(Encoding::F32);
  Heads heads{1, 2, 16};
  for (float scale : {1.0f, 300.0f, 1e30f, 1e38f, 1e-38f}) {
    Cache cache(Encoding::F32, 1, 1, 16, 192);
    fillPast(random, cache, 150, scale == 1e-38f ? 1e-30f : 3.0f);
    if (scale == 1e38f)
      for (int i = 0; i < 4; ++i) {
        float x =
            i % 2 ? std::numeric_limits<float>::infinity() : random.wild();
        std::memcpy(&cache.bytes[cache.valueAt(0, 0, 37 * i + 3, i)], &x, 4);
        std::memcpy(&cache.bytes[cache.keyAt(0, 0, 37 * i + 20, i)], &x, 4);
      }
    Call call;
    call.addSlot(std::move(cache), 150, chain(5));
    call.finish(false);
    Terms terms;
    terms.scale = scale;
    ASSERT_NO_FATAL_FAILURE(check(run, call, heads, random, terms)) << scale;
  }
}

ESPALIER_ALL_WAYS(AttentionTest);

} // namespace
