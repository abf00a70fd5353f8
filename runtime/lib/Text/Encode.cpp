//===- Encode.cpp - Text to token ids -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Added tokens are sought first, in the text as it is; what lies between them
/// is normalised, searched for added tokens that may be sought only then, and
/// cut into pieces; the bytes of each piece are merged by rank.
///
//===----------------------------------------------------------------------===//

#include "Normalize.h"
#include "Split.h"
#include "Text/Tokenizer.h"

#include "espalier/Support/Utf8.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace espalier::text {

namespace {

constexpr uint32_t noRank = UINT32_MAX;
constexpr uint32_t none = UINT32_MAX;
/// Pieces of at most this many symbols are merged without a heap.
constexpr size_t smallPiece = 24;

/// What short pieces gave earlier in the same text. Direct-mapped; a slot holds
/// up to 15 bytes of text, its length, and up to seven ids.
class PieceCache {
public:
  static constexpr size_t maxBytes = 15, maxIds = 7;
  struct Slot {
    uint64_t key[2] = {0, 0}; ///< length in the top byte; 0: an empty slot
    int32_t ids[maxIds] = {};
    uint32_t count = 0;
  };

  explicit PieceCache(size_t textBytes)
      : slots(std::bit_ceil(std::clamp<size_t>(textBytes / 4, 1, 8192))) {}

  /// The slot for `piece`, and whether it holds it already.
  std::pair<Slot &, bool> find(std::string_view piece) {
    uint64_t key[2] = {0, 0};
    std::memcpy(key, piece.data(), piece.size());
    key[1] |= uint64_t(piece.size()) << 56;
    uint64_t mixed = (key[0] ^ std::rotl(key[1], 29)) * 0x9e3779b97f4a7c15u;
    Slot &slot = slots[(mixed >> 40) & (slots.size() - 1)];
    bool hit = slot.key[0] == key[0] && slot.key[1] == key[1];
    std::memcpy(slot.key, key, sizeof(key));
    return {slot, hit};
  }

private:
  std::vector<Slot> slots;
};

} // namespace

/// One call of encode().
class Encoder {
public:
  Encoder(const Tokenizer &tokenizer, size_t textBytes,
          std::vector<int32_t> &out)
      : t(tokenizer), out(out), cache(textBytes) {}

  void encodeRaw(std::string_view text);

private:
  using Added = Tokenizer::Added;
  struct Match {
    size_t bytes;
    uint32_t id;
  };

  void encodeBetween(std::string_view text);
  void encodePieces(std::string_view text);
  void encodePiece(std::string_view piece);
  bool findWhole(std::string_view piece);

  template <typename Fn>
  void splitAtAdded(const Added &added, std::string_view text, Fn between);
  static Match longestMatch(const Added &added, std::string_view text);

  void merge(std::string_view piece);
  void mergeSmall(size_t count);
  void mergeLarge(size_t count);
  void rankPair(uint32_t left, uint32_t right, uint32_t &rank,
                uint32_t &result) const;

  const Tokenizer &t;
  std::vector<int32_t> &out;
  PieceCache cache;
  std::string normalized;
  std::vector<uint32_t> symbols, ranks, results, next, previous;
  std::vector<uint64_t> heap;
};

/// The longest added token that `text` begins with. The tokens are sorted, so
/// that those which share the first `depth` bytes of the text are a range.
Encoder::Match Encoder::longestMatch(const Added &added,
                                     std::string_view text) {
  auto tokenAt = [&](size_t i) {
    return added.text.substr(added.begin[i],
                             added.begin[i + 1] - added.begin[i]);
  };
  Match best{0, 0};
  size_t low = 0, high = added.id.size();
  for (size_t depth = 0; low < high; ++depth) {
    // A token that ends here stands before those that go on.
    if (std::string_view token = tokenAt(low); token.size() == depth) {
      best = {depth, added.id[low]};
      ++low;
    }
    if (depth == text.size())
      break;
    auto byteAt = [&](size_t i) {
      std::string_view token = tokenAt(i);
      return depth < token.size() ? static_cast<uint8_t>(token[depth]) : -1;
    };
    int wanted = static_cast<uint8_t>(text[depth]);
    auto bound = [&](int limit, size_t from, size_t to) {
      while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (byteAt(middle) < limit)
          from = middle + 1;
        else
          to = middle;
      }
      return from;
    };
    low = bound(wanted, low, high);
    high = bound(wanted + 1, low, high);
  }
  return best;
}

