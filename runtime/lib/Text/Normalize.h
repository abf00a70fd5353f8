//===- Normalize.h - Normalisation of text ----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_TEXT_NORMALIZE_H
#define ESPALIER_RUNTIME_TEXT_NORMALIZE_H

#include "espalier/tokenizer_tables.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace espalier::text {

/// `text`, which is UTF-8, in the normalisation form ESPALIER_NORMALIZE_NFC,
/// NFD, NFKC or NFKD: either itself or a view of `storage`. Time is O(n log n).
std::string_view normalizeForm(uint32_t form, std::string_view text,
                               std::string &storage);

/// The steps of a normaliser and what they refer to, all checked: step texts
/// are UTF-8 and in bounds. The character map may hold anything.
struct Normalizer {
  std::span<const espalier_tokenizer_step> steps;
  std::string_view stepText;
  std::span<const uint32_t> map;
  std::string_view mapText; ///< UTF-8, ends with a zero byte unless empty

  std::string_view textOf(const espalier_tokenizer_step &step) const {
    return stepText.substr(step.text_begin, step.text_bytes);
  }
  std::string_view contentOf(const espalier_tokenizer_step &step) const {
    return stepText.substr(step.content_begin, step.content_bytes);
  }

  struct Storage {
    std::string texts[2];
  };
  struct Result {
    std::string_view text; ///< the text itself or a view of the storage
    /// The first character of `text` comes from the first character given.
    bool atStart = true;
  };
  /// Nothing where the text grows beyond what honest steps could make of it.
  std::optional<Result> apply(std::string_view text, Storage &storage) const;
};

/// What the character map makes of `text`: its result for the shortest prefix
/// of `text` that it knows; nothing where it knows none.
std::optional<std::string_view> mapCharacters(const Normalizer &normalizer,
                                              std::string_view text);

} // namespace espalier::text

#endif // ESPALIER_RUNTIME_TEXT_NORMALIZE_H
