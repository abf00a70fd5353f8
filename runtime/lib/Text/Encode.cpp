//===- Encode.cpp - Text to token ids -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Characters.h"
#include "Encoder.h"
#include "Split.h"

#include "espalier/Support/Utf8.h"

namespace espalier::text {

/// The longest added token that `text` begins with. The tokens are sorted, so
/// that those which share the first `depth` bytes of the text are a range.
Encoder::Match Encoder::longestMatch(const Added &added,
                                     std::string_view text) {
  Match best;
  eachPrefixOf(
      text, /*low=*/0, added.id.size(), /*depth=*/0,
      [&](size_t i) {
        return added.text.substr(added.begin[i],
                                 added.begin[i + 1] - added.begin[i]);
      },
      [&](size_t index, size_t bytes) { best = {bytes, index}; });
  return best;
}

/// Leftmost first, longest first. A match that is no word of its own is passed
/// over as a whole. White space that a token takes after it may hold the next
/// match nevertheless, and then what follows that match is no longer taken: so
/// the reference does it.
template <typename Fn>
void Encoder::splitAtAdded(const Added &added, std::string_view text,
                           Fn between) {
  size_t begin = 0;    // what is before has been given away
  size_t spaceEnd = 0; // of the last run of white space looked at
  for (size_t i = 0; i < text.size() && !added.id.empty();) {
    Match match;
    if (added.first.test(static_cast<uint8_t>(text[i])))
      match = longestMatch(added, text.substr(i));
    if (match.bytes == 0) {
      ++i;
      continue;
    }
    size_t start = i, stop = i += match.bytes;
    uint8_t flags = added.flags[match.index];
    if ((flags & ESPALIER_ADDED_WORD) &&
        ((start > 0 && isWord(scalarBefore(text, start).value)) ||
         (stop < text.size() && isWord(scalarAt(text, stop).value))))
      continue;
    if (flags & ESPALIER_ADDED_LSTRIP)
      while (start > begin) {
        Scalar scalar = scalarBefore(text, start);
        if (classOf(scalar.value) != Space)
          break;
        start -= scalar.length;
      }
    if (flags & ESPALIER_ADDED_RSTRIP) {
      // A run that tokens lie in is looked at once.
      for (spaceEnd = std::max(spaceEnd, stop); spaceEnd < text.size();) {
        Scalar scalar = scalarAt(text, spaceEnd);
        if (classOf(scalar.value) != Space)
          break;
        spaceEnd += scalar.length;
      }
      stop = spaceEnd;
    }
    if (begin < start)
      between(begin, start);
    out.push_back(static_cast<int32_t>(added.id[match.index]));
    begin = stop;
  }
  if (begin < text.size())
    between(begin, text.size());
}

bool Encoder::encode(std::string_view text) {
  splitAtAdded(t.rawAdded, text, [&](size_t begin, size_t end) {
    encodeBetween(text.substr(begin, end - begin), begin == 0);
  });
  return !grewTooMuch;
}

void Encoder::encodeBetween(std::string_view text, bool atStart) {
  std::optional<Normalizer::Result> result =
      t.normalizer.apply(text, normalized);
  if (!result) {
    grewTooMuch = true;
    return;
  }
  text = result->text;
  atStart = atStart && result->atStart;
  splitAtAdded(t.normalizedAdded, text, [&](size_t begin, size_t end) {
    cut(0, text.substr(begin, end - begin), atStart && begin == 0);
  });
}

/// Applies the steps from `step` on to a piece that is not empty. A step that
/// changes text keeps it in a storage of its own until the next piece comes.
void Encoder::cut(size_t step, std::string_view piece, bool atStart) {
  if (step == t.pieces.size()) {
    encodePiece(piece);
    return;
  }
  const espalier_tokenizer_step &s = t.pieces[step];
  auto each = [&](size_t begin, size_t end) {
    cut(step + 1, piece.substr(begin, end - begin), atStart && begin == 0);
  };
  switch (s.kind) {
  case ESPALIER_PIECES_SPLIT:
    if (step > t.bytesAt)
      splitText(piece, s.flags, ByteMatcher{s.option, piece}, each);
    else
      splitText(piece, s.flags,
                TextMatcher{s.option, t.normalizer.textOf(s), piece}, each);
    break;
  case ESPALIER_PIECES_PREFIX_SPACE:
    if (piece[0] != ' ')
      piece = stepTexts[step].assign(1, ' ').append(piece);
    cut(step + 1, piece, atStart);
    break;
  case ESPALIER_PIECES_METASPACE:
    cut(step + 1, metaspaced(step, piece, atStart), atStart);
    break;
  default: // ESPALIER_PIECES_BYTES: pieces are bytes already
    cut(step + 1, piece, atStart);
    break;
  }
}

std::string_view Encoder::metaspaced(size_t step, std::string_view piece,
                                     bool atStart) {
  const espalier_tokenizer_step &s = t.pieces[step];
  std::string_view mark = t.normalizer.textOf(s);
  std::string &text = stepTexts[step];
  text.clear();
  if ((s.option == ESPALIER_PREPEND_ALWAYS ||
       (s.option == ESPALIER_PREPEND_FIRST && atStart)) &&
      piece[0] != ' ' && !piece.starts_with(mark))
    text = mark;
  for (size_t i = 0; i < piece.size();) {
    size_t space = std::min(piece.find(' ', i), piece.size());
    text += piece.substr(i, space - i);
    if (space < piece.size())
      text += mark;
    i = space + 1;
  }
  return text;
}

void Encoder::encodePiece(std::string_view piece) {
  if (piece.size() > PieceCache::maxBytes) {
    emitPiece(piece);
    return;
  }
  auto [slot, hit] = cache.find(piece);
  if (hit && slot.count <= PieceCache::maxIds) {
    out.insert(out.end(), slot.ids, slot.ids + slot.count);
    return;
  }
  size_t before = out.size();
  emitPiece(piece);
  slot.count = static_cast<uint32_t>(out.size() - before);
  if (slot.count <= PieceCache::maxIds)
    std::copy(out.begin() + static_cast<ptrdiff_t>(before), out.end(),
              slot.ids);
}

void Encoder::emitPiece(std::string_view piece) {
  if (t.header->model == ESPALIER_MODEL_UNIGRAM)
    bestPath(piece);
  else
    merge(piece);
}

int64_t Encoder::findWhole(std::string_view text) const {
  auto it = std::lower_bound(
      t.sorted.begin(), t.sorted.end(), text,
      [&](uint32_t id, std::string_view key) { return t.rawTextOf(id) < key; });
  return it == t.sorted.end() || t.rawTextOf(*it) != text ? -1 : int64_t(*it);
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
  if (!Encoder(*this, text.size(), ids).encode(text))
    return Error{"text: its normalised form is too large; the artefact is "
                 "damaged: compile the model again"};
  if (special)
    ids.insert(ids.end(), suffix.begin(), suffix.end());
  return ids;
}

} // namespace espalier::text
