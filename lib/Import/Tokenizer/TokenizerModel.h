//===- TokenizerModel.h - A tokenizer on its way to tables ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_IMPORT_TOKENIZER_TOKENIZERMODEL_H
#define ESPALIER_LIB_IMPORT_TOKENIZER_TOKENIZERMODEL_H

#include "espalier/Import/Tokenizer.h"
#include "espalier/tokenizer_tables.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace espalier::tokenizer {

/// What both kinds of file say of a tokenizer. The views are the file's, which
/// outlives this.
struct TokenizerModel {
  struct Token {
    std::string_view text;
    uint64_t id;
    double score = 0; ///< of a unigram model
  };
  struct Merge {
    std::string_view left, right;
    uint32_t rank; ///< the lowest is merged first, of equal ones the leftmost
  };
  struct Added {
    std::string_view text;
    uint64_t id;
    bool special;
    bool normalized;   ///< sought in normalised text
    uint8_t flags = 0; ///< ESPALIER_ADDED_*
  };
  /// See espalier_tokenizer_step.
  struct Step {
    uint32_t kind;
    uint32_t option = 0, flags = 0;
    std::string text = {}, content = {};
  };

  std::string source; ///< what messages begin with
  bool unigram = false;
  std::vector<Step> normalizer, pieces, decoder;
  std::vector<uint32_t> charsmap;
  std::string charsmapText;
  bool ignoreMerges = false;
  bool fuseUnknown = false;
  bool byteFallback = false;
  /// The token for what the vocabulary lacks: by its text, or by its id.
  std::optional<std::string_view> unknown;
  std::optional<uint64_t> unknownId;
  /// With ESPALIER_PIECES_BYTES in the alphabet of byte-level BPE.
  std::vector<Token> tokens;
  std::vector<Merge> merges;
  std::vector<Added> added;
  std::vector<uint64_t> prefix, suffix;
  std::optional<uint64_t> bos, eos;
  /// Added tokens are found as a whole by `ignoreMerges` as well.
  bool wholeAdded = true;

  bool byteLevel() const;
};

/// Pieces as gpt-2 cuts them, perhaps with every number on its own.
void addByteLevel(TokenizerModel &model, uint32_t expression,
                  bool everyNumber = false);
/// What SentencePiece's decoding does: the marks to spaces, bytes, and the
/// first space dropped where one is put before the text.
void addSentencePieceDecoder(TokenizerModel &model, bool stripsFirst);

/// The character that SentencePiece writes for a space, U+2581.
inline constexpr const char *spaceMark = "\xe2\x96\x81";

/// Checks the model and writes its tables.
Result<ImportedTokenizer> buildTables(const TokenizerModel &model);

/// The outcome for a tokenizer of a kind that is not built yet.
ImportedTokenizer notSupported(const std::string &what);

/// `text`, quoted for a message: as a JSON string, shortened where long.
std::string quoted(std::string_view text);

/// The bytes for which `text` stands in the alphabet of byte-level BPE, which
/// writes each byte as one printable character; nothing where a character is
/// not of that alphabet.
std::optional<std::string> bytesOfAlphabet(std::string_view text);
/// The character for a byte, as UTF-8.
std::string alphabetCharacter(uint8_t byte);

} // namespace espalier::tokenizer

#endif // ESPALIER_LIB_IMPORT_TOKENIZER_TOKENIZERMODEL_H
