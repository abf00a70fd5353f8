//===- NormalizeSteps.cpp - The steps of a normaliser ---------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Every step but the normalisation forms, and their order. A step writes into
/// the storage that the text before it does not lie in.
///
//===----------------------------------------------------------------------===//

#include "Characters.h"
#include "Normalize.h"

#include "espalier/Support/Utf8.h"

#include <utf8proc.h>

namespace espalier::text {

namespace {

/// One step on one text.
class Step {
public:
  Step(const Normalizer &normalizer, const espalier_tokenizer_step &step,
       std::string_view text, std::string &out, size_t limit)
      : normalizer(normalizer), step(step), text(text), out(out), limit(limit) {
  }

  std::string_view run();

  bool atStart = true; ///< of the first character, see Normalizer::Result

private:
  std::string_view strip();
  std::string_view lowercase();
  std::string_view filter();
  std::string_view replace();
  std::string_view replaceSpaces();
  std::string_view mapGraphemes();
  void mapGrapheme(std::string_view grapheme);

  const Normalizer &normalizer;
  const espalier_tokenizer_step &step;
  std::string_view text;
  std::string &out;
  size_t limit; ///< beyond it the result is not used
};

std::string_view Step::strip() {
  size_t begin = 0, end = text.size();
  while ((step.option & 1) && begin < end) {
    Scalar scalar = scalarAt(text, begin);
    if (classOf(scalar.value) != Space)
      break;
    begin += scalar.length;
  }
  while ((step.option & 2) && end > begin) {
    Scalar scalar = scalarBefore(text, end);
    if (classOf(scalar.value) != Space)
      break;
    end -= scalar.length;
  }
  atStart = begin == 0;
  return text.substr(begin, end - begin);
}

std::string_view Step::lowercase() {
  for (size_t i = 0; i < text.size();) {
    Scalar scalar = scalarAt(text, i);
    i += scalar.length;
    appendUtf8(out, static_cast<uint32_t>(utf8proc_tolower(
                        static_cast<utf8proc_int32_t>(scalar.value))));
    // The only character whose lower case is two: I with a dot above.
    if (scalar.value == 0x130) {
      out.resize(out.size() - 1);
      out += "i\u0307";
    }
  }
  return out;
}

bool isDroppedByNmt(uint32_t c) {
  return (c >= 0x1 && c <= 0x8) || c == 0xb || (c >= 0xe && c <= 0x1f) ||
         c == 0x7f || c == 0x8f || c == 0x9f;
}

bool isSpaceToNmt(uint32_t c) {
  return c == 0x9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 ||
         (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 ||
         c == 0x2581 || c == 0xfeff || c == 0xfffd;
}

std::string_view Step::filter() {
  for (size_t i = 0; i < text.size();) {
    Scalar scalar = scalarAt(text, i);
    bool accents = step.kind == ESPALIER_NORMALIZE_STRIP_ACCENTS;
    if (accents ? classOf(scalar.value) == Mark
                : isDroppedByNmt(scalar.value)) {
      atStart = atStart && !out.empty();
    } else if (!accents && isSpaceToNmt(scalar.value)) {
      out += ' ';
    } else {
      out += text.substr(i, scalar.length);
    }
    i += scalar.length;
  }
  return out;
}

std::string_view Step::replace() {
  std::string_view from = normalizer.textOf(step);
  std::string_view to = normalizer.contentOf(step);
  size_t copied = 0, at = text.find(from);
  if (at == text.npos)
    return text;
  if (at == 0)
    atStart = !to.empty() && scalarAt(from, 0).length == from.size();
  for (; at != text.npos && out.size() <= limit; at = text.find(from, copied)) {
    out += text.substr(copied, at - copied);
    out += to;
    copied = at + from.size();
  }
  out += text.substr(copied);
  return out;
}

std::string_view Step::replaceSpaces() {
  size_t copied = 0;
  for (size_t i = 0; i < text.size() && out.size() <= limit;) {
    if (text[i] != ' ') {
      ++i;
      continue;
    }
    size_t end = text.find_first_not_of(' ', i);
    if (end == text.npos)
      end = text.size();
    if (end - i >= 2) {
      atStart = atStart && i > 0;
      out += text.substr(copied, i - copied);
      out += normalizer.contentOf(step);
      copied = end;
    }
    i = end;
  }
  out += text.substr(copied);
  return out;
}

void Step::mapGrapheme(std::string_view grapheme) {
  if (grapheme.size() < 6)
    if (auto mapped = mapCharacters(normalizer, grapheme)) {
      out += *mapped;
      return;
    }
  for (size_t i = 0; i < grapheme.size();) {
    std::string_view part = grapheme.substr(i, scalarAt(grapheme, i).length);
    if (auto mapped = mapCharacters(normalizer, part))
      out += *mapped;
    else
      out += part;
    i += part.size();
  }
}

std::string_view Step::mapGraphemes() {
  size_t begin = 0;
  utf8proc_int32_t state = 0, last = -1;
  for (size_t i = 0; i < text.size() && out.size() <= limit;) {
    Scalar scalar = scalarAt(text, i);
    auto value = static_cast<utf8proc_int32_t>(scalar.value);
    if (last >= 0 && utf8proc_grapheme_break_stateful(last, value, &state)) {
      mapGrapheme(text.substr(begin, i - begin));
      begin = i;
    }
    last = value;
    i += scalar.length;
  }
  if (begin < text.size())
    mapGrapheme(text.substr(begin));
  return out;
}

std::string_view Step::run() {
  switch (step.kind) {
  case ESPALIER_NORMALIZE_LOWERCASE:
    return lowercase();
  case ESPALIER_NORMALIZE_STRIP:
    return strip();
  case ESPALIER_NORMALIZE_STRIP_ACCENTS:
  case ESPALIER_NORMALIZE_NMT:
    return filter();
  case ESPALIER_NORMALIZE_PREPEND:
    return text.empty() ? text : (out += normalizer.textOf(step)) += text;
  case ESPALIER_NORMALIZE_REPLACE:
    return replace();
  case ESPALIER_NORMALIZE_REPLACE_SPACES:
    return replaceSpaces();
  case ESPALIER_NORMALIZE_CHARSMAP:
    return mapGraphemes();
  default:
    return normalizeForm(step.kind, text, out);
  }
}

} // namespace

std::optional<Normalizer::Result> Normalizer::apply(std::string_view text,
                                                    Storage &storage) const {
  Result result = {text};
  // The forms grow text up to elevenfold, and a space becomes three bytes.
  const size_t limit = 40 * text.size() + 4096;
  int from = 1;
  for (const espalier_tokenizer_step &step : steps) {
    std::string &out = storage.texts[1 - from];
    out.clear();
    Step one(*this, step, result.text, out, limit);
    std::string_view after = one.run();
    result.atStart = result.atStart && one.atStart;
    if (after.data() == out.data())
      from = 1 - from;
    result.text = after;
    if (after.size() > limit)
      return std::nullopt;
  }
  return result;
}

/// The double array is Darts-clone's: a unit holds a label, an offset to its
/// children and whether one of them is a leaf, whose unit is the value.
std::optional<std::string_view> mapCharacters(const Normalizer &normalizer,
                                              std::string_view text) {
  std::span<const uint32_t> units = normalizer.map;
  auto offsetOf = [](uint32_t unit) {
    return (unit >> 10) << ((unit & 0x200) >> 6);
  };
  if (units.empty())
    return std::nullopt;
  uint32_t position = offsetOf(units[0]);
  for (char c : text) {
    auto byte = static_cast<uint8_t>(c);
    if (byte == 0)
      return std::nullopt;
    position ^= byte;
    if (position >= units.size())
      return std::nullopt;
    uint32_t unit = units[position];
    if ((unit & 0x800000ff) != byte)
      return std::nullopt;
    position ^= offsetOf(unit);
    if (!(unit & 0x100))
      continue;
    if (position >= units.size())
      return std::nullopt;
    size_t begin = units[position] & 0x7fffffff;
    std::string_view all = normalizer.mapText;
    if (begin >= all.size() ||
        (static_cast<uint8_t>(all[begin]) & 0xc0) == 0x80)
      return std::nullopt;
    return all.substr(begin, all.find('\0', begin) - begin);
  }
  return std::nullopt;
}

} // namespace espalier::text
