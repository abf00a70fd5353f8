//===- Bpe.cpp - Byte-pair encoding of a piece ----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Characters.h"
#include "Encoder.h"

namespace espalier::text {

namespace {

constexpr uint32_t noRank = UINT32_MAX;
/// Pieces of at most this many symbols are merged without a heap.
constexpr size_t smallPiece = 24;

/// Symbols with the unknown token among them, which waits for what follows it
/// where several in a row become one.
class Symbols {
public:
  Symbols(uint32_t *out, int32_t unknown, bool fuses)
      : out(out), unknown(unknown), fuses(fuses) {}

  void add(uint32_t id) {
    flush();
    out[count++] = id;
  }
  /// Bytes of a character go before an unknown token that waits: so the
  /// reference does it.
  void addByte(uint32_t id) { out[count++] = id; }
  void addUnknown() {
    if (unknown < 0)
      return;
    if (!fuses)
      flush();
    waits = true;
  }
  size_t finish() {
    flush();
    return count;
  }

private:
  void flush() {
    if (waits)
      out[count++] = static_cast<uint32_t>(unknown);
    waits = false;
  }

  uint32_t *out;
  int32_t unknown;
  bool fuses;
  bool waits = false;
  size_t count = 0;
};

} // namespace

size_t Encoder::startSymbols(std::string_view piece) {
  return t.byteLevel() ? startBytes(piece) : startCharacters(piece);
}

size_t Encoder::startBytes(std::string_view piece) {
  Symbols start(symbols.data(), t.header->unknown,
                t.header->flags & ESPALIER_TOKENIZER_FUSE_UNKNOWN);
  for (char c : piece) {
    int32_t id = t.byteToken[static_cast<uint8_t>(c)];
    if (id >= 0)
      start.add(static_cast<uint32_t>(id));
    else
      start.addUnknown();
  }
  return start.finish();
}

size_t Encoder::startCharacters(std::string_view piece) {
  Symbols start(symbols.data(), t.header->unknown,
                t.header->flags & ESPALIER_TOKENIZER_FUSE_UNKNOWN);
  for (size_t i = 0; i < piece.size();) {
    Scalar scalar = scalarAt(piece, i);
    if (int64_t id = idOfCharacter(scalar.value); id >= 0) {
      start.add(static_cast<uint32_t>(id));
      i += scalar.length;
      continue;
    }
    std::string_view bytes = piece.substr(i, scalar.length);
    auto token = [&](char c) { return t.byteToken[static_cast<uint8_t>(c)]; };
    if (std::all_of(bytes.begin(), bytes.end(),
                    [&](char c) { return token(c) >= 0; }))
      for (char c : bytes)
        start.addByte(static_cast<uint32_t>(token(c)));
    else
      start.addUnknown();
    i += scalar.length;
  }
  return start.finish();
}

int64_t Encoder::idOfCharacter(uint32_t scalar) const {
  auto it = std::lower_bound(t.characters.begin(), t.characters.end(), scalar,
                             [](const espalier_tokenizer_character &c,
                                uint32_t key) { return c.scalar < key; });
  return it == t.characters.end() || it->scalar != scalar ? -1
                                                          : int64_t(it->id);
}

void Encoder::rankPair(uint32_t left, uint32_t right, uint32_t &rank,
                       uint32_t &result) const {
  const espalier_tokenizer_merge *base = t.merges.data() + t.mergeBegin[left];
  size_t count = t.mergeBegin[left + 1] - t.mergeBegin[left];
  rank = noRank;
  if (count == 0)
    return;
  while (count > 1) {
    size_t half = count / 2;
    base = base[half].right <= right ? base + half : base;
    count -= half;
  }
  if (base->right == right) {
    rank = base->rank;
    result = base->result;
  }
}

void Encoder::merge(std::string_view piece) {
  if (t.header->flags & ESPALIER_TOKENIZER_IGNORE_MERGES)
    if (int64_t id = findWhole(piece); id >= 0) {
      out.push_back(static_cast<int32_t>(id));
      return;
    }
  if (symbols.size() < piece.size()) {
    symbols.resize(piece.size());
    ranks.resize(piece.size());
    results.resize(piece.size());
  }
  size_t count = startSymbols(piece);
  if (count == 0)
    return;
  // ranks[i] and results[i] are those of the pair that begins at i.
  for (size_t i = 0; i + 1 < count; ++i)
    rankPair(symbols[i], symbols[i + 1], ranks[i], results[i]);
  ranks[count - 1] = noRank;
  if (count <= smallPiece)
    mergeSmall(count);
  else
    mergeLarge(count);
}

void Encoder::mergeSmall(size_t count) {
  while (true) {
    size_t best = 0;
    for (size_t i = 1; i < count; ++i)
      if (ranks[i] < ranks[best])
        best = i;
    if (ranks[best] == noRank)
      break;
    symbols[best] = results[best];
    size_t tail = count - best - 2;
    auto remove = [](std::vector<uint32_t> &from, size_t i, size_t kept) {
      for (size_t k = i; k < i + kept; ++k)
        from[k] = from[k + 1];
    };
    remove(symbols, best + 1, tail);
    remove(ranks, best, tail + 1);
    remove(results, best, tail + 1);
    --count;
    if (best > 0)
      rankPair(symbols[best - 1], symbols[best], ranks[best - 1],
               results[best - 1]);
    if (best + 1 < count)
      rankPair(symbols[best], symbols[best + 1], ranks[best], results[best]);
    else
      ranks[best] = noRank;
  }
  out.insert(out.end(), symbols.data(), symbols.data() + count);
}

/// A heap of pairs by (rank, position). An entry whose pair has changed since
/// has another rank than `ranks` says, and is passed over: each merge adds at
/// most two entries, so that the whole takes O(n log n).
void Encoder::mergeLarge(size_t count) {
  next.resize(count);
  previous.resize(count);
  heap.clear();
  auto entry = [&](size_t i) { return uint64_t(ranks[i]) << 32 | i; };
  for (size_t i = 0; i < count; ++i) {
    next[i] = i + 1 < count ? static_cast<uint32_t>(i + 1) : none;
    previous[i] = i > 0 ? static_cast<uint32_t>(i - 1) : none;
    if (ranks[i] != noRank)
      heap.push_back(entry(i));
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  auto update = [&](uint32_t i) {
    ranks[i] = noRank;
    if (next[i] == none)
      return;
    rankPair(symbols[i], symbols[next[i]], ranks[i], results[i]);
    if (ranks[i] == noRank)
      return;
    heap.push_back(entry(i));
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    uint64_t top = heap.back();
    heap.pop_back();
    uint32_t i = static_cast<uint32_t>(top);
    if (ranks[i] != top >> 32)
      continue;
    uint32_t gone = next[i];
    symbols[i] = results[i];
    ranks[gone] = noRank;
    next[i] = next[gone];
    if (next[i] != none)
      previous[next[i]] = i;
    update(i);
    if (previous[i] != none)
      update(previous[i]);
  }
  for (uint32_t i = 0; i != none; i = next[i])
    out.push_back(static_cast<int32_t>(symbols[i]));
}

} // namespace espalier::text
