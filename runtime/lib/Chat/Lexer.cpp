//===- Lexer.cpp - A template as tokens -------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What white space belongs to a text follows Jinja to the character, with
/// trim_blocks and lstrip_blocks on, as transformers sets them: a newline
/// behind a block or comment goes, and so do blanks in front of one that begins
/// a line.
///
//===----------------------------------------------------------------------===//
#include "Characters.h"
#include "Syntax.h"

#include "espalier/Support/Utf8.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace espalier;
using namespace espalier::chat;

namespace {

bool isDecimal(char c) { return c >= '0' && c <= '9'; }
bool isNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

class Lexer {
public:
  Lexer(std::string_view source, Program &program, std::vector<Token> &tokens)
      : source(source), program(program), tokens(tokens) {}

  Status run();

private:
  bool at(std::string_view text, size_t where) const {
    return source.substr(where, text.size()) == text;
  }
  char peek(size_t ahead = 0) const {
    return pos + ahead < source.size() ? source[pos + ahead] : 0;
  }
  /// Moves on, counting lines.
  void advance(size_t end) {
    for (; pos < end; ++pos)
      line += source[pos] == '\n';
    lineStarting = end > 0 && source[end - 1] == '\n';
  }
  size_t skipSpace(size_t from) const {
    return from + spaceBefore(source.substr(from));
  }
  void push(TokenKind kind, std::string_view text) {
    Token token;
    token.kind = kind;
    token.line = line;
    token.text = text;
    tokens.push_back(token);
  }
  bool fail(const std::string &message) {
    error = errorAt(line, message);
    return false;
  }

  bool root();
  void data(std::string_view text, char sign, bool isVariable);
  bool comment();
  bool raw(size_t begin);
  bool expression(bool isBlock);
  bool token();
  bool number();
  bool text(char quote);
  bool unescape(std::string_view body, std::string &out);
  bool bracket(char c);

