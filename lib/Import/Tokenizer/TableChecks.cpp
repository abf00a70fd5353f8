//===- TableChecks.cpp - Checking a tokenizer before it is written --------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TableWriter.h"

#include "Text/Steps.h"
#include "Text/Tokenizer.h"
#include "espalier/Support/Utf8.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <tuple>

namespace espalier::tokenizer {

/// Room for ids that stand for nothing: beyond what real files leave, below
/// what would let a small file ask for much memory.
static constexpr uint64_t spareIds = 1 << 16;

Status TableWriter::placeTokens() {
  const uint64_t limit = std::min<uint64_t>(
      2 * (model.tokens.size() + model.added.size()) + spareIds,
      ESPALIER_TOKENIZER_LIMIT);
  auto grow = [&](uint64_t id, std::string_view text) -> Status {
    if (id >= limit)
      return fail("token " + quoted(text) + ": expected an id below " +
                  std::to_string(limit) + ", got " + std::to_string(id));
    if (id >= slots.size())
      slots.resize(id + 1);
    return {};
  };
  idOf.reserve(model.tokens.size());
  for (const TokenizerModel::Token &token : model.tokens) {
    if (Status status = grow(token.id, token.text); !status)
      return status;
    Slot &slot = slots[token.id];
    if (slot.present)
      return fail("tokens " + quoted(slot.text) + " and " + quoted(token.text) +
                  " have the same id " + std::to_string(token.id));
    slot.text = token.text;
    slot.present = slot.inModel = true;
    slot.score = token.score;
    auto [it, isNew] =
        idOf.emplace(token.text, static_cast<uint32_t>(token.id));
    // A unigram model finds the last one.
    if (!isNew && !model.unigram)
      return fail("token " + quoted(token.text) + " appears twice");
    it->second = static_cast<uint32_t>(token.id);
  }
  for (const TokenizerModel::Added &token : model.added)
    if (Status status = grow(token.id, token.text); !status)
      return status;
  return {};
}

Status TableWriter::placeAdded() {
  for (const TokenizerModel::Added &token : model.added) {
    Slot &slot = slots[token.id];
    if (token.text.empty())
      return fail("added token " + std::to_string(token.id) + " is empty");
    std::string what = "added token " + quoted(token.text);
    // Strings of a GGUF file may be any bytes.
    if (!isValidUtf8(token.text))
      lack(what + ", which is not UTF-8");
    if (slot.added)
      return fail(what + " and " + quoted(slot.text) + " have the same id " +
                  std::to_string(token.id));
    auto [it, isNew] =
        idOf.emplace(token.text, static_cast<uint32_t>(token.id));
    if (it->second != token.id)
      return fail(what + " has the ids " + std::to_string(it->second) +
                  " and " + std::to_string(token.id));
    if (isNew && slot.present)
      return fail(what + " and token " + quoted(slot.text) +
                  " have the same id " + std::to_string(token.id));
    slot.text = token.text;
    slot.present = slot.added = true;
    slot.special = token.special;
  }
  return {};
}

/// The tokens of single bytes.
Status TableWriter::placeBytes() {
  byteToken.assign(256, -1);
  for (int byte = 0; byte < 256; ++byte) {
    constexpr const char *digits = "0123456789ABCDEF";
    std::string text =
        model.byteLevel()
            ? alphabetCharacter(static_cast<uint8_t>(byte))
            : std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">";
    if (!model.byteLevel() && !model.byteFallback)
      continue;
    if (auto it = idOf.find(text);
        it != idOf.end() && slots[it->second].inModel)
      byteToken[byte] = static_cast<int32_t>(it->second);
  }
  placeUnknown();
  return {};
}

/// Whether some text leads to the unknown token: a byte that occurs in UTF-8
/// has no token.
bool TableWriter::reachesUnknown() const {
  for (int byte = 0; byte < 0xf5; ++byte)
    if (byteToken[byte] < 0 && byte != 0xc0 && byte != 0xc1)
      return true;
  return false;
}

void TableWriter::placeUnknown() {
  header.unknown = -1;
  header.unknown_score = 0;
  std::optional<uint64_t> id = model.unknownId;
  if (model.unknown)
    if (auto it = idOf.find(*model.unknown);
        it != idOf.end() && slots[it->second].inModel)
      id = it->second;
  if (id && *id < slots.size() && slots[*id].present)
    header.unknown = static_cast<int32_t>(*id);
  const bool reached = reachesUnknown();
  if (model.byteLevel() && model.byteFallback && reached)
    lack("ByteLevel with byte_fallback and a vocabulary that lacks bytes");
  // Without one BPE drops what it does not know; where one is named it must be
  // there.
  if (header.unknown < 0 && reached &&
      (model.unigram || model.unknown || model.unknownId))
    lack("an unknown token that is not in the vocabulary");
  if (!model.unigram)
    return;
  double lowest = INFINITY;
  for (const Slot &slot : slots)
    if (slot.inModel)
      lowest = std::min(lowest, slot.score);
  header.unknown_score = lowest - 10.0;
}

Status TableWriter::placeMerges() {
  struct Placed {
    uint32_t left;
    espalier_tokenizer_merge merge;
  };
  std::vector<Placed> placed;
  placed.reserve(model.merges.size());
  std::string joined;
  for (const auto &[left, right, rank] : model.merges) {
    joined.assign(left).append(right);
    uint32_t ids[3];
    std::string_view texts[3] = {left, right, joined};
    for (int i = 0; i < 3; ++i) {
      auto it = idOf.find(texts[i]);
      if (it == idOf.end() || !slots[it->second].inModel)
        return fail("merge " + std::to_string(placed.size()) + " (" +
                    quoted(left) + ", " + quoted(right) +
                    "): " + quoted(texts[i]) + " is not in the vocabulary");
      ids[i] = it->second;
    }
    placed.push_back({ids[0], {ids[1], rank, ids[2]}});
  }
  std::sort(placed.begin(), placed.end(), [](const Placed &a, const Placed &b) {
    return std::tie(a.left, a.merge.right, a.merge.rank) <
           std::tie(b.left, b.merge.right, b.merge.rank);
  });
  mergeBegin.assign(slots.size() + 1, 0);
  for (size_t i = 0; i < placed.size(); ++i) {
    if (i > 0 && placed[i - 1].left == placed[i].left &&
        placed[i - 1].merge.right == placed[i].merge.right)
      return fail("merges " + std::to_string(placed[i - 1].merge.rank) +
                  " and " + std::to_string(placed[i].merge.rank) +
                  " are the same");
    ++mergeBegin[placed[i].left + 1];
    merges.push_back(placed[i].merge);
  }
  std::partial_sum(mergeBegin.begin(), mergeBegin.end(), mergeBegin.begin());
  return {};
}

Result<int32_t> TableWriter::checkedId(uint64_t id, const char *what) const {
  if (id >= slots.size() || !slots[id].present)
    return fail(std::string(what) + ": no token has the id " +
                std::to_string(id));
  return static_cast<int32_t>(id);
}

Status TableWriter::placeTemplate() {
  for (auto [from, to] :
       {std::pair{&model.prefix, &prefix}, std::pair{&model.suffix, &suffix}})
    for (uint64_t id : *from) {
      Result<int32_t> checked = checkedId(id, "post-processor");
      if (!checked)
        return checked.takeError();
      to->push_back(*checked);
    }
  header.bos = header.eos = -1;
  for (auto [from, to, what] :
       {std::tuple{&model.bos, &header.bos, "beginning of text"},
        std::tuple{&model.eos, &header.eos, "end of text"}}) {
    if (!*from)
      continue;
    Result<int32_t> checked = checkedId(**from, what);
    if (!checked)
      return checked.takeError();
    *to = *checked;
  }
  return {};
}

void TableWriter::placeStepList(const std::vector<TokenizerModel::Step> &from,
                                std::vector<espalier_tokenizer_step> &to) {
  for (const TokenizerModel::Step &step : from) {
    espalier_tokenizer_step placed = {};
    placed.kind = step.kind;
    placed.option = step.option;
    placed.flags = step.flags;
    placed.text_begin = static_cast<uint32_t>(stepText.size());
    placed.text_bytes = static_cast<uint32_t>(step.text.size());
    stepText += step.text;
    placed.content_begin = static_cast<uint32_t>(stepText.size());
    placed.content_bytes = static_cast<uint32_t>(step.content.size());
    stepText += step.content;
    to.push_back(placed);
  }
}

Status TableWriter::placeSteps() {
  uint64_t bytes = 0;
  for (const auto *list : {&model.normalizer, &model.pieces, &model.decoder})
    for (const TokenizerModel::Step &step : *list)
      bytes += step.text.size() + step.content.size();
  if (bytes > ESPALIER_TOKENIZER_LIMIT)
    return fail("the texts of its steps are too large");
  placeStepList(model.normalizer, normalizer);
  placeStepList(model.pieces, pieces);
  placeStepList(model.decoder, decoder);
  for (const Status &status : {text::checkNormalizer(normalizer, stepText),
                               text::checkPieces(pieces, stepText),
                               text::checkDecoder(decoder, stepText)})
    if (!status)
      lack(status.error().message);
  bool decodesBytes =
      !decoder.empty() && decoder[0].kind == ESPALIER_DECODE_BYTES;
  if (model.byteLevel() != decodesBytes)
    lack("ByteLevel as pre-tokenizer or as decoder only");
  if (model.byteLevel() && model.unigram)
    lack("a unigram model of bytes");
  if (!isValidUtf8(model.charsmapText) ||
      (!model.charsmapText.empty() && model.charsmapText.back() != '\0'))
    return fail("the results of its precompiled character map are no text");
  return {};
}

/// What added tokens look like where they are sought.
Status TableWriter::placePatterns() {
  std::set<std::string_view> specials;
  for (const TokenizerModel::Added &token : model.added)
    if (token.special)
      specials.insert(token.text);
  const text::Normalizer steps = {normalizer, stepText, model.charsmap,
                                  model.charsmapText};
  text::Normalizer::Storage storage;
  for (const TokenizerModel::Added &token : model.added) {
    auto id = static_cast<uint32_t>(token.id);
    if (!token.normalized) {
      raw.push_back({std::string(token.text), id, token.flags});
      continue;
    }
    auto result = steps.apply(token.text, storage);
    if (!result || result->text.empty()) {
      lack("added token " + quoted(token.text) + " with an empty normal form");
      continue;
    }
    normalized.push_back({std::string(result->text), id, token.flags});
    if (result->text == token.text)
      continue;
    // The decoder sees the normal form, of special tokens too.
    Slot &slot = slots[id];
    slot.special = specials.count(result->text) > 0;
    if (model.byteLevel())
      slot.bytes = result->text;
    else
      slot.normalized = true;
  }
  for (auto *list : {&raw, &normalized}) {
    std::sort(list->begin(), list->end(),
              [](const PlacedAdded &a, const PlacedAdded &b) {
                return a.pattern < b.pattern;
              });
    for (size_t i = 0; i < list->size(); ++i) {
      const PlacedAdded &token = (*list)[i];
      if (token.pattern.size() > ESPALIER_TOKENIZER_TOKEN_TEXT)
        lack("added token " + quoted(token.pattern) + ", which is too long");
      if (i > 0 && (*list)[i - 1].pattern == token.pattern)
        lack("added tokens with the same normal form " + quoted(token.pattern));
    }
  }
  return {};
}

void TableWriter::checkLengths() {
  if (!model.unigram)
    return;
  for (const Slot &slot : slots)
    if (slot.inModel && slot.text.size() > ESPALIER_TOKENIZER_TOKEN_TEXT)
      lack("a unigram model with the token " + quoted(slot.text) +
           ", which is too long");
}

Result<ImportedTokenizer> TableWriter::run() {
  uint64_t bytes = 0;
  for (const TokenizerModel::Token &token : model.tokens)
    bytes += token.text.size();
  for (const TokenizerModel::Added &token : model.added)
    bytes += token.text.size();
  if (bytes >= ESPALIER_TOKENIZER_LIMIT ||
      model.merges.size() >=
          ESPALIER_TOKENIZER_LIMIT / sizeof(espalier_tokenizer_merge))
    return fail("the vocabulary is too large");

  for (auto place : {&TableWriter::placeTokens, &TableWriter::placeAdded,
                     &TableWriter::placeBytes, &TableWriter::placeMerges,
                     &TableWriter::placeTemplate, &TableWriter::placeSteps})
    if (Status status = (this->*place)(); !status)
      return status.takeError();
  checkLengths();
  // Steps that are not supported are not fit to be applied either.
  if (missing.empty())
    if (Status status = placePatterns(); !status)
      return status.takeError();
  if (!missing.empty())
    return notSupported(missing);

  out.resize(sizeof(header));
  writeTokens();
  write(ESPALIER_MERGES_BEGIN, mergeBegin);
  write(ESPALIER_MERGES, merges);
  write(ESPALIER_BYTE_TOKENS, byteToken);
  writeCharacters();
  writeAdded(raw, ESPALIER_RAW_BEGIN);
  writeAdded(normalized, ESPALIER_NORMALIZED_BEGIN);
  writeOrder();
  write(ESPALIER_PREFIX, prefix);
  write(ESPALIER_SUFFIX, suffix);
  write(ESPALIER_NORMALIZER, normalizer);
  write(ESPALIER_PIECES, pieces);
  write(ESPALIER_DECODER, decoder);
  write(ESPALIER_STEP_TEXT, stepText.data(), stepText.size());
  write(ESPALIER_CHARSMAP, model.charsmap);
  write(ESPALIER_CHARSMAP_TEXT, model.charsmapText.data(),
        model.charsmapText.size());
  writeHeader();

  ImportedTokenizer result;
  result.vocabulary = header.vocabulary;
  if (header.bos >= 0)
    result.bos = header.bos;
  if (header.eos >= 0)
    result.eos = header.eos;
  result.tables = std::move(out);
  return result;
}

Result<ImportedTokenizer> buildTables(const TokenizerModel &model) {
  return TableWriter(model).run();
}

} // namespace espalier::tokenizer
