//===- HuggingFace.cpp - Tokenizers of tokenizer.json ---------------------===//
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

#include "TokenizerModel.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace espalier {

using namespace tokenizer;
using json::Value;

namespace {

struct KnownSplit {
  std::string_view expression;
  uint32_t split;
};
constexpr KnownSplit knownSplits[] = {
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
     ESPALIER_SPLIT_GPT2},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     ESPALIER_SPLIT_LLAMA3},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     ESPALIER_SPLIT_QWEN2},
};

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

  bool readModel();
  bool readVocabulary(const Value *vocabulary);
  bool readMerges(const Value *merges);
  bool readNormalizer(const Value *normalizer);
  bool readPreTokenizer(const Value *pre);
  bool readByteLevel(const Value &byteLevel, bool useRegex);
  bool readSplit(const Value &split);
  bool readPostProcessor(const Value *post);
  bool readTemplate(const Value &post);
  bool readDecoder(const Value *decoder);
  bool readAdded();
  bool readAddedToken(const Value &token, uint64_t id);
  bool readConfig();
  bool readConfigAdded(const Value &decoder);
  bool readConfigTemplate();
  std::optional<uint64_t> idOf(std::string_view text) const;
  void indexTokens();

  /// The string member `type`, or "".
  static std::string_view typeOf(const Value *value);
  /// A boolean member, which may be left out; of another type, it is an error.
  bool flag(const Value &object, std::string_view key, bool otherwise);
  static const std::string *contentOf(const Value *token);

  const Value &root;
  const Value *config;
  TokenizerModel model;
  std::vector<std::pair<std::string_view, uint64_t>> index; ///< sorted
  std::optional<Error> error;
  ImportedTokenizer missing;
};

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

/// Null or absent.
bool isNone(const Value *value) { return !value || value->isNull(); }

bool Reader::readModel() {
  const Value *from = root.find("model");
  if (!from || !from->asObject())
    return expected("model", "an object", from);
  // Old files leave the type out.
  if (const Value *type = from->find("type"); type && typeOf(from) != "BPE")
    return unsupported("model " + quoted(typeOf(from)));
  if (const Value *dropout = from->find("dropout");
      !isNone(dropout) && dropout->asDouble() != 0.0)
    return unsupported("BPE with dropout");
  for (const char *key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (const Value *value = from->find(key); !isNone(value)) {
      const std::string *text = value->asString();
      if (!text || !text->empty())
        return unsupported(std::string("BPE with ") + key);
    }
  if (flag(*from, "byte_fallback", false))
    return unsupported("BPE with byte_fallback");
  model.hasUnknown = !isNone(from->find("unk_token"));
  model.ignoreMerges = flag(*from, "ignore_merges", false);
  // What stands around the model tells other kinds of BPE apart, and is told
  // before their vocabularies are looked at.
  return readNormalizer(root.find("normalizer")) &&
         readPreTokenizer(root.find("pre_tokenizer")) &&
         readDecoder(root.find("decoder")) &&
         readVocabulary(from->find("vocab")) &&
         readMerges(from->find("merges"));
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
    // ["a", "b"], or "a b" as older releases write it.
    if (const std::string *text = merge.asString()) {
      std::string_view view = *text;
      size_t space = view.find(' ');
      if (space != view.npos && view.find(' ', space + 1) == view.npos) {
        model.merges.emplace_back(view.substr(0, space),
                                  view.substr(space + 1));
        continue;
      }
    } else if (const json::Array *pair = merge.asArray();
               pair && pair->size() == 2 && (*pair)[0].asString() &&
               (*pair)[1].asString()) {
      model.merges.emplace_back(*(*pair)[0].asString(), *(*pair)[1].asString());
      continue;
    }
    return expected("model.merges[" + std::to_string(model.merges.size()) + "]",
                    "two tokens, as an array or with one space between",
                    &merge);
  }
  return true;
}

bool Reader::readNormalizer(const Value *normalizer) {
  if (isNone(normalizer))
    return true;
  std::string_view type = typeOf(normalizer);
  if (type == "NFC") {
    model.nfc = true;
    return true;
  }
  if (type == "Sequence") {
    const Value *list = normalizer->find("normalizers");
    if (!list || !list->asArray())
      return expected("normalizer.normalizers", "an array", list);
    for (const Value &step : *list->asArray()) {
      if (typeOf(&step) != "NFC")
        return unsupported("normaliser " + quoted(typeOf(&step)));
      model.nfc = true;
    }
    return true;
  }
  return unsupported("normaliser " + quoted(type));
}

/// One of ByteLevel alone; Split or Digits, then ByteLevel.
bool Reader::readPreTokenizer(const Value *pre) {
  if (isNone(pre))
    return unsupported("BPE without a pre-tokenizer");
  const json::Array single = {*pre};
  const json::Array *steps = &single;
  if (typeOf(pre) == "Sequence") {
    const Value *list = pre->find("pretokenizers");
    steps = list ? list->asArray() : nullptr;
    if (!steps)
      return expected("pre_tokenizer.pretokenizers", "an array", list);
  }
  for (const Value &step : *steps)
    if (std::string_view type = typeOf(&step);
        type != "Split" && type != "Digits" && type != "ByteLevel")
      return unsupported("pre-tokenizer " + quoted(type));
  if (steps->size() == 1 && typeOf(&(*steps)[0]) == "ByteLevel") {
    model.split = ESPALIER_SPLIT_GPT2;
    return readByteLevel((*steps)[0], /*useRegex=*/true);
  }
  if (steps->size() != 2 || typeOf(&(*steps)[1]) != "ByteLevel" ||
      typeOf(&(*steps)[0]) == "ByteLevel")
    return unsupported("a sequence of pre-tokenizers other than one split and "
                       "ByteLevel");
  if (typeOf(&(*steps)[0]) == "Digits") {
    if (!flag((*steps)[0], "individual_digits", false))
      return unsupported("pre-tokenizer Digits that keeps numbers whole");
    model.split = ESPALIER_SPLIT_SMOLLM;
    return readByteLevel((*steps)[1], /*useRegex=*/true);
  }
  return readSplit((*steps)[0]) &&
         readByteLevel((*steps)[1], /*useRegex=*/false);
}

