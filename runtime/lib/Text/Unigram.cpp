//===- Unigram.cpp - The best path through a piece ------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Viterbi's algorithm from left to right, in double precision and in the
/// reference's order of additions and comparisons: of equal sums the one that
/// begins first wins. Tokens are of bounded length, so time is linear.
///
//===----------------------------------------------------------------------===//

#include "Characters.h"
#include "Encoder.h"

namespace espalier::text {

/// Gives the tokens that `text` begins with to `found(index, bytes)`, the
/// shortest first. They are sorted, so that those which share the first `depth`
/// bytes with the text are a range.
template <typename Fn>
void Encoder::eachPrefix(std::string_view text, Fn found) const {
  auto first = static_cast<uint8_t>(text[0]);
  eachPrefixOf(
      text, t.sortedFirst[first], t.sortedFirst[first + 1], /*depth=*/1,
      [&](size_t i) { return t.rawTextOf(t.sorted[i]); }, found);
}

void Encoder::bestPath(std::string_view piece) {
  nodes.assign(piece.size() + 1, Node{0.0, none, 0});
  const auto unknown = static_cast<uint32_t>(t.header->unknown);
  for (size_t begin = 0; begin < piece.size();) {
    const double before = nodes[begin].score;
    const size_t length = scalarAt(piece, begin).length;
    bool single = false;
    auto candidate = [&](size_t end, double score, uint32_t id) {
      Node &node = nodes[end];
      if (node.begin == none || score > node.score)
        node = {score, static_cast<uint32_t>(begin), id};
    };
    eachPrefix(piece.substr(begin), [&](size_t index, size_t bytes) {
      candidate(begin + bytes, t.scores[index] + before, t.sorted[index]);
      single = single || bytes == length;
    });
    if (!single)
      candidate(begin + length, t.header->unknown_score + before, unknown);
    begin += length;
  }

  // Back from the end; `symbols` holds where tokens begin, the last one first.
  symbols.clear();
  for (size_t end = piece.size(); end > 0; end = nodes[end].begin)
    symbols.push_back(static_cast<uint32_t>(end));
  size_t begin = 0, unknownBegin = 0;
  bool inUnknown = false;
  for (size_t i = symbols.size(); i-- > 0; begin = symbols[i]) {
    uint32_t id = nodes[symbols[i]].id;
    if (id == unknown) {
      if (!inUnknown)
        unknownBegin = begin;
      inUnknown = true;
      continue;
    }
    if (inUnknown)
      emitUnknown(piece.substr(unknownBegin, begin - unknownBegin));
    inUnknown = false;
    out.push_back(static_cast<int32_t>(id));
  }
  if (inUnknown)
    emitUnknown(piece.substr(unknownBegin));
}

/// Unknown characters in a row are one: a token after all, or bytes, or the
/// unknown token.
void Encoder::emitUnknown(std::string_view text) {
  if (int64_t id = findWhole(text); id >= 0) {
    out.push_back(static_cast<int32_t>(id));
    return;
  }
  auto token = [&](char c) { return t.byteToken[static_cast<uint8_t>(c)]; };
  if (std::all_of(text.begin(), text.end(),
                  [&](char c) { return token(c) >= 0; }))
    for (char c : text)
      out.push_back(token(c));
  else if (t.header->unknown >= 0)
    out.push_back(t.header->unknown);
}

} // namespace espalier::text
