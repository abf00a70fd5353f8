//===- GGUF.cpp - Tokenizers of GGUF files --------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerModel.h"

namespace espalier {

using namespace tokenizer;

namespace {

/// Values of tokenizer.ggml.token_type.
enum TokenType {
  Normal = 1,
  Unknown = 2,
  Control = 3,
  UserDefined = 4,
  Unused = 5,
  Byte = 6
};

/// Sets what the name of the pre-tokenizer stands for: the split, and what the
/// tokenizers that go by this name do besides. False: the name is not known.
bool setPre(const std::string &pre, TokenizerModel &model, bool &addBos) {
  if (pre == "gpt-2") {
    model.split = ESPALIER_SPLIT_GPT2;
    return true;
  }
  if (pre == "llama-bpe" || pre == "llama3" || pre == "llama-v3") {
    model.split = ESPALIER_SPLIT_LLAMA3;
    model.ignoreMerges = true;
    addBos = true;
    return true;
  }
  if (pre == "qwen2") {
    model.split = ESPALIER_SPLIT_QWEN2;
    model.nfc = true;
    return true;
  }
  if (pre == "smollm") {
    model.split = ESPALIER_SPLIT_SMOLLM;
    return true;
  }
  return false;
}

Status addTokens(const GGUFTokenizer &from, TokenizerModel &model) {
  if (!from.types.empty() && from.types.size() != from.tokens.size())
    return Error{"tokenizer.ggml.token_type: expected " +
                 std::to_string(from.tokens.size()) +
                 " elements, one for each token, got " +
                 std::to_string(from.types.size())};
  for (size_t id = 0; id < from.tokens.size(); ++id) {
    const std::string &text = from.tokens[id];
    int32_t type = from.types.empty() ? Normal : from.types[id];
    if (type < Normal || type > Byte)
      return Error{"tokenizer.ggml.token_type: token " + std::to_string(id) +
                   ": expected 1 to 6, got " + std::to_string(type)};
    bool special = type == Control || type == Unknown;
    model.tokens.push_back({text, id});
    if (special || type == UserDefined)
      model.added.push_back({text, id, special, /*normalized=*/false});
  }
  return {};
}

Status addMerges(const GGUFTokenizer &from, TokenizerModel &model) {
  for (const std::string &merge : from.merges) {
    size_t space = merge.find(' ');
    if (space == std::string::npos ||
        merge.find(' ', space + 1) != std::string::npos)
      return Error{"tokenizer.ggml.merges: merge " +
                   std::to_string(model.merges.size()) +
                   ": expected two tokens with one space between, got " +
                   quoted(merge)};
    std::string_view text = merge;
    model.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  return {};
}

} // namespace

Result<ImportedTokenizer> importTokenizerGGUF(const GGUFTokenizer &from) {
  if (from.model != "gpt2")
    return notSupported("GGUF tokenizer model " + quoted(from.model));
  TokenizerModel model;
  model.source = "tokenizer.ggml";
  bool addBos = false;
  // Without a name, and under the name "default", llama.cpp uses a split that
  // is none of these: guessing would give wrong ids without a word.
  if (!from.pre)
    return notSupported("GGUF tokenizer without tokenizer.ggml.pre");
  if (!setPre(*from.pre, model, addBos))
    return notSupported("GGUF pre-tokenizer " + quoted(*from.pre));
  if (Status status = addTokens(from, model); !status)
    return status.takeError();
  if (Status status = addMerges(from, model); !status)
    return status.takeError();
  if (from.bos)
    model.bos = *from.bos;
  if (from.eos)
    model.eos = *from.eos;
  if (from.addBos.value_or(addBos)) {
    if (!from.bos)
      return Error{"tokenizer.ggml.add_bos_token: there is no "
                   "tokenizer.ggml.bos_token_id"};
    model.prefix.push_back(*from.bos);
  }
  if (from.addEos.value_or(false)) {
    if (!from.eos)
      return Error{"tokenizer.ggml.add_eos_token: there is no "
                   "tokenizer.ggml.eos_token_id"};
    model.suffix.push_back(*from.eos);
  }
  return buildTables(model);
}

} // namespace espalier
