//===- GGUF.cpp - Tokenizers of GGUF files --------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerModel.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

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

/// What the name of a pre-tokenizer stands for: the split, and what the
/// tokenizers that go by this name do besides.
struct KnownPre {
  std::string_view name;
  uint32_t expression;
  bool everyNumber = false; ///< on its own, before the expression
  bool nfc = false;
  bool ignoreMerges = false;
  bool addsBos = false;
};
constexpr KnownPre knownPres[] = {
    {"gpt-2", ESPALIER_SPLIT_GPT2},
    {"phi-2", ESPALIER_SPLIT_GPT2},
    {"olmo", ESPALIER_SPLIT_GPT2, false, /*nfc=*/true},
    {"llama-bpe", ESPALIER_SPLIT_LLAMA3, false, false, true, true},
    {"llama3", ESPALIER_SPLIT_LLAMA3, false, false, true, true},
    {"llama-v3", ESPALIER_SPLIT_LLAMA3, false, false, true, true},
    {"dbrx", ESPALIER_SPLIT_LLAMA3},
    {"smaug-bpe", ESPALIER_SPLIT_LLAMA3},
    {"chatglm-bpe", ESPALIER_SPLIT_LLAMA3},
    {"glm4", ESPALIER_SPLIT_LLAMA3},
    {"qwen2", ESPALIER_SPLIT_QWEN2, false, /*nfc=*/true},
    {"deepseek-r1-qwen", ESPALIER_SPLIT_QWEN2, false, /*nfc=*/true},
    {"stablelm2", ESPALIER_SPLIT_QWEN2, false, /*nfc=*/true},
    {"qwen35", ESPALIER_SPLIT_QWEN35, false, /*nfc=*/true},
    {"smollm", ESPALIER_SPLIT_GPT2, true},
    {"starcoder", ESPALIER_SPLIT_GPT2, true},
    {"refact", ESPALIER_SPLIT_GPT2, true},
    {"command-r", ESPALIER_SPLIT_GPT2, true, /*nfc=*/true},
    {"tekken", ESPALIER_SPLIT_TEKKEN, false, false, true, true},
    {"gpt-4o", ESPALIER_SPLIT_O200K},
    {"bloom", ESPALIER_SPLIT_BLOOM},
};

/// Names that stand for more than one expression.
bool setPreOfMany(const std::string &pre, TokenizerModel &model) {
  auto split = [&](uint32_t expression,
                   uint32_t behavior = ESPALIER_BEHAVIOR_ISOLATED) {
    model.pieces.push_back({ESPALIER_PIECES_SPLIT, expression, behavior});
  };
  if (pre == "falcon") {
    split(ESPALIER_SPLIT_PUNCTUATION, ESPALIER_BEHAVIOR_CONTIGUOUS);
    addByteLevel(model, ESPALIER_SPLIT_GPT2);
    split(ESPALIER_SPLIT_NUMERIC, ESPALIER_BEHAVIOR_CONTIGUOUS);
    split(ESPALIER_SPLIT_THREE_DIGITS);
    return true;
  }
  if (pre == "deepseek-v3") {
    split(ESPALIER_SPLIT_NUMBERS_3);
    split(ESPALIER_SPLIT_CJK_KANA);
    addByteLevel(model, ESPALIER_SPLIT_DEEPSEEK3);
    return true;
  }
  if (pre == "deepseek-coder") {
    split(ESPALIER_SPLIT_LINE_END);
    split(ESPALIER_SPLIT_SPACE_LETTERS);
    split(ESPALIER_SPLIT_SPACE_PUNCTUATION);
    split(ESPALIER_SPLIT_CJK_HANGUL);
    addByteLevel(model, ESPALIER_SPLIT_NUMBER);
    return true;
  }
  return false;
}

/// False: the name is not known.
bool setPre(const std::string &pre, TokenizerModel &model, bool &addBos) {
  for (const KnownPre &known : knownPres) {
    if (known.name != pre)
      continue;
    addByteLevel(model, known.expression, known.everyNumber);
    if (known.nfc)
      model.normalizer.push_back({ESPALIER_NORMALIZE_NFC});
    model.ignoreMerges = known.ignoreMerges;
    // The files do not tell tokens of the merges from others.
    model.wholeAdded = false;
    addBos = known.addsBos;
    return true;
  }
  return setPreOfMany(pre, model);
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
    model.merges.push_back({text.substr(0, space), text.substr(space + 1),
                            static_cast<uint32_t>(model.merges.size())});
  }
  return {};
}

