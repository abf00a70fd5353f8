//===- Characters.cpp - Characters as Python sees them ----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Characters.h"

#include "espalier/Support/Utf8.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utf8proc.h>

using namespace espalier;
using namespace espalier::chat;

bool chat::isSpace(uint32_t c) {
  return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20) || c == 0x85 ||
         c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

size_t chat::spaceBefore(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    DecodedScalar c = decodeUtf8(text, at);
    if (!isSpace(c.scalar))
      break;
    at += c.length;
  }
  return at;
}

/// The byte where the character before byte `end` begins.
static size_t previous(std::string_view text, size_t end) {
  do
    --end;
  while (end > 0 && (uint8_t(text[end]) & 0xc0) == 0x80);
  return end;
}

size_t chat::spaceAfter(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t begin = previous(text, end);
    if (!isSpace(decodeUtf8(text, begin).scalar))
      break;
    end = begin;
  }
  return text.size() - end;
}

size_t chat::length(std::string_view text) {
  size_t count = 0;
  for (char c : text)
    count += (uint8_t(c) & 0xc0) != 0x80;
  return count;
}

size_t chat::offsetOf(std::string_view text, size_t index) {
  size_t at = 0;
  for (; at < text.size(); ++at)
    if ((uint8_t(text[at]) & 0xc0) != 0x80 && index-- == 0)
      break;
  return at;
}

size_t chat::find(std::string_view text, std::string_view needle, size_t from) {
  if (from > text.size())
    return std::string_view::npos;
  if (needle.empty())
    return from;
  if (needle.size() > text.size() - from)
    return std::string_view::npos;
  const void *found = memmem(text.data() + from, text.size() - from,
                             needle.data(), needle.size());
  if (!found)
    return std::string_view::npos;
  return size_t(static_cast<const char *>(found) - text.data());
}

//===--- Case -------------------------------------------------------------===//

namespace {

/// Characters that become several in upper case (SpecialCasing.txt), without
/// the Greek ones with iota, which follow a rule.
struct Expansion {
  uint16_t from, to[3];
};
constexpr Expansion expansions[] = {
    {0x00df, {0x53, 0x53}},          {0x0149, {0x2bc, 0x4e}},
    {0x01f0, {0x4a, 0x30c}},         {0x0390, {0x399, 0x308, 0x301}},
    {0x03b0, {0x3a5, 0x308, 0x301}}, {0x0587, {0x535, 0x552}},
    {0x1e96, {0x48, 0x331}},         {0x1e97, {0x54, 0x308}},
    {0x1e98, {0x57, 0x30a}},         {0x1e99, {0x59, 0x30a}},
    {0x1e9a, {0x41, 0x2be}},         {0x1f50, {0x3a5, 0x313}},
    {0x1f52, {0x3a5, 0x313, 0x300}}, {0x1f54, {0x3a5, 0x313, 0x301}},
    {0x1f56, {0x3a5, 0x313, 0x342}}, {0x1fb2, {0x1fba, 0x399}},
    {0x1fb3, {0x391, 0x399}},        {0x1fb4, {0x386, 0x399}},
    {0x1fb6, {0x391, 0x342}},        {0x1fb7, {0x391, 0x342, 0x399}},
    {0x1fbc, {0x391, 0x399}},        {0x1fc2, {0x1fca, 0x399}},
    {0x1fc3, {0x397, 0x399}},        {0x1fc4, {0x389, 0x399}},
    {0x1fc6, {0x397, 0x342}},        {0x1fc7, {0x397, 0x342, 0x399}},
    {0x1fcc, {0x397, 0x399}},        {0x1fd2, {0x399, 0x308, 0x300}},
    {0x1fd3, {0x399, 0x308, 0x301}}, {0x1fd6, {0x399, 0x342}},
    {0x1fd7, {0x399, 0x308, 0x342}}, {0x1fe2, {0x3a5, 0x308, 0x300}},
    {0x1fe3, {0x3a5, 0x308, 0x301}}, {0x1fe4, {0x3a1, 0x313}},
    {0x1fe6, {0x3a5, 0x342}},        {0x1fe7, {0x3a5, 0x308, 0x342}},
    {0x1ff2, {0x1ffa, 0x399}},       {0x1ff3, {0x3a9, 0x399}},
    {0x1ff4, {0x38f, 0x399}},        {0x1ff6, {0x3a9, 0x342}},
    {0x1ff7, {0x3a9, 0x342, 0x399}}, {0x1ffc, {0x3a9, 0x399}},
    {0xfb00, {0x46, 0x46}},          {0xfb01, {0x46, 0x49}},
    {0xfb02, {0x46, 0x4c}},          {0xfb03, {0x46, 0x46, 0x49}},
    {0xfb04, {0x46, 0x46, 0x4c}},    {0xfb05, {0x53, 0x54}},
    {0xfb06, {0x53, 0x54}},          {0xfb13, {0x544, 0x546}},
    {0xfb14, {0x544, 0x535}},        {0xfb15, {0x544, 0x53b}},
    {0xfb16, {0x54e, 0x546}},        {0xfb17, {0x544, 0x53d}},
};

/// The upper case of `c`; the number of characters.
unsigned upperOf(uint32_t c, uint32_t (&to)[3]) {
  if (c < 0x80) {
    to[0] = c >= 'a' && c <= 'z' ? c - 32 : c;
    return 1;
  }
  if (c >= 0x1f80 && c <= 0x1faf) {
    uint32_t base = c < 0x1f90 ? 0x1f08 : c < 0x1fa0 ? 0x1f28 : 0x1f68;
    to[0] = base + (c & 7);
    to[1] = 0x399;
    return 2;
  }
  const Expansion *found = std::lower_bound(
      std::begin(expansions), std::end(expansions), c,
      [](const Expansion &e, uint32_t c) { return e.from < c; });
  if (found == std::end(expansions) || found->from != c) {
    to[0] = uint32_t(utf8proc_toupper(utf8proc_int32_t(c)));
    return 1;
  }
  unsigned count = 0;
  for (; count < 3 && found->to[count]; ++count)
    to[count] = found->to[count];
  return count;
}

utf8proc_category_t categoryOf(uint32_t c) {
  return utf8proc_category(utf8proc_int32_t(c));
}

void appendUpper(std::string &out, uint32_t c) {
  uint32_t to[3];
  for (unsigned i = 0, count = upperOf(c, to); i < count; ++i)
    appendUtf8(out, to[i]);
}

bool isMark(uint32_t c) {
  utf8proc_category_t category = categoryOf(c);
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
         category == UTF8PROC_CATEGORY_CF || c == '\'' || c == 0x2019;
}

/// A capital sigma that ends a word becomes another letter.
bool endsWord(std::string_view text, size_t begin, size_t end) {
  size_t at = begin;
  for (;;) {
    if (at == 0)
      return false;
    at = previous(text, at);
    uint32_t c = decodeUtf8(text, at).scalar;
    if (isMark(c))
      continue;
    if (!caseOf(c))
      return false;
    break;
  }
  while (end < text.size()) {
    DecodedScalar c = decodeUtf8(text, end);
    if (!isMark(c.scalar))
      return !caseOf(c.scalar);
    end += c.length;
  }
  return true;
}

void appendLower(std::string &out, std::string_view text, size_t at,
                 const DecodedScalar &c) {
  if (c.scalar < 0x80)
    out += char(c.scalar >= 'A' && c.scalar <= 'Z' ? c.scalar + 32 : c.scalar);
  else if (c.scalar == 0x130)
    out += "i\u0307";
  else if (c.scalar == 0x3a3)
    appendUtf8(out, endsWord(text, at, at + c.length) ? 0x3c2 : 0x3c3);
  else
    appendUtf8(out, uint32_t(utf8proc_tolower(utf8proc_int32_t(c.scalar))));
}

void appendTitle(std::string &out, uint32_t c) {
  uint32_t title = c < 0x80 ? c : uint32_t(utf8proc_totitle(int32_t(c)));
  uint32_t to[3];
  unsigned count = upperOf(c, to);
  if (title != c || count == 1) {
    appendUtf8(out, c < 0x80 ? to[0] : title);
    return;
  }
  appendUtf8(out, to[0]);
  for (unsigned i = 1; i < count; ++i)
    appendUtf8(out, uint32_t(utf8proc_tolower(int32_t(to[i]))));
}

template <typename Each> std::string mapped(std::string_view text, Each each) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    DecodedScalar c = decodeUtf8(text, at);
    each(out, at, c);
    at += c.length;
  }
  return out;
}

} // namespace

