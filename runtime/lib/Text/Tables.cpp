//===- Tables.cpp - Reading tokenizer tables ------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Steps.h"
#include "Text/Tokenizer.h"

#include "espalier/Support/Hash.h"
#include "espalier/Support/Utf8.h"

#include <bit>
#include <cstddef>
#include <string>

static_assert(std::endian::native == std::endian::little,
              "the tables are little-endian and read in place");

namespace espalier::text {

namespace {

constexpr const char *sectionNames[ESPALIER_TOKENIZER_SECTIONS] = {
    "token offsets",    "token flags",
    "token text",       "sorted tokens",
    "scores",           "merge offsets",
    "merges",           "byte tokens",
    "characters",       "added token offsets",
    "added token ids",  "added token flags",
    "added token text", "normalised offsets",
    "normalised ids",   "normalised flags",
    "normalised text",  "normalised order",
    "prefix",           "suffix",
    "normaliser",       "pieces",
    "decoder",          "step text",
    "character map",    "character map text"};

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
      hash128(tables.subspan(offsetof(espalier_tokenizer_header, model)));
  if (hash.low != header.hash[0] || hash.high != header.hash[1])
    return malformed("the hash is wrong");

  if (header.model != ESPALIER_MODEL_BPE &&
      header.model != ESPALIER_MODEL_UNIGRAM)
    return malformed("model " + std::to_string(header.model) + " is not known");
  if (header.flags & ~uint32_t(ESPALIER_TOKENIZER_IGNORE_MERGES |
                               ESPALIER_TOKENIZER_FUSE_UNKNOWN))
    return malformed("flags " + std::to_string(header.flags) +
                     " are not known");
  if (header.vocabulary >= ESPALIER_TOKENIZER_LIMIT)
    return malformed("the vocabulary is too large");
  for (int32_t id : {header.bos, header.eos, header.unknown})
    if (id < -1 || (id >= 0 && uint32_t(id) >= header.vocabulary))
      return malformed("bos, eos or unknown is not in the vocabulary");
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
    if (token.size() > ESPALIER_TOKENIZER_TOKEN_TEXT)
      return malformed("an added token is too long");
    // Text is cut where they match, and must not be cut within a character.
    if (!isValidUtf8(token))
      return malformed("an added token is not UTF-8");
    first.set(static_cast<uint8_t>(token[0]));
    last = token;
  }
  return {};
}

Status checkCharacters(std::span<const espalier_tokenizer_character> characters,
                       uint32_t vocabulary) {
  for (size_t i = 0; i < characters.size(); ++i)
    if (characters[i].id >= vocabulary ||
        (i > 0 && characters[i - 1].scalar >= characters[i].scalar))
      return malformed("the characters do not ascend or have no ids");
  return {};
}

/// Indices of added tokens, ascending by id.
Status checkOrder(std::span<const uint32_t> order,
                  std::span<const uint32_t> ids) {
  for (size_t i = 0; i < order.size(); ++i)
    if (order[i] >= ids.size() || (i > 0 && ids[order[i - 1]] >= ids[order[i]]))
      return malformed("section 'normalised order' is not one");
  return {};
}

} // namespace

// Takes a section into a member, or returns the error.
#define TAKE(MEMBER, EXPR)                                                     \
  do {                                                                         \
    auto taken = EXPR;                                                         \
    if (!taken)                                                                \
      return taken.takeError();                                                \
    (MEMBER) = *taken;                                                         \
  } while (false)
#define CHECK(EXPR)                                                            \
  do {                                                                         \
    if (Status status = EXPR; !status)                                         \
      return status.takeError();                                               \
  } while (false)

/// Reads the sections of tables whose header is good.
class TableReader {
public:
  TableReader(std::span<const uint8_t> tables, Tokenizer &t)
      : t(t), sections(tables, *t.header), vocabulary(t.header->vocabulary) {}
  Status read();

private:
  Status readTokens();
  Status readModel();
  Status readSorted();
  Status readAdded(Tokenizer::Added &added, int section);
  Status readSteps();

  Tokenizer &t;
  Sections sections;
  const uint32_t vocabulary;
};

Status TableReader::readTokens() {
  TAKE(t.tokenBegin, sections.array<uint32_t>(ESPALIER_TOKENS_BEGIN,
                                              uint64_t(vocabulary) + 1));
  TAKE(t.tokenFlags,
       sections.array<uint8_t>(ESPALIER_TOKENS_FLAGS, vocabulary));
  t.tokenText = sections.text(ESPALIER_TOKENS_TEXT);
  CHECK(checkOffsets(t.tokenBegin, t.tokenText.size(), ESPALIER_TOKENS_BEGIN));
  return {};
}

