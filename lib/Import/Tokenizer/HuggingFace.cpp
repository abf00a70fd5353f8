//===- HuggingFace.cpp - Model and added tokens of tokenizer.json ---------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HuggingFace.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace espalier::tokenizer {

std::string_view Reader::typeOf(const Value *value) {
  const Value *type = value ? value->find("type") : nullptr;
  const std::string *text = type ? type->asString() : nullptr;
  return text ? std::string_view(*text) : std::string_view();
}

bool Reader::flag(const Value &object, std::string_view key, bool otherwise) {
  const Value *value = object.find(key);
  if (!value || value->isNull())
    return otherwise;
  std::optional<bool> given = value->asBool();
  if (!given && !error)
    expected(std::string(key), "a boolean", value);
  return given.value_or(otherwise);
}

/// A token in a configuration is its text, or an object that holds it.
const std::string *Reader::contentOf(const Value *token) {
  if (token && token->asObject())
    token = token->find("content");
  return token ? token->asString() : nullptr;
}

const std::string *Reader::text(const Value &object, const char *key) {
  const Value *value = object.find(key);
  const std::string *text = value ? value->asString() : nullptr;
  if (!text)
    expected(key, "a string", value);
  return text;
}

bool Reader::readModel() {
  const Value *from = root.find("model");
  if (!from || !from->asObject())
    return expected("model", "an object", from);
  // Old files leave the type out.
  std::string_view type = from->find("type") ? typeOf(from) : "BPE";
  if (type != "BPE" && type != "Unigram")
    return unsupported("model " + quoted(type));
  model.byteFallback = flag(*from, "byte_fallback", false);
  // What stands around the model tells kinds apart, and is told before their
  // vocabularies are looked at.
  return readNormalizer(root.find("normalizer")) &&
         readPreTokenizer(root.find("pre_tokenizer")) &&
         readDecoder(root.find("decoder")) &&
         (type == "BPE" ? readBpe(*from) : readUnigram(*from));
}

