//===- Split.cpp - Matchers of the split expressions ----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Each matcher tries the alternatives of its expression in their order. Where
/// classes of neighbouring parts are disjoint nothing backtracks; `s*[\r\n]+`
/// and `s+(?!S)` both end inside the run of white space that they begin; what
/// else backtracks says why that is bounded.
///
//===----------------------------------------------------------------------===//

#include "Split.h"
#include "Characters.h"

namespace espalier::text {

namespace {

bool isLineEnd(char c) { return c == '\r' || c == '\n'; }

struct Char {
  Class cls;
  uint32_t length;
};

Char charAt(std::string_view text, size_t offset) {
  Scalar scalar = scalarAt(text, offset);
  return {classOf(scalar.value), scalar.length};
}

/// The class at `offset`, 0 at the end.
unsigned classAt(std::string_view text, size_t offset) {
  return offset < text.size() ? charAt(text, offset).cls : 0;
}

/// The end of the run of `classes` that begins at `offset`, perhaps empty.
size_t skip(unsigned classes, std::string_view text, size_t offset) {
  while (offset < text.size()) {
    Char c = charAt(text, offset);
    if (!(c.cls & classes))
      break;
    offset += c.length;
  }
  return offset;
}

/// Up to `limit` numbers.
size_t skipNumbers(std::string_view text, size_t offset, int limit) {
  for (int i = 0; i < limit && offset < text.size(); ++i) {
    Char c = charAt(text, offset);
    if (c.cls != Number)
      break;
    offset += c.length;
  }
  return offset;
}

/// All but letters, numbers and white space.
constexpr unsigned other = Mark | Punctuation | Symbol | Remaining;

/// The length of 's, 't, 're, 've, 'm, 'll or 'd at `offset`, or 0.
size_t contraction(std::string_view text, size_t offset, bool anyCase) {
  if (offset + 1 >= text.size() || text[offset] != '\'')
    return 0;
  auto at = [&](size_t i) {
    char c = offset + i < text.size() ? text[offset + i] : '\0';
    return anyCase && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  char first = at(1), second = at(2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd')
    return 2;
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
      (first == 'l' && second == 'l'))
    return 3;
  // U+017F, long s, is an s to a match that ignores case.
  if (anyCase && text.substr(offset + 1, 2) == "\xc5\xbf")
    return 3;
  return 0;
}

/// `s+(?!S)|s+`, where the run of white space is [offset, end): the last
/// character goes to what follows, unless it is the only one or nothing does.
size_t spaces(std::string_view text, size_t offset, size_t end) {
  if (end == text.size())
    return end;
  size_t last = end - scalarBefore(text, end).length;
  return last == offset ? end : last;
}

/// `s*[\r\n]+|s+(?!S)|s+` at white space: up to the last line end of the run.
size_t linesOrSpaces(std::string_view text, size_t offset) {
  size_t end = skip(Space, text, offset);
  size_t lineEnd = end;
  while (lineEnd > offset && !isLineEnd(text[lineEnd - 1]))
    --lineEnd;
  return lineEnd > offset ? lineEnd : spaces(text, offset, end);
}

size_t matchGpt2(std::string_view text, size_t offset) {
  Char first = charAt(text, offset);
  if (size_t length = contraction(text, offset, /*anyCase=*/false))
    return offset + length;
  size_t start = offset;
  if (text[offset] == ' ' && offset + 1 < text.size()) {
    Char second = charAt(text, offset + 1);
    if (second.cls != Space) {
      start = offset + 1;
      first = second;
    }
  }
  if (first.cls == Space)
    return spaces(text, offset, skip(Space, text, offset + first.length));
  unsigned classes = first.cls & Letter    ? unsigned(Letter)
                     : first.cls == Number ? unsigned(Number)
                                           : other;
  return skip(classes, text, start + first.length);
}

/// `letters` is L, or L and M.
size_t matchLlama3(std::string_view text, size_t offset, unsigned letters,
                   int maxDigits) {
  if (size_t length = contraction(text, offset, /*anyCase=*/true))
    return offset + length;
  Char first = charAt(text, offset);
  if (first.cls & letters)
    return skip(letters, text, offset + first.length);
  if (first.cls == Number)
    return skipNumbers(text, offset, maxDigits);

  size_t next = offset + first.length;
  unsigned second = classAt(text, next);
  if ((second & letters) && !isLineEnd(text[offset]))
    return skip(letters, text, next);
  const unsigned others = other & ~letters;
  if ((first.cls & others) || (text[offset] == ' ' && (second & others))) {
    size_t end = skip(others, text, next);
    while (end < text.size() && isLineEnd(text[end]))
      ++end;
    return end;
  }
  return linesOrSpaces(text, offset);
}

constexpr unsigned bothCases = Caseless | Mark;
constexpr unsigned upperCase = Upper | bothCases;
constexpr unsigned lowerCase = Lower | bothCases;

/// `U*l+` or, where that does not match, `U+l*`, U and l being `upperCase` and
/// `lowerCase`, at `offset`; `offset` where neither does. Where no l follows
/// the run of U, `U*` gives back all from the last character that is in both
/// classes: what is after it is no l, so `l+` matches just that one. The rest
/// of the run, looked at once more as the next piece, holds none of both.
size_t matchWord(std::string_view text, size_t offset, bool &lowered) {
  size_t end = offset, lastBoth = offset;
  while (end < text.size()) {
    Char c = charAt(text, end);
    if (!(c.cls & upperCase))
      break;
    end += c.length;
    if (c.cls & bothCases)
      lastBoth = end;
  }
  lowered = true;
  if (classAt(text, end) & lowerCase)
    return skip(lowerCase, text, end);
  if (lastBoth > offset)
    return lastBoth;
  lowered = false;
  return end;
}

size_t matchO200k(std::string_view text, size_t offset, bool contractions,
                  int maxDigits) {
  Char first = charAt(text, offset);
  // The character that may stand before a word: not \r, \n, letter, number.
  size_t start = offset;
  if (!(first.cls & (Letter | Number)) && !isLineEnd(text[offset]))
    start += first.length;
  bool lowered = false;
  size_t end = start < text.size() ? matchWord(text, start, lowered) : start;
  if (start > offset && first.cls == Mark && !(end > start && lowered)) {
    // A mark is in U and l itself: without it before, the first alternative
    // still matches, the mark alone.
    end = start;
    lowered = true;
  } else if (end == start) {
    end = offset;
  }
  if (end > offset) {
    if (contractions)
      end += contraction(text, end, /*anyCase=*/true);
    return end;
  }
  if (first.cls == Number)
    return skipNumbers(text, offset, maxDigits);
  size_t next = offset + first.length;
  if ((first.cls & other) ||
      (text[offset] == ' ' && (classAt(text, next) & other))) {
    end = skip(other, text, next);
    while (end < text.size() && (isLineEnd(text[end]) || text[end] == '/'))
      ++end;
    return end;
  }
  return linesOrSpaces(text, offset);
}

bool isAsciiPunctuation(uint32_t c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') ||
         (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

bool isAsciiLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

size_t matchDeepSeek3(std::string_view text, size_t offset) {
  Char first = charAt(text, offset);
  size_t next = offset + first.length;
  if (isAsciiPunctuation(static_cast<uint8_t>(text[offset])) &&
      next < text.size() && isAsciiLetter(text[next])) {
    while (next < text.size() && isAsciiLetter(text[next]))
      ++next;
    return next;
  }
  unsigned second = classAt(text, next);
  if (first.cls & (Letter | Mark))
    return skip(Letter | Mark, text, next);
  constexpr unsigned signs = Punctuation | Symbol;
  if (!(first.cls & signs) && !isLineEnd(text[offset]) &&
      (second & (Letter | Mark)))
    return skip(Letter | Mark, text, next);
  if ((first.cls & signs) || (text[offset] == ' ' && (second & signs))) {
    size_t end = skip(signs, text, next);
    while (end < text.size() && isLineEnd(text[end]))
      ++end;
    return end;
  }
  return first.cls == Space ? linesOrSpaces(text, offset) : offset;
}

bool isBloomWord(uint32_t scalar) {
  switch (scalar) {
  case '(':
  case ')':
  case '|':
  case '.':
  case ',':
  case '!':
  case '?':
  case 0x2026: // horizontal ellipsis
  case 0x3002: // ideographic full stop
  case 0xff0c: // fullwidth comma
  case 0x3001: // ideographic comma
  case 0x0964: // danda
  case 0x06d4: // Arabic full stop
  case 0x060c: // Arabic comma
    return false;
  default:
    return classOf(scalar) != Space;
  }
}

/// The run of characters that `test` accepts.
template <typename Fn>
size_t skipWhere(std::string_view text, size_t offset, Fn test) {
  while (offset < text.size()) {
    Scalar scalar = scalarAt(text, offset);
    if (!test(scalar.value))
      break;
    offset += scalar.length;
  }
  return offset;
}

size_t matchBloom(std::string_view text, size_t offset) {
  size_t start = text[offset] == ' ' ? offset + 1 : offset;
  size_t end = skipWhere(text, start, isBloomWord);
  return end > start ? end : offset;
}

/// `s?` and one or more of `classes`.
size_t matchAfterSpace(std::string_view text, size_t offset, unsigned classes) {
  Char first = charAt(text, offset);
  size_t start = first.cls == Space ? offset + first.length : offset;
  size_t end = skip(classes, text, start);
  return end > start ? end : offset;
}

size_t matchThreeDigits(std::string_view text, size_t offset) {
  for (size_t i = 0; i < 3; ++i)
    if (offset + i >= text.size() || text[offset + i] < '0' ||
        text[offset + i] > '9')
      return offset;
  return offset + 3;
}

size_t matchWords(std::string_view text, size_t offset) {
  size_t end = skipWhere(text, offset, isWord);
  if (end > offset)
    return end;
  return skipWhere(text, offset, [](uint32_t scalar) {
    return !isWord(scalar) && classOf(scalar) != Space;
  });
}

} // namespace

size_t matchAt(uint32_t expression, std::string_view literal,
               std::string_view text, size_t offset) {
  auto one = [&](auto test) {
    Scalar scalar = scalarAt(text, offset);
    return test(scalar.value) ? offset + scalar.length : offset;
  };
  switch (expression) {
  case ESPALIER_SPLIT_GPT2:
    return matchGpt2(text, offset);
  case ESPALIER_SPLIT_LLAMA3:
    return matchLlama3(text, offset, Letter, /*maxDigits=*/3);
  case ESPALIER_SPLIT_QWEN2:
    return matchLlama3(text, offset, Letter, /*maxDigits=*/1);
  case ESPALIER_SPLIT_QWEN35:
    return matchLlama3(text, offset, Letter | Mark, /*maxDigits=*/1);
  case ESPALIER_SPLIT_O200K:
    return matchO200k(text, offset, /*contractions=*/true, /*maxDigits=*/3);
  case ESPALIER_SPLIT_TEKKEN:
    return matchO200k(text, offset, /*contractions=*/false, /*maxDigits=*/1);
  case ESPALIER_SPLIT_DEEPSEEK3:
    return matchDeepSeek3(text, offset);
  case ESPALIER_SPLIT_BLOOM:
    return matchBloom(text, offset);
  case ESPALIER_SPLIT_NUMBERS_3:
    return skipNumbers(text, offset, 3);
  case ESPALIER_SPLIT_NUMBER:
  case ESPALIER_SPLIT_NUMERIC:
    return skipNumbers(text, offset, 1);
  case ESPALIER_SPLIT_CJK_KANA:
    return skipWhere(text, offset, [](uint32_t c) {
      return (c >= 0x4e00 && c <= 0x9fa5) || (c >= 0x3040 && c <= 0x30ff);
    });
  case ESPALIER_SPLIT_CJK_HANGUL:
    return skipWhere(text, offset, [](uint32_t c) {
      return (c >= 0x800 && c <= 0x9fa5) || (c >= 0xac00 && c <= 0xd7ff);
    });
  case ESPALIER_SPLIT_LINE_END:
    return isLineEnd(text[offset]) ? offset + 1 : offset;
  case ESPALIER_SPLIT_SPACE_LETTERS:
    return matchAfterSpace(text, offset, Letter);
  case ESPALIER_SPLIT_SPACE_PUNCTUATION:
    return matchAfterSpace(text, offset, Punctuation);
  case ESPALIER_SPLIT_THREE_DIGITS:
    return matchThreeDigits(text, offset);
  case ESPALIER_SPLIT_PUNCTUATION:
    return one([](uint32_t c) {
      return isAsciiPunctuation(c) || classOf(c) == Punctuation;
    });
  case ESPALIER_SPLIT_WHITE_SPACE:
    return one([](uint32_t c) { return classOf(c) == Space; });
  case ESPALIER_SPLIT_WORDS:
    return matchWords(text, offset);
  default: // ESPALIER_SPLIT_LITERAL
    return text.substr(offset, literal.size()) == literal
               ? offset + literal.size()
               : offset;
  }
}

size_t matchBytesAt(uint32_t expression, std::string_view bytes,
                    size_t offset) {
  if (expression == ESPALIER_SPLIT_THREE_DIGITS)
    return matchThreeDigits(bytes, offset);
  // ESPALIER_SPLIT_NUMERIC: the alphabet shows these bytes as U+00B2 and so
  // on, superscripts and fractions.
  auto byte = static_cast<uint8_t>(bytes[offset]);
  bool numeric = (byte >= '0' && byte <= '9') || byte == 0xb2 || byte == 0xb3 ||
                 byte == 0xb9 || (byte >= 0xbc && byte <= 0xbe);
  return numeric ? offset + 1 : offset;
}

} // namespace espalier::text
