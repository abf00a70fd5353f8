//===- TableWriter.cpp - Checking and writing tokenizer tables ------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerModel.h"

#include "espalier/Support/Hash.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <tuple>
#include <unordered_map>

namespace espalier::tokenizer {

namespace {

/// Room for ids that stand for nothing: beyond what real files leave, below
/// what would let a small file ask for much memory.
constexpr uint64_t spareIds = 1 << 16;

class TableWriter {
public:
  explicit TableWriter(const TokenizerModel &model) : model(model) {}
  Result<ImportedTokenizer> run();

private:
  struct Slot {
    std::string_view text;
    bool present = false;
    bool inModel = false;
    bool special = false;
    bool added = false;
  };

  Error fail(const std::string &what) const {
    return Error{model.source + ": " + what};
  }
  Status placeTokens();
  Status placeAdded();
  Status placeMerges();
  Status placeTemplate();
  Result<int32_t> checkedId(uint64_t id, const char *what) const;
  bool lacksBytes() const;

  void writeTokens();
  void writeAdded(bool normalized, int section);
  void writeHeader();
  template <typename T> void write(int section, const std::vector<T> &values) {
    write(section, values.data(), values.size() * sizeof(T));
  }
  void write(int section, const void *data, size_t bytes);

  const TokenizerModel &model;
  std::vector<Slot> slots;
  std::unordered_map<std::string_view, uint32_t> idOf;
  std::vector<int32_t> byteToken;
  std::vector<uint32_t> mergeBegin;
  std::vector<espalier_tokenizer_merge> merges;
  std::vector<int32_t> prefix, suffix;
  espalier_tokenizer_header header = {};
  std::vector<uint8_t> out;
};

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
    if (!idOf.emplace(token.text, static_cast<uint32_t>(token.id)).second)
      return fail("token " + quoted(token.text) + " appears twice");
  }
  for (const TokenizerModel::Added &token : model.added)
    if (Status status = grow(token.id, token.text); !status)
      return status;
  byteToken.assign(256, -1);
  for (int byte = 0; byte < 256; ++byte)
    if (auto it = idOf.find(alphabetCharacter(static_cast<uint8_t>(byte)));
        it != idOf.end())
      byteToken[byte] = static_cast<int32_t>(it->second);
  return {};
}