/// Every cut of a token is looked up: bounded, so that long ones take no time.
/// SentencePiece's own are 16 characters at most.
constexpr size_t longest = 256;

/// The first token of the merges that is too long for them.
const std::string *tooLong(const GGUFTokenizer &from) {
  for (size_t id = 0; id < from.tokens.size(); ++id)
    if (from.tokens[id].size() > longest &&
        (from.types.empty() || from.types[id] == Normal))
      return &from.tokens[id];
  return nullptr;
}

/// SentencePiece joins the neighbours that make the token of the highest score,
/// the leftmost of equal ones. As merges: every way to cut a token in two, all
/// of one token with the rank of its score.
Status addScoredMerges(const GGUFTokenizer &from, TokenizerModel &model) {
  if (from.scores.size() != from.tokens.size())
    return Error{"tokenizer.ggml.scores: expected " +
                 std::to_string(from.tokens.size()) +
                 " elements, one for each token, got " +
                 std::to_string(from.scores.size())};
  std::unordered_set<std::string_view> known;
  std::vector<size_t> order;
  for (size_t id = 0; id < from.tokens.size(); ++id) {
    int32_t type = from.types.empty() ? Normal : from.types[id];
    if (std::isnan(from.scores[id]))
      return Error{"tokenizer.ggml.scores: token " + std::to_string(id) +
                   ": expected a number, got NaN"};
    known.insert(from.tokens[id]);
    if (type == Normal || type == UserDefined || type == Unused)
      order.push_back(id);
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return from.scores[a] > from.scores[b] ||
           (from.scores[a] == from.scores[b] && a < b);
  });
  uint32_t rank = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    rank += i > 0 && from.scores[order[i]] != from.scores[order[i - 1]];
    std::string_view token = from.tokens[order[i]];
    if (token.size() > longest)
      continue;
    for (size_t at = 1; at < token.size(); ++at)
      if (known.count(token.substr(0, at)) && known.count(token.substr(at)))
        model.merges.push_back({token.substr(0, at), token.substr(at), rank});
  }
  return {};
}

/// Llama 2, Gemma 1 to 3, Mistral: SentencePiece's BPE.
Status addSentencePiece(const GGUFTokenizer &from, TokenizerModel &model) {
  const bool prefix = from.addSpacePrefix.value_or(true);
  if (prefix)
    model.normalizer.push_back({ESPALIER_NORMALIZE_PREPEND, 0, 0, spaceMark});
  model.normalizer.push_back(
      {ESPALIER_NORMALIZE_REPLACE, 0, 0, " ", spaceMark});
  addSentencePieceDecoder(model, prefix);
  model.byteFallback = true;
  model.fuseUnknown = true;
  model.unknownId = from.unknown.value_or(0);
  return addScoredMerges(from, model);
}

/// GPT-2 and what followed: merges of bytes.
std::optional<std::string> addBytePairs(const GGUFTokenizer &from,
                                        TokenizerModel &model, bool &addBos) {
  // Without a name, and under the name "default", llama.cpp uses a split that
  // is none of these: guessing would give wrong ids without a word.
  if (!from.pre)
    return "GGUF tokenizer without tokenizer.ggml.pre";
  if (!setPre(*from.pre, model, addBos))
    return "GGUF pre-tokenizer " + quoted(*from.pre);
  return std::nullopt;
}

} // namespace

Result<ImportedTokenizer> importTokenizerGGUF(const GGUFTokenizer &from) {
  const bool sentencePiece = from.model == "llama";
  if (from.model != "gpt2" && !sentencePiece)
    return notSupported("GGUF tokenizer model " + quoted(from.model));
  TokenizerModel model;
  model.source = "tokenizer.ggml";
  bool addBos = sentencePiece;
  if (!sentencePiece)
    if (std::optional<std::string> why = addBytePairs(from, model, addBos))
      return notSupported(*why);
  if (const std::string *token = sentencePiece ? tooLong(from) : nullptr)
    return notSupported("a SentencePiece model with the token " +
                        quoted(*token) + ", which is too long");
  if (Status status = addTokens(from, model); !status)
    return status.takeError();
  if (Status status = sentencePiece ? addSentencePiece(from, model)
                                    : addMerges(from, model);
      !status)
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