Status TableReader::readModel() {
  TAKE(t.mergeBegin, sections.array<uint32_t>(ESPALIER_MERGES_BEGIN,
                                              uint64_t(vocabulary) + 1));
  TAKE(t.merges, sections.array<espalier_tokenizer_merge>(ESPALIER_MERGES));
  CHECK(checkOffsets(t.mergeBegin, t.merges.size(), ESPALIER_MERGES_BEGIN));
  CHECK(checkMerges(t.mergeBegin, t.merges, vocabulary));
  TAKE(t.byteToken, sections.array<int32_t>(ESPALIER_BYTE_TOKENS, 256));
  CHECK(
      checkIds(t.byteToken, vocabulary, /*orNone=*/true, ESPALIER_BYTE_TOKENS));
  TAKE(t.characters,
       sections.array<espalier_tokenizer_character>(ESPALIER_CHARACTERS));
  CHECK(checkCharacters(t.characters, vocabulary));
  return readSorted();
}

/// The search of a unigram model rests on the order; a binary search for a
/// whole token merely finds nothing in a wrong one.
Status TableReader::readSorted() {
  TAKE(t.sorted, sections.array<uint32_t>(ESPALIER_TOKENS_SORTED));
  CHECK(
      checkIds(t.sorted, vocabulary, /*orNone=*/false, ESPALIER_TOKENS_SORTED));
  const bool unigram = t.header->model == ESPALIER_MODEL_UNIGRAM;
  TAKE(t.scores, sections.array<double>(ESPALIER_TOKENS_SCORE,
                                        unigram ? t.sorted.size() : 0));
  if (!unigram)
    return {};
  std::string_view last;
  for (uint32_t id : t.sorted) {
    std::string_view token = t.rawTextOf(id);
    if (token <= last || token.size() > ESPALIER_TOKENIZER_TOKEN_TEXT)
      return malformed("the tokens of the unigram model do not ascend");
    last = token;
    ++t.sortedFirst[static_cast<uint8_t>(token[0]) + 1];
  }
  for (size_t i = 1; i < t.sortedFirst.size(); ++i)
    t.sortedFirst[i] += t.sortedFirst[i - 1];
  return {};
}

Status TableReader::readAdded(Tokenizer::Added &added, int section) {
  TAKE(added.id, sections.array<uint32_t>(section + 1));
  TAKE(added.begin, sections.array<uint32_t>(section, added.id.size() + 1));
  TAKE(added.flags, sections.array<uint8_t>(section + 2, added.id.size()));
  added.text = sections.text(section + 3);
  CHECK(checkIds(added.id, vocabulary, /*orNone=*/false, section + 1));
  CHECK(checkOffsets(added.begin, added.text.size(), section));
  CHECK(checkAdded(added.begin, added.text, added.first));
  return {};
}

Status TableReader::readSteps() {
  Normalizer &n = t.normalizer;
  TAKE(n.steps, sections.array<espalier_tokenizer_step>(ESPALIER_NORMALIZER));
  TAKE(t.pieces, sections.array<espalier_tokenizer_step>(ESPALIER_PIECES));
  TAKE(t.decoder, sections.array<espalier_tokenizer_step>(ESPALIER_DECODER));
  TAKE(n.map, sections.array<uint32_t>(ESPALIER_CHARSMAP));
  n.stepText = sections.text(ESPALIER_STEP_TEXT);
  n.mapText = sections.text(ESPALIER_CHARSMAP_TEXT);
  if (!isValidUtf8(n.mapText) || (!n.mapText.empty() && n.mapText.back()))
    return malformed("the character map's results are no text");
  for (auto [steps, check] :
       {std::pair{n.steps, &checkNormalizer}, std::pair{t.pieces, &checkPieces},
        std::pair{t.decoder, &checkDecoder}})
    if (Status status = check(steps, n.stepText); !status)
      return malformed(status.error().message);
  t.bytesAt = 0;
  while (t.bytesAt < t.pieces.size() &&
         t.pieces[t.bytesAt].kind != ESPALIER_PIECES_BYTES)
    ++t.bytesAt;
  if (t.byteLevel() && t.header->model == ESPALIER_MODEL_UNIGRAM)
    return malformed("a unigram model of bytes is not known");
  return {};
}

Status TableReader::read() {
  CHECK(sections.check());
  CHECK(readTokens());
  CHECK(readModel());
  CHECK(readAdded(t.rawAdded, ESPALIER_RAW_BEGIN));
  CHECK(readAdded(t.normalizedAdded, ESPALIER_NORMALIZED_BEGIN));
  TAKE(t.normalizedOrder, sections.array<uint32_t>(ESPALIER_NORMALIZED_ORDER));
  CHECK(checkOrder(t.normalizedOrder, t.normalizedAdded.id));
  TAKE(t.prefix, sections.array<int32_t>(ESPALIER_PREFIX));
  TAKE(t.suffix, sections.array<int32_t>(ESPALIER_SUFFIX));
  CHECK(checkIds(t.prefix, vocabulary, /*orNone=*/false, ESPALIER_PREFIX));
  CHECK(checkIds(t.suffix, vocabulary, /*orNone=*/false, ESPALIER_SUFFIX));
  return readSteps();
}

Result<Tokenizer> Tokenizer::load(std::span<const uint8_t> tables) {
  CHECK(checkHeader(tables));
  Tokenizer t;
  t.header = reinterpret_cast<const espalier_tokenizer_header *>(tables.data());
  CHECK(TableReader(tables, t).read());
  return t;
}

} // namespace espalier::text