bool Reader::readBpe(const Value &from) {
  if (const Value *dropout = from.find("dropout");
      !isNone(dropout) && dropout->asDouble() != 0.0)
    return unsupported("BPE with dropout");
  for (const char *key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (const Value *value = from.find(key); !isNone(value)) {
      const std::string *text = value->asString();
      if (!text || !text->empty())
        return unsupported(std::string("BPE with ") + key);
    }
  if (!isNone(from.find("unk_token"))) {
    const std::string *unknown = text(from, "unk_token");
    if (!unknown)
      return false;
    model.unknown = *unknown;
  }
  model.fuseUnknown = flag(from, "fuse_unk", false);
  model.ignoreMerges = flag(from, "ignore_merges", false);
  return readVocabulary(from.find("vocab")) && readMerges(from.find("merges"));
}

bool Reader::readUnigram(const Value &from) {
  model.unigram = true;
  const Value *vocabulary = from.find("vocab");
  if (!vocabulary || !vocabulary->asArray())
    return expected("model.vocab", "an array", vocabulary);
  for (const Value &entry : *vocabulary->asArray()) {
    const json::Array *pair = entry.asArray();
    const std::string *text =
        pair && pair->size() == 2 ? (*pair)[0].asString() : nullptr;
    std::optional<double> score =
        text ? (*pair)[1].asDouble() : std::optional<double>();
    if (!score)
      return expected("model.vocab[" + std::to_string(model.tokens.size()) +
                          "]",
                      "a token and its score", &entry);
    model.tokens.push_back({*text, model.tokens.size(), *score});
  }
  const Value *unknown = from.find("unk_id");
  if (isNone(unknown))
    return unsupported("a unigram model without unk_id");
  model.unknownId = unknown->asUnsigned();
  if (!model.unknownId || *model.unknownId >= model.tokens.size())
    return expected("model.unk_id", "the id of a token", unknown);
  return true;
}

bool Reader::readVocabulary(const Value *vocabulary) {
  const json::Object *object = vocabulary ? vocabulary->asObject() : nullptr;
  if (!object)
    return expected("model.vocab", "an object", vocabulary);
  model.tokens.reserve(object->size());
  for (const auto &[text, value] : object->members()) {
    std::optional<uint64_t> id = value.asUnsigned();
    if (!id)
      return expected("model.vocab." + text, "a non-negative integer", &value);
    model.tokens.push_back({text, *id});
  }
  return true;
}

bool Reader::readMerges(const Value *merges) {
  const json::Array *array = merges ? merges->asArray() : nullptr;
  if (!array)
    return expected("model.merges", "an array", merges);
  model.merges.reserve(array->size());
  for (const Value &merge : *array) {
    auto rank = static_cast<uint32_t>(model.merges.size());
    // ["a", "b"], or "a b" as older releases write it.
    if (const std::string *text = merge.asString()) {
      std::string_view view = *text;
      size_t space = view.find(' ');
      if (space != view.npos && view.find(' ', space + 1) == view.npos) {
        model.merges.push_back(
            {view.substr(0, space), view.substr(space + 1), rank});
        continue;
      }
    } else if (const json::Array *pair = merge.asArray();
               pair && pair->size() == 2 && (*pair)[0].asString() &&
               (*pair)[1].asString()) {
      model.merges.push_back(
          {*(*pair)[0].asString(), *(*pair)[1].asString(), rank});
      continue;
    }
    return expected("model.merges[" + std::to_string(model.merges.size()) + "]",
                    "two tokens, as an array or with one space between",
                    &merge);
  }
  return true;
}

bool Reader::readAdded() {
  const Value *added = root.find("added_tokens");
  if (isNone(added))
    return true;
  if (!added->asArray())
    return expected("added_tokens", "an array", added);
  for (const Value &token : *added->asArray()) {
    const Value *id = token.find("id");
    std::optional<uint64_t> number = id ? id->asUnsigned() : std::nullopt;
    if (!number)
      return expected("added_tokens.id", "a non-negative integer", id);
    if (!readAddedToken(token, *number))
      return false;
  }
  return true;
}

bool Reader::readAddedToken(const Value &token, uint64_t id) {
  const Value *content = token.find("content");
  const std::string *text = content ? content->asString() : nullptr;
  if (!text)
    return expected("added_tokens.content", "a string", content);
  uint8_t flags = 0;
  if (flag(token, "lstrip", false))
    flags |= ESPALIER_ADDED_LSTRIP;
  if (flag(token, "rstrip", false))
    flags |= ESPALIER_ADDED_RSTRIP;
  if (flag(token, "single_word", false))
    flags |= ESPALIER_ADDED_WORD;
  model.added.push_back({*text, id, flag(token, "special", false),
                         flag(token, "normalized", false), flags});
  return true;
}

void Reader::indexTokens() {
  index.clear();
  for (const TokenizerModel::Token &token : model.tokens)
    index.emplace_back(token.text, token.id);
  for (const TokenizerModel::Added &token : model.added)
    index.emplace_back(token.text, token.id);
  std::sort(index.begin(), index.end());
}

std::optional<uint64_t> Reader::idOf(std::string_view text) const {
  auto it = std::lower_bound(index.begin(), index.end(),
                             std::pair<std::string_view, uint64_t>(text, 0));
  if (it == index.end() || it->first != text)
    return std::nullopt;
  return it->second;
}

/// What tokenizer_config.json adds: tokens that tokenizer.json does not list
/// among the added ones, and the names of the tokens that begin and end text.
bool Reader::readConfig() {
  if (!config)
    return true;
  if (!config->asObject())
    return malformed("tokenizer_config.json: expected an object, got type " +
                     std::string(json::kindName(config->kind())));
  // Where the pre-tokenizer is ByteLevel alone, the configuration decides
  // whether a space goes before the text.
  if (const Value *add = config->find("add_prefix_space");
      !isNone(add) && typeOf(root.find("pre_tokenizer")) == "ByteLevel") {
    std::erase_if(model.pieces, [](const TokenizerModel::Step &step) {
      return step.kind == ESPALIER_PIECES_PREFIX_SPACE;
    });
    if (flag(*config, "add_prefix_space", false))
      model.pieces.insert(model.pieces.begin(), {ESPALIER_PIECES_PREFIX_SPACE});
  }
  if (const Value *decoder = config->find("added_tokens_decoder");
      !isNone(decoder) && !readConfigAdded(*decoder))
    return false;

  indexTokens();
  std::set<std::string_view> added;
  for (const TokenizerModel::Added &token : model.added)
    added.insert(token.text);
  for (const char *key : {"bos_token", "eos_token", "unk_token", "pad_token",
                          "sep_token", "cls_token", "mask_token"}) {
    const std::string *text = contentOf(config->find(key));
    std::optional<uint64_t> id = text ? idOf(*text) : std::nullopt;
    // A name without an id has no row in the embedding either.
    if (!id)
      continue;
    if (key == std::string_view("bos_token"))
      model.bos = id;
    if (key == std::string_view("eos_token"))
      model.eos = id;
    if (added.insert(*text).second)
      model.added.push_back({*text, *id, /*special=*/true,
                             /*normalized=*/false});
  }
  return readConfigTemplate();
}

bool Reader::readConfigAdded(const Value &decoder) {
  if (!decoder.asObject())
    return malformed("tokenizer_config.json: 'added_tokens_decoder': expected "
                     "an object, got type " +
                     std::string(json::kindName(decoder.kind())));
  std::set<std::string_view> known;
  for (const TokenizerModel::Added &token : model.added)
    known.insert(token.text);
  for (const auto &[key, token] : decoder.asObject()->members()) {
    const std::string *text = contentOf(&token);
    uint64_t id = 0;
    auto [end, status] =
        std::from_chars(key.data(), key.data() + key.size(), id);
    if (!text || status != std::errc() || end != key.data() + key.size())
      return malformed("tokenizer_config.json: 'added_tokens_decoder': "
                       "expected ids with tokens, got " +
                       quoted(key));
    // Where both files list a token, tokenizer.json is believed.
    if (known.insert(*text).second && !readAddedToken(token, id))
      return false;
  }
  return true;
}

/// Tokenizers of these classes take the post-processor from two flags.
bool Reader::readConfigTemplate() {
  const Value *type = config->find("tokenizer_class");
  const std::string *name = type ? type->asString() : nullptr;
  if (!name || !(name->starts_with("LlamaTokenizer") ||
                 name->starts_with("CodeLlamaTokenizer") ||
                 name->starts_with("GemmaTokenizer") ||
                 name->starts_with("CohereTokenizer")))
    return true;
  struct End {
    const char *key;
    std::optional<uint64_t> id;
    std::vector<uint64_t> &ids;
  };
  for (const End &end : {End{"add_bos_token", model.bos, model.prefix},
                         End{"add_eos_token", model.eos, model.suffix}}) {
    const Value *value = config->find(end.key);
    std::optional<bool> add = value ? value->asBool() : std::nullopt;
    if (!add)
      continue;
    end.ids.clear();
    if (!*add)
      continue;
    if (!end.id)
      return malformed(std::string("tokenizer_config.json: '") + end.key +
                       "': the token that it names is not in the vocabulary");
    end.ids.push_back(*end.id);
  }
  return true;
}

Result<ImportedTokenizer> Reader::run() {
  if (!root.asObject())
    return Error{"tokenizer.json: expected an object, got type " +
                 std::string(json::kindName(root.kind()))};
  bool good = readModel() && readAdded() &&
              readPostProcessor(root.find("post_processor")) && readConfig();
  if (error)
    return *error;
  if (!good)
    return missing;
  return buildTables(model);
}

} // namespace espalier::tokenizer

namespace espalier {

Result<ImportedTokenizer> importTokenizerJson(const json::Value &tokenizer,
                                              const json::Value *config) {
  return tokenizer::Reader(tokenizer, config).run();
}

} // namespace espalier
