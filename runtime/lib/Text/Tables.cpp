//===- Tables.cpp - Reading tokenizer tables ------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Text/Tokenizer.h"

#include "espalier/Support/Hash.h"

#include <bit>
#include <cstddef>
#include <string>

static_assert(std::endian::native == std::endian::little,
              "the tables are little-endian and read in place");

namespace espalier::text {

namespace {

constexpr const char *sectionNames[ESPALIER_TOKENIZER_SECTIONS] = {
    "token offsets",
    "token flags",
    "token text",
    "sorted tokens",
    "merge offsets",
    "merges",
    "byte tokens",
    "added token offsets",
    "added token ids",
    "added token text",
    "normalised offsets",
    "normalised ids",
    "normalised text",
    "prefix",
    "suffix"};

Error malformed(const std::string &what) {
  return Error{"tokenizer tables: " + what +
               "; the artefact is damaged: compile the model again"};
}

/// Sections whose bounds are checked, as arrays.
class Sections {
public:
  Sections(std::span<const uint8_t> tables,
           const espalier_tokenizer_header &header)
      : tables(tables), header(header) {}

  Status check() const {
    uint64_t end = sizeof(espalier_tokenizer_header);
    for (int i = 0; i < ESPALIER_TOKENIZER_SECTIONS; ++i) {
      const espalier_tokenizer_section &section = header.sections[i];
      if (section.offset % 8 != 0 || section.offset < end ||
          section.offset > tables.size() ||
          section.bytes > tables.size() - section.offset)
        return malformed(std::string("section '") + sectionNames[i] +
                         "' is out of bounds");
      if (section.bytes >= ESPALIER_TOKENIZER_LIMIT)
        return malformed(std::string("section '") + sectionNames[i] +
                         "' is too large");
      end = section.offset + section.bytes;
    }
    return {};
  }

  template <typename T> Result<std::span<const T>> array(int section) const {
    uint64_t bytes = header.sections[section].bytes;
    if (bytes % sizeof(T) != 0)
      return malformed(std::string("section '") + sectionNames[section] +
                       "': " + std::to_string(bytes) +
                       " bytes are no whole number of elements");
    const uint8_t *begin = tables.data() + header.sections[section].offset;
    return std::span<const T>(reinterpret_cast<const T *>(begin),
                              bytes / sizeof(T));
  }

  template <typename T>
  Result<std::span<const T>> array(int section, uint64_t count) const {
    Result<std::span<const T>> elements = array<T>(section);
    if (elements && elements->size() != count)
      return malformed(std::string("section '") + sectionNames[section] +
                       "': expected " + std::to_string(count) +
                       " elements, got " + std::to_string(elements->size()));
    return elements;
  }

