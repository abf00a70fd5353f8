//===- Tokenizer.h - Tokenizers of model files to tables --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Compiles a tokenizer into the tables of espalier/tokenizer_tables.h. What is
/// malformed is an error; what is well-formed but of a kind that is not built
/// yet is an outcome, so that the model can be compiled without it.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_IMPORT_TOKENIZER_H
#define ESPALIER_IMPORT_TOKENIZER_H

#include "espalier/Support/Json.h"
#include "espalier/Support/Result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace espalier {

/// What became of a tokenizer.
struct ImportedTokenizer {
  /// The tables, or empty: see `missing`.
  std::vector<uint8_t> tables;
  /// "tokenizer not supported yet: ...", fit for `tokenizer_missing` of the
  /// descriptor; empty where there are tables.
  std::string missing;
  /// One more than the largest id.
  uint32_t vocabulary = 0;
  std::optional<int32_t> bos, eos;

  bool supported() const { return missing.empty(); }
};

/// From a parsed tokenizer.json and, unless null, tokenizer_config.json.
/// Messages begin with the file's own name, not with its folder.
Result<ImportedTokenizer> importTokenizerJson(const json::Value &tokenizer,
                                              const json::Value *config);

/// The tokenizer.ggml.* metadata of a GGUF file.
struct GGUFTokenizer {
  std::string model;              ///< tokenizer.ggml.model
  std::optional<std::string> pre; ///< tokenizer.ggml.pre
  std::vector<std::string> tokens;
  std::vector<int32_t> types; ///< one for each token, or empty: all normal
  std::vector<float> scores;  ///< of model "llama": one for each token
  std::vector<std::string> merges;
  std::optional<uint32_t> bos, eos, unknown;
  std::optional<bool> addBos, addEos, addSpacePrefix;
};
Result<ImportedTokenizer> importTokenizerGGUF(const GGUFTokenizer &tokenizer);

} // namespace espalier

#endif // ESPALIER_IMPORT_TOKENIZER_H