/// Emits the added tokens in `text`, leftmost first and longest first, and
/// gives what is between them to `between`.
template <typename Fn>
void Encoder::splitAtAdded(const Added &added, std::string_view text,
                           Fn between) {
  if (added.id.empty()) {
    if (!text.empty())
      between(text);
    return;
  }
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    if (!added.first.test(static_cast<uint8_t>(text[i]))) {
      ++i;
      continue;
    }
    Match match = longestMatch(added, text.substr(i));
    if (match.bytes == 0) {
      ++i;
      continue;
    }
    if (begin < i)
      between(text.substr(begin, i - begin));
    out.push_back(static_cast<int32_t>(match.id));
    i += match.bytes;
    begin = i;
  }
  if (begin < text.size())
    between(text.substr(begin));
}

void Encoder::encodeRaw(std::string_view text) {
  splitAtAdded(t.rawAdded, text,
               [&](std::string_view part) { encodeBetween(part); });
}

void Encoder::encodeBetween(std::string_view text) {
  if (t.header->normalizer == ESPALIER_NORMALIZE_NFC)
    text = normalizeNfc(text, normalized);
  splitAtAdded(t.normalizedAdded, text,
               [&](std::string_view part) { encodePieces(part); });
}

void Encoder::encodePieces(std::string_view text) {
  for (size_t begin = 0; begin < text.size();) {
    size_t end = nextPiece(t.header->split, text, begin);
    encodePiece(text.substr(begin, end - begin));
    begin = end;
  }
}

void Encoder::encodePiece(std::string_view piece) {
  if (piece.size() > PieceCache::maxBytes) {
    merge(piece);
    return;
  }
  auto [slot, hit] = cache.find(piece);
  if (hit && slot.count <= PieceCache::maxIds) {
    out.insert(out.end(), slot.ids, slot.ids + slot.count);
    return;
  }
  size_t before = out.size();
  merge(piece);
  slot.count = static_cast<uint32_t>(out.size() - before);
  if (slot.count <= PieceCache::maxIds)
    std::copy(out.begin() + before, out.end(), slot.ids);
}

/// Emits the token that `piece` is as a whole, if it is one.
bool Encoder::findWhole(std::string_view piece) {
  auto text = [&](uint32_t id) {
    return t.tokenText.substr(t.tokenBegin[id],
                              t.tokenBegin[id + 1] - t.tokenBegin[id]);
  };
  auto it = std::lower_bound(
      t.sorted.begin(), t.sorted.end(), piece,
      [&](uint32_t id, std::string_view key) { return text(id) < key; });
  if (it == t.sorted.end() || text(*it) != piece)
    return false;
  out.push_back(static_cast<int32_t>(*it));
  return true;
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
  if ((t.header->flags & ESPALIER_TOKENIZER_IGNORE_MERGES) && findWhole(piece))
    return;
  if (symbols.size() < piece.size()) {
    symbols.resize(piece.size());
    ranks.resize(piece.size());
    results.resize(piece.size());
  }
  size_t count = 0;
  for (char c : piece)
    if (int32_t id = t.byteToken[static_cast<uint8_t>(c)]; id >= 0)
      symbols[count++] = static_cast<uint32_t>(id);
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
  out.insert(out.end(), symbols.begin(), symbols.begin() + count);
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

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text,
                                               bool special) const {
  // Positions are 32 bits wide.
  if (text.size() >= ESPALIER_TOKENIZER_LIMIT)
    return Error{"text: expected less than 1 GiB, got " +
                 std::to_string(text.size()) + " bytes; encode it in parts"};
  if (!isValidUtf8(text)) {
    size_t offset = 0;
    while (offset < text.size()) {
      DecodedScalar scalar = decodeUtf8(text, offset);
      if (!scalar.valid)
        break;
      offset += scalar.length;
    }
    return Error{"text: expected UTF-8, got ill-formed bytes at offset " +
                 std::to_string(offset)};
  }
  std::vector<int32_t> ids;
  if (special)
    ids.insert(ids.end(), prefix.begin(), prefix.end());
  Encoder(*this, text.size(), ids).encodeRaw(text);
  if (special)
    ids.insert(ids.end(), suffix.begin(), suffix.end());
  return ids;
}

} // namespace espalier::text
