//===- Filters.cpp - Filters that make one value of another -----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Filters.h"

#include "Characters.h"
#include "Json.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace espalier;
using namespace espalier::chat;

//===--- Texts ------------------------------------------------------------===//

/// A filter of one text.
template <std::string (*Change)(std::string_view)>
static Value changed(Interpreter &in, const Value &text,
                     Value (*make)(Interpreter &, std::string_view, bool)) {
  return make(in, Change(text.text()), text.markup);
}

Value FilterTable::makeText(Interpreter &in, std::string_view text,
                            bool markup) {
  return in.spendBytes(text.size() * 4) ? in.text(text, markup) : Value();
}

Value FilterTable::upper(Interpreter &in, const Value &input, Arguments &) {
  Value text = in.softText(input);
  return in.failed() ? text : changed<toUpper>(in, text, makeText);
}

Value FilterTable::lower(Interpreter &in, const Value &input, Arguments &) {
  Value text = in.softText(input);
  return in.failed() ? text : changed<toLower>(in, text, makeText);
}

Value FilterTable::capitalize(Interpreter &in, const Value &input,
                              Arguments &) {
  Value text = in.softText(input);
  return in.failed() ? text : changed<chat::capitalize>(in, text, makeText);
}

/// Words begin behind white space, '-' and opening brackets, unlike in
/// str.title.
static std::string titleOfWords(std::string_view text) {
  std::string made;
  for (size_t at = 0; at < text.size();) {
    auto isBreak = [&](size_t where) {
      return spaceBefore(text.substr(where)) > 0 ||
             std::string_view("-({[<").find(text[where]) !=
                 std::string_view::npos;
    };
    size_t end = at;
    bool breaks = isBreak(at);
    while (end < text.size() && isBreak(end) == breaks)
      end += offsetOf(text.substr(end), 1);
    std::string_view word = text.substr(at, end - at);
    at = end;
    if (breaks) {
      made += word;
      continue;
    }
    size_t first = offsetOf(word, 1);
    made += toUpper(word.substr(0, first));
    made += toLower(word.substr(first));
  }
  return made;
}

Value FilterTable::title(Interpreter &in, const Value &input, Arguments &) {
  Value text = in.softText(input);
  return in.failed() ? text : changed<titleOfWords>(in, text, makeText);
}

Value FilterTable::trim(Interpreter &in, const Value &input, Arguments &given) {
  Value text = in.softText(input);
  return in.failed() ? text
                     : in.strip(text, true, true, given.find(0, "chars"));
}

Value FilterTable::string(Interpreter &in, const Value &input, Arguments &) {
  return in.softText(input);
}

Value FilterTable::safe(Interpreter &in, const Value &input, Arguments &) {
  Value text = in.asText(input);
  text.markup = !in.failed();
  return text;
}

Value FilterTable::escape(Interpreter &in, const Value &input, Arguments &) {
  return in.escaped(input);
}

Value FilterTable::forceEscape(Interpreter &in, const Value &input,
                               Arguments &) {
  Value text = in.asText(input);
  return in.failed() ? text : in.escaped(text);
}

Value FilterTable::replace(Interpreter &in, const Value &input,
                           Arguments &given) {
  Value from, to, count = in.take(given, 2, "count", Value::none());
  int64_t most = -1;
  if (!in.require(given, 0, "old", from) || !in.require(given, 1, "new", to) ||
      (!count.isNone() && !in.wantInteger(count, "replace", most)))
    return Value();
  Value text = in.asText(input);
  from = in.failed() ? from : in.asText(from);
  to = in.failed() ? to : in.asText(to);
  return in.failed()
             ? Value()
             : in.replaced(text.text(), from.text(), to.text(), most, false);
}

