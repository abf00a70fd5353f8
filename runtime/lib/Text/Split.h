//===- Split.h - Cutting text into pieces -----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The split expressions (written out in espalier/tokenizer_tables.h) as
/// matchers, and what becomes of the matches. Each character is looked at a
/// bounded number of times over all the pieces of a text.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_TEXT_SPLIT_H
#define ESPALIER_RUNTIME_TEXT_SPLIT_H

#include "espalier/tokenizer_tables.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace espalier::text {

/// Where the match of the expression ESPALIER_SPLIT_* that begins at `offset`
/// (less than the text's size) ends, or `offset` where none begins there. The
/// text is UTF-8, its end an end for look-ahead. `literal` is that of
/// ESPALIER_SPLIT_LITERAL.
size_t matchAt(uint32_t expression, std::string_view literal,
               std::string_view text, size_t offset);

/// The same for the expressions that may follow ESPALIER_PIECES_BYTES, in
/// bytes.
size_t matchBytesAt(uint32_t expression, std::string_view bytes, size_t offset);

/// Gives the pieces of `text`, none of them empty, to `emit(begin, end)`.
/// `match(offset)` is as above.
template <typename MatchFn, typename Fn>
void splitText(std::string_view text, uint32_t behavior, MatchFn match,
               Fn emit) {
  const bool invert = behavior & ESPALIER_BEHAVIOR_INVERT;
  behavior &= ~uint32_t(ESPALIER_BEHAVIOR_INVERT);

  // The piece that is not given away yet, since what follows may join it.
  size_t begin = 0, end = 0;
  bool last = false;
  auto flush = [&] {
    if (begin < end)
      emit(begin, end);
    begin = end;
  };
  auto part = [&](size_t from, size_t to, bool matched) {
    bool joins = false;
    switch (behavior) {
    case ESPALIER_BEHAVIOR_REMOVED:
      if (!matched)
        emit(from, to);
      return;
    case ESPALIER_BEHAVIOR_CONTIGUOUS:
      joins = matched == last;
      break;
    case ESPALIER_BEHAVIOR_PREVIOUS:
      joins = matched && !last;
      break;
    case ESPALIER_BEHAVIOR_NEXT:
      joins = !matched && last;
      break;
    default:
      emit(from, to);
      return;
    }
    if (!joins)
      flush();
    end = to;
    last = matched;
  };

  size_t unmatched = 0;
  for (size_t offset = 0; offset < text.size();) {
    size_t stop = match(offset);
    if (stop == offset) {
      // On to the next character; bytes after BYTES are looked at one by one,
      // and none of their expressions begins inside a character.
      do
        ++offset;
      while (offset < text.size() &&
             (static_cast<uint8_t>(text[offset]) & 0xc0) == 0x80 &&
             !match.everyByte);
      continue;
    }
    if (unmatched < offset)
      part(unmatched, offset, invert);
    part(offset, stop, !invert);
    unmatched = offset = stop;
  }
  if (unmatched < text.size())
    part(unmatched, text.size(), invert);
  flush();
}

/// Matchers for splitText().
struct TextMatcher {
  static constexpr bool everyByte = false;
  uint32_t expression;
  std::string_view literal, text;
  size_t operator()(size_t offset) const {
    return matchAt(expression, literal, text, offset);
  }
};
struct ByteMatcher {
  static constexpr bool everyByte = true;
  uint32_t expression;
  std::string_view bytes;
  size_t operator()(size_t offset) const {
    return matchBytesAt(expression, bytes, offset);
  }
};

} // namespace espalier::text

#endif // ESPALIER_RUNTIME_TEXT_SPLIT_H
