//===- Write.cpp - Values as text and as JSON -------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Characters.h"
#include "Interpreter.h"
#include "Json.h"
#include "Sort.h"

#include "espalier/Support/Utf8.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace espalier;
using namespace espalier::chat;

bool Interpreter::tooLong(size_t bytes) {
  if (!failed() && bytes > limits.memory)
    failFatally("the template needs more than " +
                std::to_string(limits.memory >> 20) + " MB for its values");
  return failed();
}

/// The shortest digits that read back, in Python's form.
static void writeReal(std::string &out, double value) {
  if (std::isnan(value) || std::isinf(value)) {
    out += std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
    return;
  }
  char buffer[40];
  for (int digits = 1; digits <= 17; ++digits) {
    snprintf(buffer, sizeof(buffer), "%.*e", digits - 1, value);
    if (strtod(buffer, nullptr) == value)
      break;
  }
  // The decimal point may be another character where the program says so.
  std::string mantissa;
  const char *at = buffer;
  for (; *at && *at != 'e'; ++at)
    if (*at >= '0' && *at <= '9')
      mantissa += *at;
  int exponent = atoi(at + 1);
  while (mantissa.size() > 1 && mantissa.back() == '0')
    mantissa.pop_back();
  if (std::signbit(value))
    out += '-';
  int size = int(mantissa.size());
  if (exponent < -4 || exponent >= 16) {
    out += mantissa[0];
    if (size > 1)
      out += "." + mantissa.substr(1);
    snprintf(buffer, sizeof(buffer), "e%c%02d", exponent < 0 ? '-' : '+',
             std::abs(exponent));
    out += buffer;
    return;
  }
  if (exponent < 0) {
    out += "0." + std::string(size_t(-exponent - 1), '0') + mantissa;
    return;
  }
  if (size <= exponent + 1) {
    out += mantissa + std::string(size_t(exponent + 1 - size), '0') + ".0";
    return;
  }
  out += mantissa.substr(0, size_t(exponent) + 1) + "." +
         mantissa.substr(size_t(exponent) + 1);
}

/// A text as Python writes it in a list.
static void writeQuoted(std::string &out, std::string_view text) {
  char quote = text.find('\'') != std::string_view::npos &&
                       text.find('"') == std::string_view::npos
                   ? '"'
                   : '\'';
  out += quote;
  for (size_t at = 0; at < text.size();) {
    DecodedScalar c = decodeUtf8(text, at);
    std::string_view bytes = text.substr(at, c.length);
    at += c.length;
    char buffer[16];
    if (c.scalar == uint32_t(quote) || c.scalar == '\\')
      out += '\\', out += char(c.scalar);
    else if (c.scalar == '\n')
      out += "\\n";
    else if (c.scalar == '\r')
      out += "\\r";
    else if (c.scalar == '\t')
      out += "\\t";
    else if (isPrintable(c.scalar))
      out += bytes;
    else {
      const char *form = c.scalar < 0x100     ? "\\x%02x"
                         : c.scalar < 0x10000 ? "\\u%04x"
                                              : "\\U%08x";
      snprintf(buffer, sizeof(buffer), form, unsigned(c.scalar));
      out += buffer;
    }
  }
  out += quote;
}

bool Interpreter::write(std::string &out, const Value &value) {
  if (value.isUndefined())
    return true;
  if (!value.isText())
    return writeRepr(out, value);
  if (!spendBytes(value.size) || tooLong(out.size() + value.size))
    return false;
  out += value.text();
  return true;
}

bool Interpreter::writeRepr(std::string &out, const Value &value) {
  Depth guard(*this);
  if (!spend(1) || tooLong(out.size()))
    return false;
  switch (value.kind) {
  case Kind::Undefined:
    out += "Undefined";
    return true;
  case Kind::None:
    out += "None";
    return true;
  case Kind::Bool:
    out += value.boolean ? "True" : "False";
    return true;
  case Kind::Integer:
    out += std::to_string(value.integer);
    return true;
  case Kind::Real:
    writeReal(out, value.real);
    return true;
  case Kind::Text:
    if (!spendBytes(value.size * 4))
      return false;
    if (value.markup)
      out += "Markup(";
    writeQuoted(out, value.text());
    if (value.markup)
      out += ')';
    return true;
  case Kind::Dict: {
    const Dict &dict = *value.dict;
    out += '{';
    for (size_t i = 0; i < dict.size; ++i) {
      out += i ? ", " : "";
      if (!writeRepr(out, dict.keys[i]))
        return false;
      out += ": ";
      if (!writeRepr(out, dict.values[i]))
        return false;
    }
    out += '}';
    return true;
  }
  case Kind::Sequence: {
    const Sequence &items = *value.sequence;
    if (items.kind == SequenceKind::Iterator ||
        items.kind == SequenceKind::Range)
      break;
    bool isTuple = items.kind == SequenceKind::Tuple;
    bool isView = !isTuple && items.kind != SequenceKind::List;
    if (isView)
      out += std::string(typeName(value)) + "(";
    out += isTuple ? '(' : '[';
    for (size_t i = 0; i < items.size; ++i) {
      out += i ? ", " : "";
      if (!writeRepr(out, items.items[i]))
        return false;
    }
    out += isTuple && items.size == 1 ? "," : "";
    out += isTuple ? ')' : ']';
    out += isView ? ")" : "";
    return true;
  }
  default:
    break;
  }
  fail("a " + std::string(typeName(value)) + " cannot be written as text");
  return false;
}