Status TableWriter::placeAdded() {
  for (const TokenizerModel::Added &token : model.added) {
    Slot &slot = slots[token.id];
    if (token.text.empty())
      return fail("added token " + std::to_string(token.id) + " is empty");
    std::string what = "added token " + quoted(token.text);
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

Status TableWriter::placeMerges() {
  struct Placed {
    uint32_t left;
    espalier_tokenizer_merge merge;
  };
  std::vector<Placed> placed;
  placed.reserve(model.merges.size());
  std::string joined;
  for (const auto &[left, right] : model.merges) {
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
    placed.push_back(
        {ids[0], {ids[1], static_cast<uint32_t>(placed.size()), ids[2]}});
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

/// Whether a byte that occurs in UTF-8 has no token.
bool TableWriter::lacksBytes() const {
  for (int byte = 0; byte < 0xf5; ++byte)
    if (byteToken[byte] < 0 && byte != 0xc0 && byte != 0xc1)
      return true;
  return false;
}

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
  std::vector<std::pair<std::string, uint32_t>> sorted;
  for (size_t id = 0; id < slots.size(); ++id) {
    const Slot &slot = slots[id];
    // A text with a character that is not of the alphabet stands for itself.
    std::optional<std::string> bytes = bytesOfAlphabet(slot.text);
    if (bytes)
      text += *bytes;
    else
      text += slot.text;
    begin.push_back(static_cast<uint32_t>(text.size()));
    flags.push_back(
        static_cast<uint8_t>((slot.present ? ESPALIER_TOKEN_PRESENT : 0) |
                             (slot.special ? ESPALIER_TOKEN_SPECIAL : 0)));
    if (model.ignoreMerges && slot.inModel && !slot.added && bytes)
      sorted.emplace_back(std::move(*bytes), static_cast<uint32_t>(id));
  }
  std::sort(sorted.begin(), sorted.end());
  std::vector<uint32_t> ids;
  for (const auto &[bytes, id] : sorted)
    ids.push_back(id);
  write(ESPALIER_TOKENS_BEGIN, begin);
  write(ESPALIER_TOKENS_FLAGS, flags);
  write(ESPALIER_TOKENS_TEXT, text.data(), text.size());
  write(ESPALIER_TOKENS_SORTED, ids);
}

void TableWriter::writeAdded(bool normalized, int section) {
  std::vector<std::pair<std::string_view, uint32_t>> sorted;
  for (const TokenizerModel::Added &token : model.added)
    if (token.normalized == normalized)
      sorted.emplace_back(token.text, static_cast<uint32_t>(token.id));
  std::sort(sorted.begin(), sorted.end());
  std::vector<uint32_t> begin = {0}, ids;
  std::string text;
  for (const auto &[content, id] : sorted) {
    text += content;
    begin.push_back(static_cast<uint32_t>(text.size()));
    ids.push_back(id);
  }
  write(section, begin);
  write(section + 1, ids);
  write(section + 2, text.data(), text.size());
}

void TableWriter::writeHeader() {
  header.magic = ESPALIER_TOKENIZER_MAGIC;
  header.version = ESPALIER_TOKENIZER_VERSION;
  header.header_bytes = sizeof(header);
  header.bytes = out.size();
  header.split = model.split;
  header.normalizer =
      model.nfc ? ESPALIER_NORMALIZE_NFC : ESPALIER_NORMALIZE_NONE;
  header.flags = model.ignoreMerges ? ESPALIER_TOKENIZER_IGNORE_MERGES : 0;
  header.vocabulary = static_cast<uint32_t>(slots.size());
  std::memcpy(out.data(), &header, sizeof(header));
  Hash128 hash = hash128(std::span<const uint8_t>(out).subspan(
      offsetof(espalier_tokenizer_header, split)));
  header.hash[0] = hash.low;
  header.hash[1] = hash.high;
  std::memcpy(out.data(), &header, sizeof(header));
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
                     &TableWriter::placeMerges, &TableWriter::placeTemplate})
    if (Status status = (this->*place)(); !status)
      return status.takeError();
  if (model.hasUnknown && lacksBytes())
    return notSupported(
        "a vocabulary that lacks bytes and has an unknown token");
  if (model.nfc)
    for (const TokenizerModel::Added &token : model.added)
      if (token.normalized &&
          std::any_of(token.text.begin(), token.text.end(),
                      [](char c) { return static_cast<uint8_t>(c) >= 0x80; }))
        return notSupported("added token " + quoted(token.text) +
                            ", which is to be normalised");

  out.resize(sizeof(header));
  writeTokens();
  write(ESPALIER_MERGES_BEGIN, mergeBegin);
  write(ESPALIER_MERGES, merges);
  write(ESPALIER_BYTE_TOKENS, byteToken);
  writeAdded(/*normalized=*/false, ESPALIER_RAW_BEGIN);
  writeAdded(/*normalized=*/true, ESPALIER_NORMALIZED_BEGIN);
  write(ESPALIER_PREFIX, prefix);
  write(ESPALIER_SUFFIX, suffix);
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

} // namespace

Result<ImportedTokenizer> buildTables(const TokenizerModel &model) {
  return TableWriter(model).run();
}

ImportedTokenizer notSupported(const std::string &what) {
  ImportedTokenizer result;
  result.missing = "tokenizer not supported yet: " + what;
  return result;
}

std::string quoted(std::string_view text) {
  constexpr size_t longest = 80;
  if (text.size() <= longest)
    return json::quote(text);
  return json::quote(text.substr(0, longest)) + "...";
}

} // namespace espalier::tokenizer
