//===- Encoder.h - One call of encode() -------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Added tokens are sought first, in the text as it is; what lies between them
/// is normalised, searched for added tokens that may be sought only then, and
/// cut into pieces; each piece goes through the model.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_TEXT_ENCODER_H
#define ESPALIER_RUNTIME_TEXT_ENCODER_H

#include "Text/Tokenizer.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace espalier::text {

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

/// Of the sorted texts `textAt(low)` .. `textAt(high - 1)`, whose first `depth`
/// bytes are those of `text`, gives those that `text` begins with to
/// `found(index, bytes)`, the shortest first.
template <typename TextAt, typename Fn>
void eachPrefixOf(std::string_view text, size_t low, size_t high, size_t depth,
                  TextAt textAt, Fn found) {
  for (; low < high; ++depth) {
    // One that ends here stands before those that go on.
    if (textAt(low).size() == depth)
      found(low++, depth);
    if (depth == text.size())
      return;
    auto byteAt = [&](size_t i) {
      std::string_view other = textAt(i);
      return depth < other.size() ? static_cast<uint8_t>(other[depth]) : -1;
    };
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
    int wanted = static_cast<uint8_t>(text[depth]);
    low = bound(wanted, low, high);
    high = bound(wanted + 1, low, high);
  }
}

class Encoder {
public:
  Encoder(const Tokenizer &tokenizer, size_t textBytes,
          std::vector<int32_t> &out)
      : t(tokenizer), out(out), cache(textBytes) {}

  /// False: the text grew too much on its way.
  bool encode(std::string_view text);

private:
  using Added = Tokenizer::Added;
  struct Match {
    size_t bytes = 0;
    size_t index = 0;
  };
  static constexpr uint32_t none = UINT32_MAX;

  // Encode.cpp
  static Match longestMatch(const Added &added, std::string_view text);
  /// Emits the added tokens in `text` and gives what is between them to
  /// `between(begin, end)`.
  template <typename Fn>
  void splitAtAdded(const Added &added, std::string_view text, Fn between);

  void encodeBetween(std::string_view text, bool atStart);
  void cut(size_t step, std::string_view piece, bool atStart);
  std::string_view metaspaced(size_t step, std::string_view piece,
                              bool atStart);
  void encodePiece(std::string_view piece);
  /// The id of the token that `text` is as a whole, or -1.
  int64_t findWhole(std::string_view text) const;
  void emitPiece(std::string_view piece);

  // Bpe.cpp
  void merge(std::string_view piece);
  size_t startSymbols(std::string_view piece);
  size_t startBytes(std::string_view piece);
  size_t startCharacters(std::string_view piece);
  int64_t idOfCharacter(uint32_t scalar) const;
  void mergeSmall(size_t count);
  void mergeLarge(size_t count);
  void rankPair(uint32_t left, uint32_t right, uint32_t &rank,
                uint32_t &result) const;

  // Unigram.cpp
  struct Node {
    double score;
    uint32_t begin; ///< `none`: no path ends here
    uint32_t id;
  };
  void bestPath(std::string_view piece);
  template <typename Fn> void eachPrefix(std::string_view text, Fn found) const;
  void emitUnknown(std::string_view text);

  const Tokenizer &t;
  std::vector<int32_t> &out;
  PieceCache cache;
  bool grewTooMuch = false;
  Normalizer::Storage normalized;
  std::string stepTexts[ESPALIER_TOKENIZER_STEPS];
  std::vector<uint32_t> symbols, ranks, results, next, previous;
  std::vector<uint64_t> heap;
  std::vector<Node> nodes;
};

} // namespace espalier::text

#endif // ESPALIER_RUNTIME_TEXT_ENCODER_H