  std::string_view text(int section) const {
    const uint8_t *begin = tables.data() + header.sections[section].offset;
    return {reinterpret_cast<const char *>(begin),
            static_cast<size_t>(header.sections[section].bytes)};
  }

private:
  std::span<const uint8_t> tables;
  const espalier_tokenizer_header &header;
};

/// Offsets ascend from 0 to `end`.
Status checkOffsets(std::span<const uint32_t> begin, uint64_t end,
                    int section) {
  bool good = !begin.empty() && begin.front() == 0 && begin.back() == end;
  for (size_t i = 1; good && i < begin.size(); ++i)
    good = begin[i - 1] <= begin[i];
  if (good)
    return {};
  return malformed(std::string("section '") + sectionNames[section] +
                   "' does not ascend to the end of what it refers to");
}

template <typename T>
Status checkIds(std::span<const T> ids, uint32_t vocabulary, bool orNone,
                int section) {
  for (T id : ids)
    if (static_cast<uint32_t>(id) >= vocabulary &&
        !(orNone && id == static_cast<T>(-1)))
      return malformed(std::string("section '") + sectionNames[section] +
                       "': id " + std::to_string(id) +
                       " is not in a vocabulary of " +
                       std::to_string(vocabulary));
  return {};
}

Status checkMerges(std::span<const uint32_t> begin,
                   std::span<const espalier_tokenizer_merge> merges,
                   uint32_t vocabulary) {
  for (size_t left = 0; left + 1 < begin.size(); ++left)
    for (size_t i = begin[left]; i < begin[left + 1]; ++i) {
      if (merges[i].right >= vocabulary || merges[i].result >= vocabulary)
        return malformed("a merge is not in the vocabulary");
      // The highest rank means "no merge" to the encoder.
      if (merges[i].rank >= ESPALIER_TOKENIZER_LIMIT)
        return malformed("the rank of a merge is too large");
      if (i > begin[left] && merges[i - 1].right >= merges[i].right)
        return malformed("the merges of a token do not ascend");
    }
  return {};
}

Status checkHeader(std::span<const uint8_t> tables) {
  if (reinterpret_cast<uintptr_t>(tables.data()) % 8 != 0)
    return malformed("they do not begin at a multiple of 8");
  if (tables.size() < sizeof(espalier_tokenizer_header))
    return malformed("expected at least " +
                     std::to_string(sizeof(espalier_tokenizer_header)) +
                     " bytes, got " + std::to_string(tables.size()));
  const auto &header =
      *reinterpret_cast<const espalier_tokenizer_header *>(tables.data());
  if (header.magic != ESPALIER_TOKENIZER_MAGIC)
    return malformed("the magic number is wrong");
  if (header.version != ESPALIER_TOKENIZER_VERSION ||
      header.header_bytes != sizeof(espalier_tokenizer_header))
    return Error{"tokenizer tables: version " + std::to_string(header.version) +
                 " is not known, expected " +
                 std::to_string(ESPALIER_TOKENIZER_VERSION) +
                 "; compile the model again with this release"};
  if (header.bytes != tables.size())
    return malformed("expected " + std::to_string(header.bytes) +
                     " bytes, got " + std::to_string(tables.size()));
  Hash128 hash =
      hash128(tables.subspan(offsetof(espalier_tokenizer_header, split)));
  if (hash.low != header.hash[0] || hash.high != header.hash[1])
    return malformed("the hash is wrong");

  if (header.split < ESPALIER_SPLIT_GPT2 ||
      header.split > ESPALIER_SPLIT_SMOLLM)
    return malformed("split " + std::to_string(header.split) + " is not known");
  if (header.normalizer > ESPALIER_NORMALIZE_NFC)
    return malformed("normaliser " + std::to_string(header.normalizer) +
                     " is not known");
  if (header.flags & ~uint32_t(ESPALIER_TOKENIZER_IGNORE_MERGES))
    return malformed("flags " + std::to_string(header.flags) +
                     " are not known");
  if (header.vocabulary >= ESPALIER_TOKENIZER_LIMIT)
    return malformed("the vocabulary is too large");
  for (int32_t id : {header.bos, header.eos})
    if (id < -1 || (id >= 0 && uint32_t(id) >= header.vocabulary))
      return malformed("bos or eos is not in the vocabulary");
  return {};
}

/// No added token is empty (it would match everywhere, for ever), and they
/// ascend, which the search rests on.
Status checkAdded(std::span<const uint32_t> begin, std::string_view text,
                  std::bitset<256> &first) {
  std::string_view last;
  for (size_t i = 0; i + 1 < begin.size(); ++i) {
    std::string_view token = text.substr(begin[i], begin[i + 1] - begin[i]);
    if (token <= last)
      return malformed("the added tokens do not ascend");
    first.set(static_cast<uint8_t>(token[0]));
    last = token;
  }
  return {};
}

} // namespace

// Takes a section into a member, or returns the error.
#define TAKE(MEMBER, EXPR)                                                     \
  do {                                                                         \
    auto taken = EXPR;                                                         \
    if (!taken)                                                                \
      return taken.takeError();                                                \
    MEMBER = *taken;                                                           \
  } while (false)
#define CHECK(EXPR)                                                            \
  do {                                                                         \
    if (Status status = EXPR; !status)                                         \
      return status.takeError();                                               \
  } while (false)

Result<Tokenizer> Tokenizer::load(std::span<const uint8_t> tables) {
  CHECK(checkHeader(tables));
  Tokenizer t;
  t.header = reinterpret_cast<const espalier_tokenizer_header *>(tables.data());
  Sections sections(tables, *t.header);
  CHECK(sections.check());
  const uint32_t vocabulary = t.header->vocabulary;
  const uint64_t offsets = uint64_t(vocabulary) + 1;

  TAKE(t.tokenBegin, sections.array<uint32_t>(ESPALIER_TOKENS_BEGIN, offsets));
  TAKE(t.tokenFlags,
       sections.array<uint8_t>(ESPALIER_TOKENS_FLAGS, vocabulary));
  t.tokenText = sections.text(ESPALIER_TOKENS_TEXT);
  CHECK(checkOffsets(t.tokenBegin, t.tokenText.size(), ESPALIER_TOKENS_BEGIN));

  TAKE(t.sorted, sections.array<uint32_t>(ESPALIER_TOKENS_SORTED));
  CHECK(
      checkIds(t.sorted, vocabulary, /*orNone=*/false, ESPALIER_TOKENS_SORTED));

  TAKE(t.mergeBegin, sections.array<uint32_t>(ESPALIER_MERGES_BEGIN, offsets));
  TAKE(t.merges, sections.array<espalier_tokenizer_merge>(ESPALIER_MERGES));
  CHECK(checkOffsets(t.mergeBegin, t.merges.size(), ESPALIER_MERGES_BEGIN));
  CHECK(checkMerges(t.mergeBegin, t.merges, vocabulary));

  TAKE(t.byteToken, sections.array<int32_t>(ESPALIER_BYTE_TOKENS, 256));
  CHECK(
      checkIds(t.byteToken, vocabulary, /*orNone=*/true, ESPALIER_BYTE_TOKENS));

  for (auto [added, section] :
       {std::pair{&t.rawAdded, int(ESPALIER_RAW_BEGIN)},
        std::pair{&t.normalizedAdded, int(ESPALIER_NORMALIZED_BEGIN)}}) {
    TAKE(added->id, sections.array<uint32_t>(section + 1));
    TAKE(added->begin, sections.array<uint32_t>(section, added->id.size() + 1));
    added->text = sections.text(section + 2);
    CHECK(checkIds(added->id, vocabulary, /*orNone=*/false, section + 1));
    CHECK(checkOffsets(added->begin, added->text.size(), section));
    CHECK(checkAdded(added->begin, added->text, added->first));
  }

  TAKE(t.prefix, sections.array<int32_t>(ESPALIER_PREFIX));
  TAKE(t.suffix, sections.array<int32_t>(ESPALIER_SUFFIX));
  CHECK(checkIds(t.prefix, vocabulary, /*orNone=*/false, ESPALIER_PREFIX));
  CHECK(checkIds(t.suffix, vocabulary, /*orNone=*/false, ESPALIER_SUFFIX));
  return t;
}

} // namespace espalier::text