int chat::caseOf(uint32_t c) {
  switch (categoryOf(c)) {
  case UTF8PROC_CATEGORY_LL:
    return 1;
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LT:
    return 2;
  default:
    return 0;
  }
}

std::string chat::toUpper(std::string_view text) {
  return mapped(text, [](std::string &out, size_t, const DecodedScalar &c) {
    appendUpper(out, c.scalar);
  });
}

std::string chat::toLower(std::string_view text) {
  return mapped(text, [&](std::string &out, size_t at, const DecodedScalar &c) {
    appendLower(out, text, at, c);
  });
}

std::string chat::capitalize(std::string_view text) {
  return mapped(text, [&](std::string &out, size_t at, const DecodedScalar &c) {
    if (at == 0)
      appendTitle(out, c.scalar);
    else
      appendLower(out, text, at, c);
  });
}

std::string chat::toTitle(std::string_view text) {
  bool behind = false;
  return mapped(text, [&](std::string &out, size_t at, const DecodedScalar &c) {
    if (behind)
      appendLower(out, text, at, c);
    else
      appendTitle(out, c.scalar);
    behind = caseOf(c.scalar) != 0;
  });
}

std::string chat::swapCase(std::string_view text) {
  return mapped(text, [&](std::string &out, size_t at, const DecodedScalar &c) {
    if (caseOf(c.scalar) == 2)
      appendLower(out, text, at, c);
    else
      appendUpper(out, c.scalar);
  });
}

//===--- Classes ----------------------------------------------------------===//

bool chat::isAlpha(uint32_t c) {
  utf8proc_category_t category = categoryOf(c);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool chat::isAlnum(uint32_t c) {
  utf8proc_category_t category = categoryOf(c);
  return isAlpha(c) || category == UTF8PROC_CATEGORY_ND ||
         category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
}

bool chat::isDigit(uint32_t c) {
  return categoryOf(c) == UTF8PROC_CATEGORY_ND || c == 0xb2 || c == 0xb3 ||
         c == 0xb9 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079) ||
         (c >= 0x2080 && c <= 0x2089);
}

bool chat::isPrintable(uint32_t c) {
  switch (categoryOf(c)) {
  case UTF8PROC_CATEGORY_CC:
  case UTF8PROC_CATEGORY_CF:
  case UTF8PROC_CATEGORY_CS:
  case UTF8PROC_CATEGORY_CO:
  case UTF8PROC_CATEGORY_CN:
  case UTF8PROC_CATEGORY_ZL:
  case UTF8PROC_CATEGORY_ZP:
    return false;
  case UTF8PROC_CATEGORY_ZS:
    return c == ' ';
  default:
    return true;
  }
}
