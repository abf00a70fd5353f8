//===- HuggingFacePipeline.cpp - Steps of tokenizer.json ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Normalisers, pre-tokenizers, post-processors and decoders. Expressions are
/// known by their text, as published files have it.
///
//===----------------------------------------------------------------------===//

#include "Base64.h"
#include "HuggingFace.h"

#include <algorithm>

namespace espalier::tokenizer {

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
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     ESPALIER_SPLIT_QWEN35},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     ESPALIER_SPLIT_O200K},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     ESPALIER_SPLIT_TEKKEN},
    {R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     ESPALIER_SPLIT_DEEPSEEK3},
    {" ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+",
     ESPALIER_SPLIT_BLOOM},
    {R"(\p{N}{1,3})", ESPALIER_SPLIT_NUMBERS_3},
    {R"(\p{N})", ESPALIER_SPLIT_NUMBER},
    {"[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", ESPALIER_SPLIT_CJK_KANA},
    {"[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+", ESPALIER_SPLIT_CJK_HANGUL},
    {R"([\r\n])", ESPALIER_SPLIT_LINE_END},
    {R"(\s?\p{L}+)", ESPALIER_SPLIT_SPACE_LETTERS},
    {R"(\s?\p{P}+)", ESPALIER_SPLIT_SPACE_PUNCTUATION},
    {"[0-9][0-9][0-9]", ESPALIER_SPLIT_THREE_DIGITS},
};

/// Whether the expression matches itself and nothing else.
bool isLiteral(std::string_view expression) {
  return expression.find_first_of("\\.+*?()|[]{}^$") == expression.npos;
}

struct KnownNormalizer {
  std::string_view type;
  uint32_t kind;
};
constexpr KnownNormalizer knownNormalizers[] = {
    {"NFC", ESPALIER_NORMALIZE_NFC},
    {"NFD", ESPALIER_NORMALIZE_NFD},
    {"NFKC", ESPALIER_NORMALIZE_NFKC},
    {"NFKD", ESPALIER_NORMALIZE_NFKD},
    {"Lowercase", ESPALIER_NORMALIZE_LOWERCASE},
    {"StripAccents", ESPALIER_NORMALIZE_STRIP_ACCENTS},
    {"Nmt", ESPALIER_NORMALIZE_NMT},
};

/// The members of a sequence; null where it is malformed.
const json::Array *stepsOf(const Value &sequence, const char *key) {
  const Value *list = sequence.find(key);
  return list ? list->asArray() : nullptr;
}

} // namespace

bool Reader::readNormalizer(const Value *normalizer) {
  if (isNone(normalizer))
    return true;
  std::string_view type = typeOf(normalizer);
  if (type == "Sequence") {
    const json::Array *steps = stepsOf(*normalizer, "normalizers");
    if (!steps)
      return expected("normalizer.normalizers", "an array",
                      normalizer->find("normalizers"));
    return std::all_of(steps->begin(), steps->end(), [&](const Value &step) {
      return readNormalizer(&step);
    });
  }
  for (const KnownNormalizer &known : knownNormalizers)
    if (known.type == type) {
      model.normalizer.push_back({known.kind});
      return true;
    }
  if (type == "Strip") {
    uint32_t ends = (flag(*normalizer, "strip_left", true) ? 1 : 0) |
                    (flag(*normalizer, "strip_right", true) ? 2 : 0);
    model.normalizer.push_back({ESPALIER_NORMALIZE_STRIP, ends});
    return true;
  }
  if (type == "Prepend") {
    const std::string *prepend = text(*normalizer, "prepend");
    if (prepend)
      model.normalizer.push_back({ESPALIER_NORMALIZE_PREPEND, 0, 0, *prepend});
    return prepend;
  }
  if (type == "Replace")
    return readReplace(*normalizer);
  if (type == "Precompiled")
    return readCharsmap(*normalizer);
  return unsupported("normaliser " + quoted(type));
}

const std::string *Reader::patternOf(const Value &step, bool &isExpression) {
  const Value *pattern = step.find("pattern");
  const Value *string = pattern ? pattern->find("String") : nullptr;
  const Value *regex = pattern ? pattern->find("Regex") : nullptr;
  isExpression = !string;
  const Value *value = string ? string : regex;
  const std::string *text = value ? value->asString() : nullptr;
  if (!text) {
    expected("pattern", "an object with a string", pattern);
    return nullptr;
  }
  isExpression = isExpression && !isLiteral(*text);
  return text;
}

