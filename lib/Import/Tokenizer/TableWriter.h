//===- TableWriter.h - Checking and writing tokenizer tables ----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_IMPORT_TOKENIZER_TABLEWRITER_H
#define ESPALIER_LIB_IMPORT_TOKENIZER_TABLEWRITER_H

#include "TokenizerModel.h"

#include <unordered_map>

namespace espalier::tokenizer {

/// First everything is placed by its id, which finds what is malformed or not
/// supported; then the sections are written.
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
    bool normalized = false; ///< decoded as its normal form
    std::string bytes; ///< not empty: decoded as these, read in the alphabet
    double score = 0;
  };
  struct PlacedAdded {
    std::string pattern;
    uint32_t id;
    uint8_t flags;
  };

  Error fail(const std::string &what) const {
    return Error{model.source + ": " + what};
  }
  /// Not supported: remembers the first reason.
  void lack(const std::string &what) {
    if (missing.empty())
      missing = what;
  }

  // TableChecks.cpp
  Status placeTokens();
  Status placeAdded();
  Status placeBytes();
  Status placeMerges();
  Status placeTemplate();
  Status placeSteps();
  Status placePatterns();
  void placeStepList(const std::vector<TokenizerModel::Step> &from,
                     std::vector<espalier_tokenizer_step> &to);
  Result<int32_t> checkedId(uint64_t id, const char *what) const;
  void placeUnknown();
  bool reachesUnknown() const;
  void checkLengths();

  // TableWriter.cpp
  void writeTokens();
  void writeSorted(const std::vector<std::string_view> &texts);
  void writeCharacters();
  void writeAdded(std::vector<PlacedAdded> &placed, int section);
  void writeOrder();
  void writeHeader();
  template <typename T> void write(int section, const std::vector<T> &values) {
    write(section, values.data(), values.size() * sizeof(T));
  }
  void write(int section, const void *data, size_t bytes);

  const TokenizerModel &model;
  std::string missing;
  std::vector<Slot> slots;
  std::unordered_map<std::string_view, uint32_t> idOf;
  std::vector<int32_t> byteToken;
  std::vector<uint32_t> mergeBegin;
  std::vector<espalier_tokenizer_merge> merges;
  std::vector<PlacedAdded> raw, normalized;
  std::vector<int32_t> prefix, suffix;
  std::vector<espalier_tokenizer_step> normalizer, pieces, decoder;
  std::string stepText;
  espalier_tokenizer_header header = {};
  std::vector<uint8_t> out;
};

} // namespace espalier::tokenizer

#endif // ESPALIER_LIB_IMPORT_TOKENIZER_TABLEWRITER_H