Value FilterTable::indent(Interpreter &in, const Value &input,
                          Arguments &given) {
  Value width = in.take(given, 0, "width", Value::of(int64_t(4)));
  bool first = in.truth(in.take(given, 1, "first", Value::of(false)));
  bool blank = in.truth(in.take(given, 2, "blank", Value::of(false)));
  std::string_view text;
  if (!in.wantText(input, "indent", text))
    return Value();
  std::string by;
  if (width.isText()) {
    by = width.text();
  } else {
    int64_t count;
    if (!in.wantInteger(width, "indent", count))
      return Value();
    if (count > 10'000)
      return in.fail("indent: the width is too large");
    by.assign(size_t(count > 0 ? count : 0), ' ');
  }
  Arguments none;
  Value lines =
      in.textMethod(in.text(std::string(text) + "\n"), "splitlines", none);
  if (in.failed())
    return Value();
  std::string made = first ? by : "";
  for (size_t i = 0; i < lines.sequence->size; ++i) {
    std::string_view line = lines.sequence->items[i].text();
    if (i)
      made += '\n';
    if (i && (blank || !line.empty()))
      made += by;
    made += line;
    if (!in.spend(1 + by.size() / 16) || in.tooLong(made.size()))
      return Value();
  }
  return in.text(made, input.markup);
}

Value FilterTable::format(Interpreter &in, const Value &input,
                          Arguments &given) {
  Value pattern = in.softText(input);
  given.positional = given.values.size();
  return in.failed() ? pattern : in.format(pattern.text(), given.values);
}

Value FilterTable::toJson(Interpreter &in, const Value &input,
                          Arguments &given) {
  JsonStyle style;
  style.isAscii = in.truth(in.take(given, 0, "ensure_ascii", Value::of(false)));
  Value indent = in.take(given, 1, "indent", Value::none());
  Value separators = in.take(given, 2, "separators", Value::none());
  style.isSorted = in.truth(in.take(given, 3, "sort_keys", Value::of(false)));
  if (!indent.isNone()) {
    style.isIndented = true;
    style.itemSeparator = ",";
    if (indent.isText()) {
      style.indent = indent.text();
    } else {
      int64_t width;
      if (!in.wantInteger(indent, "tojson", width))
        return Value();
      if (width > 1000)
        return in.fail("tojson: the indent is too large");
      style.indent.assign(size_t(width > 0 ? width : 0), ' ');
    }
  }
  if (!separators.isNone()) {
    const Sequence *pair = in.walk(separators);
    std::string_view item, key;
    if (!pair)
      return Value();
    if (pair->size != 2)
      return in.fail("tojson: expected two separators");
    if (!in.wantText(pair->items[0], "tojson", item) ||
        !in.wantText(pair->items[1], "tojson", key))
      return Value();
    style.itemSeparator = item;
    style.keySeparator = key;
  }
  std::string made;
  return in.writeJson(made, input, style, 0) ? in.text(made) : Value();
}

//===--- Numbers ----------------------------------------------------------===//

Value FilterTable::abs(Interpreter &in, const Value &input, Arguments &) {
  if (input.is(Kind::Real))
    return Value::of(std::fabs(input.real));
  int64_t number;
  if (!in.wantInteger(input, "abs", number))
    return Value();
  return number < 0 ? in.arithmetic(Operation::Subtract, Value::of(int64_t(0)),
                                    Value::of(number))
                    : Value::of(number);
}

/// A text as Python's int or float reads it, less its underscores.
static std::string digitsOf(std::string_view text) {
  text.remove_prefix(spaceBefore(text));
  text.remove_suffix(spaceAfter(text));
  std::string made;
  for (size_t i = 0; i < text.size(); ++i) {
    auto isDigitAt = [&](size_t at) {
      return at < text.size() && text[at] >= '0' && text[at] <= '9';
    };
    if (text[i] == '_' && i > 0 && isDigitAt(i - 1) && isDigitAt(i + 1))
      continue;
    made += text[i];
  }
  return made;
}

static bool readInteger(std::string_view text, int64_t &number,
                        bool &tooLarge) {
  std::string digits = digitsOf(text);
  size_t at = !digits.empty() && (digits[0] == '-' || digits[0] == '+');
  if (at == digits.size() ||
      digits.find_first_not_of("0123456789", at) != std::string::npos)
    return false;
  number = 0;
  for (; at < digits.size(); ++at)
    if (__builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, digits[at] - '0', &number)) {
      tooLarge = true;
      return true;
    }
  if (digits[0] == '-')
    number = -number;
  return true;
}

/// Decimal numbers, "inf" and "nan".
static bool readReal(std::string_view text, double &number) {
  std::string digits = digitsOf(text);
  size_t at = !digits.empty() && (digits[0] == '-' || digits[0] == '+');
  std::string word = toLower(std::string_view(digits).substr(at));
  if (word == "inf" || word == "infinity" || word == "nan") {
    number = word == "nan" ? NAN : digits[0] == '-' ? -INFINITY : INFINITY;
    return true;
  }
  size_t count = 0;
  std::string mantissa = digits.substr(0, at);
  long exponent = 0;
  bool behindDot = false;
  for (; at < digits.size(); ++at) {
    if (digits[at] >= '0' && digits[at] <= '9') {
      mantissa += digits[at];
      exponent -= behindDot;
      ++count;
    } else if (digits[at] == '.' && !behindDot) {
      behindDot = true;
    } else {
      break;
    }
  }
  if (count == 0)
    return false;
  if (at < digits.size()) {
    if (digits[at] != 'e' && digits[at] != 'E')
      return false;
    char *end;
    const char *from = digits.c_str() + at + 1;
    if (*from != '-' && *from != '+' && (*from < '0' || *from > '9'))
      return false;
    // Far beyond every number, whatever the digits before it are.
    exponent +=
        std::clamp(strtol(from, &end, 10), -1'000'000'000L, 1'000'000'000L);
    if (end == from || *end)
      return false;
  }
  number = strtod((mantissa + "e" + std::to_string(exponent)).c_str(), nullptr);
  return true;
}

