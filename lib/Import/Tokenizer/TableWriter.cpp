//===- TableWriter.cpp - Writing tokenizer tables -------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TableWriter.h"

#include "espalier/Support/Hash.h"
#include "espalier/Support/Utf8.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace espalier::tokenizer {

void TableWriter::write(int section, const void *data, size_t bytes) {
  out.resize((out.size() + 7) / 8 * 8);
  header.sections[section] = {out.size(), bytes};
  const auto *begin = static_cast<const uint8_t *>(data);
  out.insert(out.end(), begin, begin + bytes);
}

void TableWriter::writeTokens() {
  std::vector<uint32_t> begin = {0};
  std::vector<uint8_t> flags;
  std::string text;
  std::vector<bool> whole; // may be found as a whole
  for (const Slot &slot : slots) {
    // A text with a character that is not of the alphabet stands for itself.
    std::string_view shown = slot.bytes.empty() ? slot.text : slot.bytes;
    std::optional<std::string> bytes;
    if (model.byteLevel())
      bytes = bytesOfAlphabet(shown);
    whole.push_back(slot.inModel && (model.wholeAdded || !slot.added) &&
                    !slot.text.empty() && slot.bytes.empty() &&
                    (bytes || !model.byteLevel()));
    text += bytes ? std::string_view(*bytes) : shown;
    begin.push_back(static_cast<uint32_t>(text.size()));
    flags.push_back(static_cast<uint8_t>(
        (slot.present ? ESPALIER_TOKEN_PRESENT : 0) |
        (slot.special ? ESPALIER_TOKEN_SPECIAL : 0) |
        (slot.normalized ? ESPALIER_TOKEN_NORMALIZED : 0)));
  }
  write(ESPALIER_TOKENS_BEGIN, begin);
  write(ESPALIER_TOKENS_FLAGS, flags);
  write(ESPALIER_TOKENS_TEXT, text.data(), text.size());

  std::vector<uint32_t> ids;
  auto textOf = [&](uint32_t id) {
    return std::string_view(text).substr(begin[id], begin[id + 1] - begin[id]);
  };
  if (model.ignoreMerges || model.unigram)
    for (uint32_t id = 0; id < slots.size(); ++id)
      // Of equal texts a unigram model finds the last.
      if (whole[id] && (!model.unigram || idOf.at(slots[id].text) == id))
        ids.push_back(id);
  std::sort(ids.begin(), ids.end(),
            [&](uint32_t a, uint32_t b) { return textOf(a) < textOf(b); });
  write(ESPALIER_TOKENS_SORTED, ids);
  std::vector<double> scores;
  if (model.unigram)
    for (uint32_t id : ids)
      scores.push_back(slots[id].score);
  write(ESPALIER_TOKENS_SCORE, scores);
}

/// Tokens of one character.
void TableWriter::writeCharacters() {
  std::vector<espalier_tokenizer_character> characters;
  if (!model.byteLevel() && !model.unigram)
    for (uint32_t id = 0; id < slots.size(); ++id) {
      std::string_view text = slots[id].text;
      if (!slots[id].inModel || text.empty() || text.size() > 4)
        continue;
      DecodedScalar scalar = decodeUtf8(text, 0);
      if (scalar.valid && scalar.length == text.size())
        characters.push_back({scalar.scalar, id});
    }
  std::sort(characters.begin(), characters.end(),
            [](const auto &a, const auto &b) { return a.scalar < b.scalar; });
  write(ESPALIER_CHARACTERS, characters);
}

void TableWriter::writeAdded(std::vector<PlacedAdded> &placed, int section) {
  std::vector<uint32_t> begin = {0}, ids;
  std::vector<uint8_t> flags;
  std::string text;
  for (const PlacedAdded &token : placed) {
    text += token.pattern;
    begin.push_back(static_cast<uint32_t>(text.size()));
    ids.push_back(token.id);
    flags.push_back(token.flags);
  }
  write(section, begin);
  write(section + 1, ids);
  write(section + 2, flags);
  write(section + 3, text.data(), text.size());
}

void TableWriter::writeOrder() {
  std::vector<uint32_t> order(normalized.size());
  for (uint32_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return normalized[a].id < normalized[b].id;
  });
  write(ESPALIER_NORMALIZED_ORDER, order);
}

void TableWriter::writeHeader() {
  header.magic = ESPALIER_TOKENIZER_MAGIC;
  header.version = ESPALIER_TOKENIZER_VERSION;
  header.header_bytes = sizeof(header);
  header.bytes = out.size();
  header.model = model.unigram ? ESPALIER_MODEL_UNIGRAM : ESPALIER_MODEL_BPE;
  header.flags = (model.ignoreMerges ? ESPALIER_TOKENIZER_IGNORE_MERGES : 0) |
                 (model.fuseUnknown ? ESPALIER_TOKENIZER_FUSE_UNKNOWN : 0);
  header.vocabulary = static_cast<uint32_t>(slots.size());
  std::memcpy(out.data(), &header, sizeof(header));
  Hash128 hash = hash128(std::span<const uint8_t>(out).subspan(
      offsetof(espalier_tokenizer_header, model)));
  header.hash[0] = hash.low;
  header.hash[1] = hash.high;
  std::memcpy(out.data(), &header, sizeof(header));
}

} // namespace espalier::tokenizer
