//===- HuggingFace.h - Reader of tokenizer.json -----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// tokenizer.json as the `tokenizers` package writes it. The reader stops at
/// the first thing that is malformed (an error) or that no code here does yet
/// (an outcome): an option that is not looked at must not matter.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_IMPORT_TOKENIZER_HUGGINGFACE_H
#define ESPALIER_LIB_IMPORT_TOKENIZER_HUGGINGFACE_H

#include "TokenizerModel.h"

namespace espalier::tokenizer {

using json::Value;

/// Null or absent.
inline bool isNone(const Value *value) { return !value || value->isNull(); }

/// Each read function is true where it went well; otherwise `error` or
/// `missing` says why not. `error` goes before `missing`.
class Reader {
public:
  Reader(const Value &root, const Value *config) : root(root), config(config) {
    model.source = "tokenizer.json";
  }
  Result<ImportedTokenizer> run();

private:
  bool malformed(const std::string &message) {
    error = Error{message};
    return false;
  }
  bool unsupported(const std::string &what) {
    missing = notSupported(what);
    return false;
  }
  bool expected(const std::string &key, const char *what, const Value *got) {
    return malformed("tokenizer.json: '" + key + "': expected " + what +
                     ", got " +
                     (got ? "type " + std::string(json::kindName(got->kind()))
                          : std::string("nothing")));
  }

  // HuggingFace.cpp
  bool readModel();
  bool readBpe(const Value &from);
  bool readUnigram(const Value &from);
  bool readVocabulary(const Value *vocabulary);
  bool readMerges(const Value *merges);
  bool readAdded();
  bool readAddedToken(const Value &token, uint64_t id);
  bool readConfig();
  bool readConfigAdded(const Value &decoder);
  bool readConfigTemplate();
  std::optional<uint64_t> idOf(std::string_view text) const;
  void indexTokens();

  // HuggingFacePipeline.cpp
  bool readNormalizer(const Value *normalizer);
  bool readReplace(const Value &replace);
  bool readCharsmap(const Value &precompiled);
  bool readPreTokenizer(const Value *pre);
  bool readByteLevel(const Value &byteLevel);
  bool readSplit(const Value &split);
  bool readBehavior(const Value &step, const char *otherwise, uint32_t &flags);
  bool readMetaspace(const Value &metaspace, uint32_t &prepend,
                     std::string &mark);
  bool readPostProcessor(const Value *post);
  bool readTemplate(const Value &post);
  bool readDecoder(const Value *decoder);
  bool readDecoderStep(const Value &step);
  /// The member `pattern` of a Split or Replace: its text, and whether that is
  /// an expression.
  const std::string *patternOf(const Value &step, bool &isExpression);

  /// The string member `type`, or "".
  static std::string_view typeOf(const Value *value);
  /// A boolean member, which may be left out; of another type, it is an error.
  bool flag(const Value &object, std::string_view key, bool otherwise);
  static const std::string *contentOf(const Value *token);
  /// A string member; another type is an error.
  const std::string *text(const Value &object, const char *key);

  const Value &root;
  const Value *config;
  TokenizerModel model;
  std::vector<std::pair<std::string_view, uint64_t>> index; ///< sorted
  std::optional<Error> error;
  ImportedTokenizer missing;
};

} // namespace espalier::tokenizer

#endif // ESPALIER_LIB_IMPORT_TOKENIZER_HUGGINGFACE_H
