//===- Tokenizer.h - Text to token ids and back -----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// BPE and unigram tokenizers over the tables that the compiler made (archive
/// EspalierRuntimeText; layout: espalier/tokenizer_tables.h). The tables are
/// part of an artefact and are trusted no more than any file.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_TEXT_TOKENIZER_H
#define ESPALIER_RUNTIME_TEXT_TOKENIZER_H

#include "Text/Normalize.h"
#include "espalier/Support/Result.h"
#include "espalier/tokenizer_tables.h"

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::text {

/// A view of checked tables. Copies are cheap and share them; all functions are
/// const and may be called from several threads at once.
class Tokenizer {
public:
  /// Checks magic, version, hash and every size and index. `tables` begins at
  /// a multiple of 8 and outlives the tokenizer and its copies.
  static Result<Tokenizer> load(std::span<const uint8_t> tables);

  /// Ids are 0 .. size - 1; some of them may stand for nothing.
  uint32_t size() const { return header->vocabulary; }
  std::optional<int32_t> bos() const { return optionalId(header->bos); }
  std::optional<int32_t> eos() const { return optionalId(header->eos); }
  bool isSpecial(int32_t id) const;

  /// The ids of `text`, which fails where it is not UTF-8. Special tokens that
  /// are written in the text are recognised; `special` also adds those of the
  /// post-processor around it. Time is O(n log n) whatever the text.
  Result<std::vector<int32_t>> encode(std::string_view text,
                                      bool special) const;

  /// The text of `ids`, as UTF-8: bytes that form no character become U+FFFD.
  /// Special tokens are left out unless `keepSpecial`; ids that stand for
  /// nothing are left out.
  std::string decode(std::span<const int32_t> ids, bool keepSpecial) const;

  /// The bytes that a token adds to decoded text where it stands between
  /// others: perhaps a part of a character, perhaps none.
  std::string bytesOf(int32_t id, bool keepSpecial) const;

private:
  friend class Encoder;
  friend class StreamDecoder;
  friend class TableReader;
  static std::optional<int32_t> optionalId(int32_t id) {
    return id < 0 ? std::nullopt : std::optional<int32_t>(id);
  }
  struct Added {
    std::span<const uint32_t> begin; ///< [count + 1] into `text`
    std::span<const uint32_t> id;
    std::span<const uint8_t> flags;
    std::string_view text;
    std::bitset<256> first; ///< bytes that a token begins with
  };

  std::string_view rawTextOf(uint32_t id) const {
    return tokenText.substr(tokenBegin[id],
                            tokenBegin[id + 1] - tokenBegin[id]);
  }
  /// The text that the decoder begins with; nothing where the id stands for
  /// nothing or is left out.
  std::optional<std::string_view> textOf(int32_t id, bool keepSpecial) const;
  /// Whether an expression on bytes, or the model, follows
  /// ESPALIER_PIECES_BYTES.
  bool byteLevel() const { return bytesAt < pieces.size(); }

  const espalier_tokenizer_header *header = nullptr;
  std::span<const uint32_t> tokenBegin;
  std::span<const uint8_t> tokenFlags;
  std::string_view tokenText;
  std::span<const uint32_t> sorted;
  std::span<const double> scores;
  /// Where in `sorted` the texts that begin with a byte begin.
  std::array<uint32_t, 257> sortedFirst = {};
  std::span<const uint32_t> mergeBegin;
  std::span<const espalier_tokenizer_merge> merges;
  std::span<const int32_t> byteToken;
  std::span<const espalier_tokenizer_character> characters;
  Added rawAdded, normalizedAdded;
  std::span<const uint32_t> normalizedOrder;
  std::span<const int32_t> prefix, suffix;
  Normalizer normalizer;
  std::span<const espalier_tokenizer_step> pieces, decoder;
  size_t bytesAt = 0; ///< the step ESPALIER_PIECES_BYTES, or how many there are
};

/// Decodes token by token; what it returns, put together, is what decode()
/// gives for all of them. With byte fallback, bytes are held back until a token
/// that is no byte follows, since one ill-formed byte makes all of them U+FFFD.
class StreamDecoder {
public:
  explicit StreamDecoder(const Tokenizer &tokenizer, bool keepSpecial = false);

  /// The characters that `id` completed: whole ones, perhaps none.
  std::string push(int32_t id);
  /// What is left of an unfinished character, as U+FFFD. Ready for new text.
  std::string finish();

private:
  void restart();
  void flushBytes();
  void addToken(std::string text);
  std::string taken();
  static void applyStep(const Tokenizer &tokenizer,
                        const espalier_tokenizer_step &step, bool first,
                        std::string &text);
  friend class Tokenizer;

  Tokenizer tokenizer;
  bool keepSpecial;
  size_t fallbackAt, fuseAt; ///< steps, or how many there are
  bool anyToken = false;     ///< one has reached the first steps
  bool anyAdded = false;     ///< one has reached those after byte fallback
  std::string bytes;         ///< of byte fallback, held back
  /// How many characters each step after FUSE may still strip.
  std::array<uint32_t, ESPALIER_TOKENIZER_STEPS> toStrip = {};
  std::string pending; ///< at most 3 bytes between calls
};

} // namespace espalier::text

#endif // ESPALIER_RUNTIME_TEXT_TOKENIZER_H