bool Reader::readReplace(const Value &replace) {
  bool isExpression = false;
  const std::string *pattern = patternOf(replace, isExpression);
  const std::string *content = pattern ? text(replace, "content") : nullptr;
  if (!content)
    return false;
  if (!isExpression)
    model.normalizer.push_back(
        {ESPALIER_NORMALIZE_REPLACE, 0, 0, *pattern, *content});
  else if (*pattern == " {2,}")
    model.normalizer.push_back(
        {ESPALIER_NORMALIZE_REPLACE_SPACES, 0, 0, {}, *content});
  else
    return unsupported("normaliser Replace of " + quoted(*pattern));
  return true;
}

/// The map is the bytes of a double array, after their number, and the results.
bool Reader::readCharsmap(const Value &precompiled) {
  const std::string *encoded = text(precompiled, "precompiled_charsmap");
  if (!encoded)
    return false;
  if (encoded->empty()) // maps nothing
    return true;
  if (!model.charsmap.empty())
    return unsupported("two precompiled character maps");
  std::optional<std::string> bytes = decodeBase64(*encoded);
  uint32_t size = 0;
  auto word = [&](size_t at) {
    uint32_t value = 0;
    for (int i = 3; i >= 0; --i)
      value = value << 8 | static_cast<uint8_t>((*bytes)[at + size_t(i)]);
    return value;
  };
  if (bytes && bytes->size() >= 4)
    size = word(0);
  if (!bytes || bytes->size() < 4 || size % 4 != 0 || size > bytes->size() - 4)
    return malformed("tokenizer.json: 'precompiled_charsmap': expected Base64 "
                     "of a double array with its size and text");
  for (size_t at = 4; at < size_t(size) + 4; at += 4)
    model.charsmap.push_back(word(at));
  model.charsmapText = bytes->substr(size_t(size) + 4);
  model.normalizer.push_back({ESPALIER_NORMALIZE_CHARSMAP});
  return true;
}

bool Reader::readPreTokenizer(const Value *pre) {
  if (isNone(pre))
    return true;
  std::string_view type = typeOf(pre);
  if (type == "Sequence") {
    const json::Array *steps = stepsOf(*pre, "pretokenizers");
    if (!steps)
      return expected("pre_tokenizer.pretokenizers", "an array",
                      pre->find("pretokenizers"));
    return std::all_of(steps->begin(), steps->end(), [&](const Value &step) {
      return readPreTokenizer(&step);
    });
  }
  auto split = [&](uint32_t expression, uint32_t behavior) {
    model.pieces.push_back({ESPALIER_PIECES_SPLIT, expression, behavior});
    return true;
  };
  if (type == "ByteLevel")
    return readByteLevel(*pre);
  if (type == "Split")
    return readSplit(*pre);
  if (type == "Digits")
    return split(ESPALIER_SPLIT_NUMERIC, flag(*pre, "individual_digits", false)
                                             ? ESPALIER_BEHAVIOR_ISOLATED
                                             : ESPALIER_BEHAVIOR_CONTIGUOUS);
  if (type == "Punctuation") {
    uint32_t behavior = 0;
    return readBehavior(*pre, "Isolated", behavior) &&
           split(ESPALIER_SPLIT_PUNCTUATION, behavior);
  }
  if (type == "Whitespace")
    return split(ESPALIER_SPLIT_WORDS,
                 ESPALIER_BEHAVIOR_REMOVED | ESPALIER_BEHAVIOR_INVERT);
  if (type == "WhitespaceSplit")
    return split(ESPALIER_SPLIT_WHITE_SPACE, ESPALIER_BEHAVIOR_REMOVED);
  if (type == "Metaspace") {
    uint32_t prepend = 0;
    std::string mark;
    if (!readMetaspace(*pre, prepend, mark))
      return false;
    model.pieces.push_back({ESPALIER_PIECES_METASPACE, prepend, 0, mark});
    if (flag(*pre, "split", true))
      model.pieces.push_back({ESPALIER_PIECES_SPLIT, ESPALIER_SPLIT_LITERAL,
                              ESPALIER_BEHAVIOR_NEXT, mark});
    return true;
  }
  return unsupported("pre-tokenizer " + quoted(type));
}

bool Reader::readByteLevel(const Value &byteLevel) {
  if (flag(byteLevel, "add_prefix_space", true))
    model.pieces.push_back({ESPALIER_PIECES_PREFIX_SPACE});
  if (flag(byteLevel, "use_regex", true))
    model.pieces.push_back({ESPALIER_PIECES_SPLIT, ESPALIER_SPLIT_GPT2});
  model.pieces.push_back({ESPALIER_PIECES_BYTES});
  return true;
}