bool Reader::readByteLevel(const Value &byteLevel, bool useRegex) {
  if (flag(byteLevel, "add_prefix_space", true))
    return unsupported("ByteLevel with add_prefix_space");
  if (flag(byteLevel, "use_regex", true) != useRegex)
    return unsupported(useRegex ? "ByteLevel without a split"
                                : "ByteLevel with a second split");
  return true;
}

bool Reader::readSplit(const Value &split) {
  const Value *pattern = split.find("pattern");
  const Value *regex = pattern ? pattern->find("Regex") : nullptr;
  const std::string *expression = regex ? regex->asString() : nullptr;
  if (!expression)
    return unsupported("pre-tokenizer Split at a string");
  const Value *given = split.find("behavior");
  const std::string *behavior = given ? given->asString() : nullptr;
  // The known expressions match all text, so that keeping matches and removing
  // what is between them are the same.
  bool invert = flag(split, "invert", false);
  if (!behavior || !((*behavior == "Isolated" && !invert) ||
                     (*behavior == "Removed" && invert)))
    return unsupported("pre-tokenizer Split with behaviour " +
                       quoted(behavior ? *behavior : ""));
  for (const KnownSplit &known : knownSplits)
    if (known.expression == *expression) {
      model.split = known.split;
      return true;
    }
  return unsupported("split expression " + quoted(*expression));
}

bool Reader::readPostProcessor(const Value *post) {
  if (isNone(post))
    return true;
  std::string_view type = typeOf(post);
  if (type == "ByteLevel") // moves offsets only
    return true;
  if (type == "TemplateProcessing")
    return readTemplate(*post);
  if (type == "Sequence") {
    const Value *list = post->find("processors");
    if (!list || !list->asArray())
      return expected("post_processor.processors", "an array", list);
    for (const Value &step : *list->asArray()) {
      if (typeOf(&step) == "Sequence")
        return unsupported("nested post-processors");
      if (!readPostProcessor(&step))
        return false;
    }
    return true;
  }
  return unsupported("post-processor " + quoted(type));
}

/// The part for one sequence: special tokens, sequence A, special tokens.
bool Reader::readTemplate(const Value &post) {
  const Value *single = post.find("single");
  if (!single || !single->asArray())
    return expected("post_processor.single", "an array", single);
  std::vector<uint64_t> before, after;
  bool seen = false;
  for (const Value &piece : *single->asArray()) {
    if (const Value *sequence = piece.find("Sequence")) {
      const Value *id = sequence->find("id");
      const std::string *name = id ? id->asString() : nullptr;
      if (seen || !name || *name != "A")
        return unsupported("a post-processor that repeats the text");
      seen = true;
      continue;
    }
    const Value *token = piece.find("SpecialToken");
    const Value *id = token ? token->find("id") : nullptr;
    const std::string *name = id ? id->asString() : nullptr;
    if (!name)
      return expected("post_processor.single",
                      "SpecialToken or Sequence objects", &piece);
    const Value *tokens = post.find("special_tokens");
    const Value *entry = tokens ? tokens->find(*name) : nullptr;
    const Value *ids = entry ? entry->find("ids") : nullptr;
    if (!ids || !ids->asArray())
      return expected("post_processor.special_tokens." + *name + ".ids",
                      "an array", ids);
    for (const Value &value : *ids->asArray()) {
      std::optional<uint64_t> number = value.asUnsigned();
      if (!number)
        return expected("post_processor.special_tokens." + *name + ".ids",
                        "non-negative integers", &value);
      (seen ? after : before).push_back(*number);
    }
  }
  if (!seen)
    return unsupported("a post-processor that leaves the text out");
  model.prefix.insert(model.prefix.begin(), before.begin(), before.end());
  model.suffix.insert(model.suffix.end(), after.begin(), after.end());
  return true;
}

bool Reader::readDecoder(const Value *decoder) {
  if (typeOf(decoder) == "Sequence") {
    const Value *list = decoder->find("decoders");
    const json::Array *steps = list ? list->asArray() : nullptr;
    if (!steps)
      return expected("decoder.decoders", "an array", list);
    if (steps->size() != 1)
      return unsupported("a sequence of decoders");
    decoder = &(*steps)[0];
  }
  if (typeOf(decoder) != "ByteLevel")
    return unsupported("decoder " + quoted(typeOf(decoder)));
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
  for (const char *key : {"single_word", "lstrip", "rstrip"})
    if (flag(token, key, false))
      return unsupported("added token " + quoted(*text) + " with " + key);
  model.added.push_back({*text, id, flag(token, "special", false),
                         flag(token, "normalized", false)});
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
  if (flag(*config, "add_prefix_space", false))
    return unsupported("add_prefix_space in tokenizer_config.json");
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

/// Tokenizers of the Llama class take the post-processor from two flags.
bool Reader::readConfigTemplate() {
  const Value *type = config->find("tokenizer_class");
  const std::string *name = type ? type->asString() : nullptr;
  if (!name || !name->starts_with("LlamaTokenizer"))
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

} // namespace

Result<ImportedTokenizer> importTokenizerJson(const Value &tokenizer,
                                              const Value *config) {
  return Reader(tokenizer, config).run();
}

} // namespace espalier