Value FilterTable::integer(Interpreter &in, const Value &input,
                           Arguments &given) {
  Value otherwise = in.take(given, 0, "default", Value::of(int64_t(0)));
  Value base = in.take(given, 1, "base", Value::of(int64_t(10)));
  if (!base.isWhole() || base.whole() != 10)
    return in.fail("int: a base other than 10 is not supported");
  if (input.isUndefined())
    return in.fail(in.undefinedMessage(input));
  if (input.isWhole())
    return Value::of(input.whole());
  double real = NAN;
  if (input.isText()) {
    int64_t number;
    bool tooLarge = false;
    if (readInteger(input.text(), number, tooLarge))
      return tooLarge ? in.fail("int: the number is larger than 2^63 - 1")
                      : Value::of(number);
    if (!readReal(input.text(), real))
      return otherwise;
  } else if (input.is(Kind::Real)) {
    real = input.real;
  }
  if (!std::isfinite(real))
    return otherwise;
  if (std::fabs(real) >= 0x1p63)
    return in.fail("int: the number is larger than 2^63 - 1");
  return Value::of(int64_t(real));
}

Value FilterTable::real(Interpreter &in, const Value &input, Arguments &given) {
  Value otherwise = in.take(given, 0, "default", Value::of(0.0));
  if (input.isUndefined())
    return in.fail(in.undefinedMessage(input));
  if (input.isNumber())
    return Value::of(input.number());
  double number;
  return input.isText() && readReal(input.text(), number) ? Value::of(number)
                                                          : otherwise;
}

Value FilterTable::round(Interpreter &in, const Value &input,
                         Arguments &given) {
  Value precision = in.take(given, 0, "precision", Value::of(int64_t(0)));
  Value method =
      in.take(given, 1, "method", Value::of(std::string_view("common")));
  int64_t digits;
  std::string_view how;
  if (!in.wantInteger(precision, "round", digits) ||
      !in.wantText(method, "round", how))
    return Value();
  if (!input.isNumber())
    return in.fail("round: expected a number");
  if (digits < 0 || digits > 15)
    return in.fail("round: a precision outside of 0 to 15 is not supported");
  if (how == "common") {
    if (input.isWhole())
      return Value::of(input.whole());
    if (!std::isfinite(input.real))
      return input;
    char buffer[400];
    snprintf(buffer, sizeof(buffer), "%.*f", int(digits), input.real);
    return Value::of(strtod(buffer, nullptr));
  }
  if (how != "ceil" && how != "floor")
    return in.fail("round: expected common, ceil or floor");
  double scale = std::pow(10.0, double(digits));
  double scaled = input.number() * scale;
  return Value::of((how == "ceil" ? std::ceil(scaled) : std::floor(scaled)) /
                   scale);
}

//===--- Anything ---------------------------------------------------------===//

Value FilterTable::defaulted(Interpreter &in, const Value &input,
                             Arguments &given) {
  Value otherwise =
      in.take(given, 0, "default_value", Value::of(std::string_view()));
  bool orFalse = in.truth(in.take(given, 1, "boolean", Value::of(false)));
  return input.isUndefined() || (orFalse && !in.truth(input)) ? otherwise
                                                              : input;
}

Value FilterTable::attr(Interpreter &in, const Value &input, Arguments &given) {
  Value name;
  std::string_view text;
  if (!in.require(given, 0, "name", name) || !in.wantText(name, "attr", text))
    return Value();
  if (input.isUndefined())
    return in.fail(in.undefinedMessage(input));
  if (input.is(Kind::Dict) && !in.hasMethod(input, text))
    return Value::undefined(text, Missing::Member, Kind::Dict);
  return in.member(input, text);
}

Value FilterTable::length(Interpreter &in, const Value &input, Arguments &) {
  switch (input.kind) {
  case Kind::Undefined:
    return Value::of(int64_t(0));
  case Kind::Text:
    return in.spendBytes(input.size)
               ? Value::of(int64_t(chat::length(input.text())))
               : Value();
  case Kind::Dict:
    return Value::of(int64_t(input.dict->size));
  case Kind::Loop:
    return Value::of(int64_t(input.loop->items->size));
  case Kind::Sequence:
    if (input.sequence->kind != SequenceKind::Iterator)
      return Value::of(int64_t(input.sequence->size));
    break;
  default:
    break;
  }
  return in.fail("a " + std::string(typeName(input)) + " has no length");
}