bool Reader::readBehavior(const Value &step, const char *otherwise,
                          uint32_t &flags) {
  struct Known {
    std::string_view name;
    uint32_t behavior;
  };
  static constexpr Known known[] = {
      {"Isolated", ESPALIER_BEHAVIOR_ISOLATED},
      {"Removed", ESPALIER_BEHAVIOR_REMOVED},
      {"Contiguous", ESPALIER_BEHAVIOR_CONTIGUOUS},
      {"MergedWithPrevious", ESPALIER_BEHAVIOR_PREVIOUS},
      {"MergedWithNext", ESPALIER_BEHAVIOR_NEXT}};
  std::string name = otherwise;
  if (step.find("behavior")) {
    const std::string *given = text(step, "behavior");
    if (!given)
      return false;
    name = *given;
  }
  for (const Known &k : known)
    if (k.name == name) {
      flags = k.behavior |
              (flag(step, "invert", false) ? ESPALIER_BEHAVIOR_INVERT : 0);
      return true;
    }
  return unsupported("a pre-tokenizer with behaviour " + quoted(name));
}

bool Reader::readSplit(const Value &split) {
  bool isExpression = false;
  const std::string *pattern = patternOf(split, isExpression);
  uint32_t behavior = 0;
  if (!pattern || !readBehavior(split, "", behavior))
    return false;
  if (!isExpression) {
    model.pieces.push_back(
        {ESPALIER_PIECES_SPLIT, ESPALIER_SPLIT_LITERAL, behavior, *pattern});
    return true;
  }
  for (const KnownSplit &known : knownSplits)
    if (known.expression == *pattern) {
      model.pieces.push_back({ESPALIER_PIECES_SPLIT, known.split, behavior});
      return true;
    }
  return unsupported("split expression " + quoted(*pattern));
}

bool Reader::readMetaspace(const Value &metaspace, uint32_t &prepend,
                           std::string &mark) {
  const std::string *replacement = text(metaspace, "replacement");
  if (!replacement)
    return false;
  mark = *replacement;
  std::string scheme = "always";
  if (!isNone(metaspace.find("prepend_scheme"))) {
    const std::string *given = text(metaspace, "prepend_scheme");
    if (!given)
      return false;
    scheme = *given;
  }
  if (!flag(metaspace, "add_prefix_space", true))
    scheme = "never";
  if (scheme != "always" && scheme != "first" && scheme != "never")
    return unsupported("Metaspace with prepend_scheme " + quoted(scheme));
  prepend = scheme == "always"  ? ESPALIER_PREPEND_ALWAYS
            : scheme == "first" ? ESPALIER_PREPEND_FIRST
                                : ESPALIER_PREPEND_NEVER;
  return true;
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
  if (isNone(decoder)) {
    model.decoder.push_back({ESPALIER_DECODE_JOIN});
    return true;
  }
  if (typeOf(decoder) != "Sequence")
    return readDecoderStep(*decoder);
  const json::Array *steps = stepsOf(*decoder, "decoders");
  if (!steps)
    return expected("decoder.decoders", "an array", decoder->find("decoders"));
  return std::all_of(steps->begin(), steps->end(),
                     [&](const Value &step) { return readDecoderStep(step); });
}

bool Reader::readDecoderStep(const Value &step) {
  std::string_view type = typeOf(&step);
  if (type == "ByteLevel") {
    model.decoder.push_back({ESPALIER_DECODE_BYTES});
    return true;
  }
  if (type == "ByteFallback") {
    model.decoder.push_back({ESPALIER_DECODE_BYTE_FALLBACK});
    return true;
  }
  if (type == "Fuse") {
    model.decoder.push_back({ESPALIER_DECODE_FUSE});
    return true;
  }
  if (type == "Replace") {
    bool isExpression = false;
    const std::string *pattern = patternOf(step, isExpression);
    const std::string *content = pattern ? text(step, "content") : nullptr;
    if (!content)
      return false;
    if (isExpression)
      return unsupported("decoder Replace of " + quoted(*pattern));
    model.decoder.push_back(
        {ESPALIER_DECODE_REPLACE, 0, 0, *pattern, *content});
    return true;
  }
  if (type == "Metaspace") {
    uint32_t prepend = 0;
    std::string mark;
    if (!readMetaspace(step, prepend, mark))
      return false;
    model.decoder.push_back({ESPALIER_DECODE_METASPACE,
                             prepend != ESPALIER_PREPEND_NEVER, 0, mark});
    return true;
  }
  if (type != "Strip")
    return unsupported("decoder " + quoted(type));
  const std::string *content = text(step, "content");
  if (!content)
    return false;
  uint32_t counts[2] = {};
  for (int i = 0; i < 2; ++i) {
    const char *key = i == 0 ? "start" : "stop";
    const Value *value = step.find(key);
    std::optional<uint64_t> count = value ? value->asUnsigned() : std::nullopt;
    if (!count || *count > UINT32_MAX)
      return expected(key, "a small number", value);
    counts[i] = static_cast<uint32_t>(*count);
  }
  model.decoder.push_back(
      {ESPALIER_DECODE_STRIP, counts[0], counts[1], *content});
  return true;
}

} // namespace espalier::tokenizer