  std::string_view source;
  Program &program;
  std::vector<Token> &tokens;
  std::string brackets; ///< those that are open, as what closes them
  size_t pos = 0;
  uint32_t line = 1;
  bool lineStarting = true;
  Error error;
};

/// A text in front of a tag, less the white space that the tag takes.
void Lexer::data(std::string_view text, char sign, bool isVariable) {
  if (sign == '-') {
    text.remove_suffix(spaceAfter(text));
  } else if (sign != '+' && !isVariable) {
    size_t begin = text.rfind('\n') + 1; // 0 where there is none
    std::string_view blanks = text.substr(begin);
    if ((begin > 0 || lineStarting) && !blanks.empty() &&
        spaceBefore(blanks) == blanks.size())
      text = text.substr(0, begin);
  }
  if (!text.empty())
    push(TokenKind::Data, text);
}

bool Lexer::root() {
  size_t tag = source.find('{', pos);
  while (tag != std::string_view::npos &&
         (tag + 1 >= source.size() || !strchr("%{#", source[tag + 1]) ||
          source[tag + 1] == 0))
    tag = source.find('{', tag + 1);
  if (tag == std::string_view::npos) {
    push(TokenKind::Data, source.substr(pos));
    advance(source.size());
    return true;
  }
  std::string_view text = source.substr(pos, tag - pos);
  char type = source[tag + 1];
  size_t behind = tag + 2;
  char sign = behind < source.size() ? source[behind] : 0;
  if (sign == '-' || sign == '+')
    ++behind;
  else
    sign = 0;
  data(text, sign, type == '{');
  // {% raw %}: its own newline stays.
  if (type == '%') {
    size_t word = skipSpace(behind);
    if (at("raw", word)) {
      size_t end = skipSpace(word + 3);
      if (at("-%}", end) || at("%}", end)) {
        end = at("-%}", end) ? skipSpace(end + 3) : end + 2;
        advance(tag);
        advance(end);
        return raw(end);
      }
    }
  }
  advance(behind);
  if (type == '#')
    return comment();
  push(type == '%' ? TokenKind::BlockBegin : TokenKind::VariableBegin, {});
  return expression(type == '%');
}

bool Lexer::comment() {
  size_t end = source.find("#}", pos);
  if (end == std::string_view::npos)
    return fail("a comment has no end '#}'");
  char sign = end > pos ? source[end - 1] : 0;
  end += 2;
  if (sign == '-')
    end = skipSpace(end);
  else if (sign != '+' && end < source.size() && source[end] == '\n')
    ++end;
  advance(end);
  return true;
}

bool Lexer::raw(size_t begin) {
  for (size_t tag = source.find("{%", begin); tag != std::string_view::npos;
       tag = source.find("{%", tag + 1)) {
    size_t behind = tag + 2;
    char sign = behind < source.size() ? source[behind] : 0;
    if (sign == '-' || sign == '+')
      ++behind;
    else
      sign = 0;
    behind = skipSpace(behind);
    if (!at("endraw", behind))
      continue;
    behind = skipSpace(behind + 6);
    bool minus = at("-%}", behind), plus = at("+%}", behind);
    if (!minus && !plus && !at("%}", behind))
      continue;
    data(source.substr(begin, tag - begin), sign, false);
    behind += minus || plus ? 3 : 2;
    if (minus)
      behind = skipSpace(behind);
    else if (!plus && behind < source.size() && source[behind] == '\n')
      ++behind;
    advance(behind);
    return true;
  }
  return fail("'raw' has no end '{% endraw %}'");
}

/// The tokens of a tag to its end.
bool Lexer::expression(bool isBlock) {
  const char *close = isBlock ? "%}" : "}}";
  brackets.clear();
  while (pos < source.size()) {
    if (brackets.empty()) {
      char sign = peek();
      bool isSigned =
          (sign == '-' || (isBlock && sign == '+')) && at(close, pos + 1);
      if (isSigned || at(close, pos)) {
        push(isBlock ? TokenKind::BlockEnd : TokenKind::VariableEnd, {});
        size_t end = pos + (isSigned ? 3 : 2);
        if (isSigned && sign == '-')
          end = skipSpace(end);
        else if (isBlock && !isSigned && end < source.size() &&
                 source[end] == '\n')
          ++end;
        advance(end);
        return true;
      }
    }
    if (size_t end = skipSpace(pos); end != pos) {
      advance(end);
      continue;
    }
    if (!token())
      return false;
  }
  return fail(isBlock ? "a block has no end '%}'"
                      : "an expression has no end '}}'");
}

bool Lexer::token() {
  char c = peek();
  if (isDecimal(c))
    return number();
  if (isNameStart(c)) {
    size_t end = pos;
    while (end < source.size() &&
           (isNameStart(source[end]) || isDecimal(source[end])))
      ++end;
    if (end < source.size() && uint8_t(source[end]) >= 0x80)
      return fail("a name holds a character that is not ASCII, which is not "
                  "supported");
    push(TokenKind::Name, source.substr(pos, end - pos));
    pos = end;
    return true;
  }
  if (c == '\'' || c == '"')
    return text(c);
  for (const char *two : {"//", "**", "==", "!=", ">=", "<="})
    if (at(two, pos)) {
      push(TokenKind::Operator, source.substr(pos, 2));
      pos += 2;
      return true;
    }
  if (c && strchr("+-/*%~[](){}><=.:|,;", c)) {
    if (!bracket(c))
      return false;
    push(TokenKind::Operator, source.substr(pos, 1));
    ++pos;
    return true;
  }
  if (uint8_t(c) >= 0x80)
    return fail("a character that is not ASCII stands outside of quotes");
  return fail(std::string("unexpected character '") +
              (c >= ' ' && c < 127 ? std::string(1, c)
                                   : "\\" + std::to_string(int(c))) +
              "'");
}

bool Lexer::bracket(char c) {
  if (c == '(' || c == '[' || c == '{') {
    if (brackets.size() >= maxNesting)
      return fail("brackets are nested too deeply");
    brackets += c == '(' ? ')' : c == '[' ? ']' : '}';
    return true;
  }
  if (c != ')' && c != ']' && c != '}')
    return true;
  if (brackets.empty() || brackets.back() != c)
    return fail(std::string("unexpected '") + c + "'");
  brackets.pop_back();
  return true;
}

/// Digits with single underscores between them, from `from`; its end.
static size_t digitsEnd(std::string_view source, size_t from) {
  size_t end = from;
  while (end < source.size() && isDecimal(source[end])) {
    ++end;
    if (end + 1 < source.size() && source[end] == '_' &&
        isDecimal(source[end + 1]))
      ++end;
  }
  return end;
}

bool Lexer::number() {
  size_t end = digitsEnd(source, pos);
  bool behindDot = pos > 0 && source[pos - 1] == '.';
  bool isReal = false;
  if (!behindDot) {
    size_t dot = end;
    if (dot + 1 < source.size() && source[dot] == '.' &&
        isDecimal(source[dot + 1])) {
      end = digitsEnd(source, dot + 1);
      isReal = true;
    }
    if (end < source.size() && (source[end] == 'e' || source[end] == 'E')) {
      size_t digits = end + 1;
      if (digits < source.size() &&
          (source[digits] == '+' || source[digits] == '-'))
        ++digits;
      if (digits < source.size() && isDecimal(source[digits])) {
        end = digitsEnd(source, digits);
        isReal = true;
      }
    }
  }
  if (!isReal && source[pos] == '0' && end < source.size() &&
      strchr("xXoObB", source[end]))
    return fail("a number that is not decimal is not supported");
  std::string digits;
  for (char c : source.substr(pos, end - pos))
    if (c != '_')
      digits += c;
  Token token;
  token.line = line;
  if (isReal) {
    token.kind = TokenKind::Real;
    // The C library may read another decimal point than ours: digits and an
    // exponent alone are read the same everywhere.
    size_t dot = digits.find('.');
    if (dot != std::string::npos) {
      size_t exponentAt = digits.find_first_of("eE");
      std::string mantissa = digits.substr(0, exponentAt);
      long exponent =
          exponentAt == std::string::npos
              ? 0
              : strtol(digits.c_str() + exponentAt + 1, nullptr, 10);
      // Far beyond every number, whatever the digits of a source are.
      exponent = std::clamp(exponent, -1'000'000L, 1'000'000L);
      exponent -= long(mantissa.size() - dot - 1);
      mantissa.erase(dot, 1);
      digits = mantissa + "e" + std::to_string(exponent);
    }
    token.real = strtod(digits.c_str(), nullptr);
  } else {
    token.kind = TokenKind::Integer;
    if (digits.size() > 1 && digits[0] == '0' &&
        digits.find_first_not_of('0') != std::string::npos)
      return fail("a number may not begin with 0");
    for (char c : digits)
      if (__builtin_mul_overflow(token.integer, 10, &token.integer) ||
          __builtin_add_overflow(token.integer, c - '0', &token.integer))
        return fail("a number is larger than 2^63 - 1");
  }
  tokens.push_back(token);
  pos = end;
  return true;
}

bool Lexer::text(char quote) {
  size_t end = pos + 1;
  bool isEscaped = false;
  for (; end < source.size() && source[end] != quote; ++end)
    if (source[end] == '\\') {
      isEscaped = true;
      ++end;
    }
  if (end >= source.size())
    return fail("a text has no end quote");
  std::string_view body = source.substr(pos + 1, end - pos - 1);
  uint32_t begin = line;
  if (isEscaped) {
    std::string out;
    if (!unescape(body, out))
      return false;
    body = program.keep(std::move(out));
  }
  push(TokenKind::Text, body);
  tokens.back().line = begin;
  advance(end + 1);
  return true;
}

/// The escapes of a Python text.
bool Lexer::unescape(std::string_view body, std::string &out) {
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\\') {
      out += body[i];
      continue;
    }
    char c = body[++i];
    static constexpr char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
    if (const char *found = c ? strchr(from, c) : nullptr) {
      out += to[found - from];
      continue;
    }
    if (c == '\n')
      continue;
    unsigned base = 16, digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (c == 'N')
      return fail("the escape '\\N' is not supported");
    if (digits == 0 && c >= '0' && c <= '7') {
      base = 8;
      digits = 3;
      --i;
    }
    if (digits == 0) { // stays as it is
      out += '\\';
      out += c;
      continue;
    }
    uint32_t value = 0;
    unsigned count = 0;
    for (; count < digits && i + 1 < body.size(); ++count) {
      char d = body[i + 1];
      unsigned digit = isDecimal(d) ? unsigned(d - '0')
                       : (d | 32) >= 'a' && (d | 32) <= 'f'
                           ? unsigned((d | 32) - 'a' + 10)
                           : 16;
      if (digit >= base)
        break;
      value = value * base + digit;
      ++i;
    }
    if ((base == 16 && count < digits) || value > 0x10ffff ||
        (value >= 0xd800 && value < 0xe000))
      return fail("an escape in a text stands for no character");
    appendUtf8(out, value);
  }
  return true;
}

Status Lexer::run() {
  while (pos < source.size())
    if (!root())
      return std::move(error);
  push(TokenKind::End, {});
  return {};
}

} // namespace

Status chat::tokenize(std::string_view from, Program &program,
                      std::vector<Token> &tokens) {
  if (!isValidUtf8(from))
    return Error{"the template is not UTF-8"};
  // Every kind of newline is one; the last one of the source does not count.
  std::string source;
  source.reserve(from.size());
  for (size_t i = 0; i < from.size(); ++i) {
    bool isReturn = from[i] == '\r';
    source += isReturn ? '\n' : from[i];
    if (isReturn && i + 1 < from.size() && from[i + 1] == '\n')
      ++i;
  }
  if (!source.empty() && source.back() == '\n')
    source.pop_back();
  return Lexer(program.keep(std::move(source)), program, tokens).run();
}
