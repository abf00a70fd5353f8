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

/// What both kinds of file say of a byte-level BPE tokenizer. The strings are
/// the file's and outlive this.
struct TokenizerModel {
  struct Token {
    std::string_view text;
    uint64_t id;
  };
  struct Added {
    std::string_view text;
    uint64_t id;
    bool special;
    bool normalized; ///< sought in normalised text
  };

  std::string source; ///< what messages begin with
  uint32_t split = ESPALIER_SPLIT_GPT2;
  bool nfc = false;
  bool ignoreMerges = false;
  /// The model names a token for what it lacks.
  bool hasUnknown = false;
  std::vector<Token> tokens; ///< in the alphabet of byte-level BPE
  std::vector<std::pair<std::string_view, std::string_view>> merges;
  std::vector<Added> added;
  std::vector<uint64_t> prefix, suffix;
  std::optional<uint64_t> bos, eos;
};

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