Value Interpreter::asText(const Value &value) {
  if (value.isText())
    return Value::of(value.text());
  std::string made;
  return write(made, value) ? text(made) : Value();
}

Value Interpreter::softText(const Value &value) {
  return value.isText() ? value : asText(value);
}

/// As HTML, unless it is marked safe.
Value Interpreter::escaped(const Value &value) {
  if (value.isText() && value.markup)
    return value;
  Value from = asText(value);
  if (failed())
    return from;
  std::string made;
  for (char c : from.text()) {
    switch (c) {
    case '&':
      made += "&amp;";
      break;
    case '<':
      made += "&lt;";
      break;
    case '>':
      made += "&gt;";
      break;
    case '\'':
      made += "&#39;";
      break;
    case '"':
      made += "&#34;";
      break;
    default:
      made += c;
    }
  }
  return text(made, true);
}

//===--- JSON -------------------------------------------------------------===//

static void writeJsonText(std::string &out, std::string_view text,
                          bool isAscii) {
  out += '"';
  for (size_t at = 0; at < text.size();) {
    DecodedScalar c = decodeUtf8(text, at);
    std::string_view bytes = text.substr(at, c.length);
    at += c.length;
    static constexpr char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    const char *found =
        c.scalar && c.scalar < 0x80 ? strchr(from, int(c.scalar)) : nullptr;
    char buffer[16];
    if (found) {
      out += '\\';
      out += to[found - from];
    } else if (c.scalar < 0x20 || (isAscii && c.scalar > 0x7e)) {
      // Beyond the first plane, as two halves.
      bool isPair = c.scalar > 0xffff;
      unsigned first =
          isPair ? 0xd800 + ((c.scalar - 0x10000) >> 10) : c.scalar;
      snprintf(buffer, sizeof(buffer), "\\u%04x", first);
      out += buffer;
      if (isPair) {
        snprintf(buffer, sizeof(buffer), "\\u%04x",
                 unsigned(0xdc00 + ((c.scalar - 0x10000) & 0x3ff)));
        out += buffer;
      }
    } else {
      out += bytes;
    }
  }
  out += '"';
}

static void writeJsonReal(std::string &out, double value) {
  if (std::isnan(value))
    out += "NaN";
  else if (std::isinf(value))
    out += value < 0 ? "-Infinity" : "Infinity";
  else
    writeReal(out, value);
}

bool Interpreter::writeJson(std::string &out, const Value &value,
                            const JsonStyle &style, unsigned level) {
  Depth guard(*this);
  if (!spend(1) || tooLong(out.size()))
    return false;
  auto newline = [&](unsigned at) {
    if (!style.isIndented)
      return;
    out += '\n';
    for (unsigned i = 0; i < at && !tooLong(out.size()); ++i)
      out += style.indent;
  };
  switch (value.kind) {
  case Kind::None:
    out += "null";
    return true;
  case Kind::Bool:
    out += value.boolean ? "true" : "false";
    return true;
  case Kind::Integer:
    out += std::to_string(value.integer);
    return true;
  case Kind::Real:
    writeJsonReal(out, value.real);
    return true;
  case Kind::Text:
    if (!spendBytes(value.size * 4))
      return false;
    writeJsonText(out, value.text(), style.isAscii);
    return true;
  case Kind::Sequence: {
    const Sequence &items = *value.sequence;
    if (items.kind != SequenceKind::List && items.kind != SequenceKind::Tuple)
      break;
    if (items.size == 0) {
      out += "[]";
      return true;
    }
    out += '[';
    for (size_t i = 0; i < items.size; ++i) {
      if (i)
        out += style.itemSeparator;
      newline(level + 1);
      if (!writeJson(out, items.items[i], style, level + 1))
        return false;
    }
    newline(level);
    out += ']';
    return true;
  }
  case Kind::Dict: {
    const Dict &dict = *value.dict;
    if (dict.size == 0) {
      out += "{}";
      return true;
    }
    std::vector<size_t> places =
        sortedPlaces(dict.size, [&](size_t a, size_t b) {
          return style.isSorted && !failed() &&
                 order(dict.keys[a], dict.keys[b], "<") == -1;
        });
    out += '{';
    for (size_t i = 0; i < dict.size && !failed(); ++i) {
      const Value &key = dict.keys[places[i]];
      if (i)
        out += style.itemSeparator;
      newline(level + 1);
      if (key.isText()) {
        writeJsonText(out, key.text(), style.isAscii);
      } else if (key.isNumber() || key.isNone()) {
        out += '"';
        writeJson(out, key, style, level);
        out += '"';
      } else {
        fail("tojson: a key is a " + std::string(typeName(key)));
      }
      out += style.keySeparator;
      if (!writeJson(out, dict.values[places[i]], style, level + 1))
        return false;
    }
    newline(level);
    out += '}';
    return !failed();
  }
  default:
    break;
  }
  fail("tojson: a " + std::string(typeName(value)) + " has no form in JSON");
  return false;
}
