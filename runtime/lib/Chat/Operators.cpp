//===- Operators.cpp - Operators of templates -------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// As Python has them, but that integers have 64 bits: what needs more is an
/// error.
///
//===----------------------------------------------------------------------===//
#include "Characters.h"
#include "Interpreter.h"

#include <cmath>
#include <cstring>

using namespace espalier;
using namespace espalier::chat;

std::string_view chat::typeName(const Value &value) {
  switch (value.kind) {
  case Kind::Undefined:
    return "Undefined";
  case Kind::None:
    return "None";
  case Kind::Bool:
    return "bool";
  case Kind::Integer:
    return "int";
  case Kind::Real:
    return "float";
  case Kind::Text:
    return "str";
  case Kind::Sequence:
    switch (value.sequence->kind) {
    case SequenceKind::List:
      return "list";
    case SequenceKind::Tuple:
      return "tuple";
    case SequenceKind::Range:
      return "range";
    case SequenceKind::Iterator:
      return "generator";
    case SequenceKind::Keys:
      return "dict_keys";
    case SequenceKind::Values:
      return "dict_values";
    case SequenceKind::Items:
      return "dict_items";
    }
    return "list";
  case Kind::Dict:
    return "dict";
  case Kind::Namespace:
    return "Namespace";
  case Kind::Macro:
    return "Macro";
  case Kind::Function:
  case Kind::Method:
    return "function";
  case Kind::Loop:
    return "LoopContext";
  }
  return "";
}

std::string Interpreter::undefinedMessage(const Value &value) {
  std::string name(value.text().substr(0, 200));
  switch (value.missing) {
  case Missing::Name:
    return "'" + name + "' is undefined";
  case Missing::Member:
  case Missing::Element: {
    Value owner;
    owner.kind = value.owner;
    std::string type = value.owner == Kind::None       ? "None"
                       : value.owner == Kind::Sequence ? "list object"
                       : value.owner == Kind::Text
                           ? "str object"
                           : std::string(typeName(owner)) + " object";
    if (value.missing == Missing::Member)
      return "'" + type + "' has no attribute '" + name + "'";
    return type + " has no element " + name;
  }
  case Missing::Said:
    break;
  }
  return name;
}

bool Interpreter::truth(const Value &value) {
  switch (value.kind) {
  case Kind::Undefined:
  case Kind::None:
    return false;
  case Kind::Bool:
    return value.boolean;
  case Kind::Integer:
    return value.integer != 0;
  case Kind::Real:
    return value.real != 0;
  case Kind::Text:
    return value.size != 0;
  case Kind::Sequence:
    return value.sequence->kind == SequenceKind::Iterator ||
           value.sequence->size != 0;
  case Kind::Dict:
    return value.dict->size != 0;
  case Kind::Loop:
    return value.loop->items->size != 0;
  default:
    return true;
  }
}

/// An iterator gives each item once; the rest of them.
const Sequence *Interpreter::walk(const Value &value) {
  switch (value.kind) {
  case Kind::Sequence: {
    Sequence *from = value.sequence;
    if (from->kind != SequenceKind::Iterator)
      return from;
    if (from->error) {
      fail(std::string(from->error, from->errorSize));
      return nullptr;
    }
    auto *rest = make<Sequence>();
    if (!rest)
      return nullptr;
    *rest = {SequenceKind::List,
             from->items + from->done,
             from->size - from->done,
             from->size - from->done,
             0,
             nullptr,
             0};
    from->done = from->size;
    return rest;
  }
  case Kind::Dict: {
    auto *keys = make<Sequence>();
    if (!keys)
      return nullptr;
    *keys = {SequenceKind::List,
             value.dict->keys,
             value.dict->size,
             value.dict->size,
             0,
             nullptr,
             0};
    return keys;
  }
  case Kind::Undefined:
    return sequence(SequenceKind::List, 0);
  case Kind::Text: {
    std::string_view text = value.text();
    if (!spendBytes(text.size()))
      return nullptr;
    Sequence *characters = sequence(SequenceKind::List, length(text));
    for (size_t at = 0; at < text.size() && !failed();) {
      size_t end = at + 1;
      while (end < text.size() && (uint8_t(text[end]) & 0xc0) == 0x80)
        ++end;
      append(characters, Value::of(text.substr(at, end - at), value.markup));
      at = end;
    }
    return failed() ? nullptr : characters;
  }
  default:
    fail("'" + std::string(typeName(value)) + "' has no items");
    return nullptr;
  }
}

//===--- Comparing --------------------------------------------------------===//

bool Interpreter::equal(const Value &left, const Value &right) {
  Depth guard(*this);
  if (!spend(1))
    return false;
  if (left.isNumber() && right.isNumber()) {
    if (left.is(Kind::Real) || right.is(Kind::Real))
      return left.number() == right.number();
    return left.whole() == right.whole();
  }
  if (left.kind != right.kind)
    return false;
  switch (left.kind) {
  case Kind::Undefined:
  case Kind::None:
    return true;
  case Kind::Text:
    if (left.size != right.size || !spendBytes(left.size))
      return false;
    return left.text() == right.text();
  case Kind::Sequence: {
    const Sequence &a = *left.sequence, &b = *right.sequence;
    if (&a == &b)
      return true;
    if (a.kind != b.kind || a.size != b.size ||
        a.kind == SequenceKind::Iterator)
      return false;
    for (size_t i = 0; i < a.size; ++i)
      if (!equal(a.items[i], b.items[i]))
        return false;
    return true;
  }
  case Kind::Dict: {
    const Dict &a = *left.dict, &b = *right.dict;
    if (&a == &b)
      return true;
    if (a.size != b.size)
      return false;
    for (size_t i = 0; i < a.size; ++i) {
      const Value *other = find(&b, a.keys[i]);
      if (!other || !equal(a.values[i], *other))
        return false;
    }
    return true;
  }
  case Kind::Namespace:
    return left.dict == right.dict;
  case Kind::Macro:
    return left.macro == right.macro;
  case Kind::Function:
    return left.function == right.function;
  case Kind::Loop:
    return left.loop == right.loop;
  default:
    return false;
  }
}

int Interpreter::order(const Value &left, const Value &right,
                       const char *sign) {
  Depth guard(*this);
  if (!spend(1))
    return 0;
  if (left.isNumber() && right.isNumber()) {
    if (left.is(Kind::Real) || right.is(Kind::Real)) {
      double a = left.number(), b = right.number();
      return a < b ? -1 : a > b ? 1 : a == b ? 0 : 2;
    }
    return left.whole() < right.whole() ? -1 : left.whole() > right.whole();
  }
  if (left.isText() && right.isText()) {
    spendBytes(std::min(left.size, right.size));
    // The order of UTF-8 is that of the characters.
    int result = left.text().compare(right.text());
    return result < 0 ? -1 : result > 0;
  }
  if (left.is(Kind::Sequence) && right.is(Kind::Sequence) &&
      left.sequence->kind == right.sequence->kind &&
      (left.sequence->kind == SequenceKind::List ||
       left.sequence->kind == SequenceKind::Tuple)) {
    const Sequence &a = *left.sequence, &b = *right.sequence;
    for (size_t i = 0; i < a.size && i < b.size && !failed(); ++i)
      if (!equal(a.items[i], b.items[i]))
        return order(a.items[i], b.items[i], sign);
    return a.size < b.size ? -1 : a.size > b.size;
  }
  fail(left.isUndefined()    ? undefinedMessage(left)
       : right.isUndefined() ? undefinedMessage(right)
                             : "'" + std::string(sign) + "' is not for " +
                                   std::string(typeName(left)) + " and " +
                                   std::string(typeName(right)));
  return 0;
}

bool Interpreter::contains(const Value &container, const Value &item) {
  if (container.isText()) {
    std::string_view needle;
    if (!wantText(item, "'in' a text", needle) ||
        !spendBytes(container.size + needle.size()))
      return false;
    return chat::find(container.text(), needle) != std::string_view::npos;
  }
  if (container.is(Kind::Dict)) {
    if (!isHashable(item))
      fail("a " + std::string(typeName(item)) + " is no key of a dict");
    return !failed() && find(container.dict, item) != nullptr;
  }
  if (container.is(Kind::Namespace)) {
    fail("'in' is not for a namespace");
    return false;
  }
  const Sequence *items = walk(container);
  if (!items)
    return false;
  for (size_t i = 0; i < items->size && !failed(); ++i)
    if (equal(items->items[i], item))
      return true;
  return false;
}

bool Interpreter::decide(Operation op, const Value &left, const Value &right) {
  switch (op) {
  case Operation::Equal:
    return equal(left, right);
  case Operation::NotEqual:
    return !equal(left, right);
  case Operation::In:
    return contains(right, left);
  case Operation::NotIn:
    return !contains(right, left) && !failed();
  case Operation::Less:
    return order(left, right, "<") == -1;
  case Operation::LessEqual: {
    int result = order(left, right, "<=");
    return result == -1 || result == 0;
  }
  case Operation::Greater:
    return order(left, right, ">") == 1;
  case Operation::GreaterEqual: {
    int result = order(left, right, ">=");
    return result == 1 || result == 0;
  }
  default:
    return false;
  }
}

//===--- Computing --------------------------------------------------------===//

static double floorModulo(double a, double b) {
  double result = std::fmod(a, b);
  if (result != 0 && (result < 0) != (b < 0))
    result += b;
  return result;
}

Value Interpreter::arithmetic(Operation op, const Value &left,
                              const Value &right) {
  constexpr const char *tooLarge = "a number is larger than 2^63 - 1";
  bool isReal = left.is(Kind::Real) || right.is(Kind::Real);
  double x = left.number(), y = right.number();
  int64_t a = isReal ? 0 : left.whole(), b = isReal ? 0 : right.whole();
  int64_t result = 0;
  bool isZero = isReal ? y == 0 : b == 0;
  if (isZero && (op == Operation::Divide || op == Operation::FloorDivide ||
                 op == Operation::Modulo))
    return fail("division by zero");
  switch (op) {
  case Operation::Add:
    if (isReal)
      return Value::of(x + y);
    return __builtin_add_overflow(a, b, &result) ? fail(tooLarge)
                                                 : Value::of(result);
  case Operation::Subtract:
    if (isReal)
      return Value::of(x - y);
    return __builtin_sub_overflow(a, b, &result) ? fail(tooLarge)
                                                 : Value::of(result);
  case Operation::Multiply:
    if (isReal)
      return Value::of(x * y);
    return __builtin_mul_overflow(a, b, &result) ? fail(tooLarge)
                                                 : Value::of(result);
  case Operation::Divide:
    // Both are exact as a double, or the quotient may be rounded twice.
    if (!isReal && (std::abs(x) > 0x1p53 || std::abs(y) > 0x1p53))
      return fail("a number is too large to be divided");
    return Value::of(x / y);
  case Operation::FloorDivide:
    if (isReal) {
      double modulo = floorModulo(x, y);
      double quotient = (x - modulo) / y;
      double whole = std::floor(quotient);
      if (quotient - whole > 0.5)
        whole += 1;
      return Value::of(quotient == 0 ? std::copysign(0.0, x / y) : whole);
    }
    if (b == -1)
      return __builtin_sub_overflow(int64_t(0), a, &result) ? fail(tooLarge)
                                                            : Value::of(result);
    result = a / b;
    if (a % b != 0 && (a < 0) != (b < 0))
      --result;
    return Value::of(result);
  case Operation::Modulo:
    if (isReal)
      return Value::of(floorModulo(x, y));
    if (b == -1)
      return Value::of(int64_t(0));
    result = a % b;
    if (result != 0 && (result < 0) != (b < 0))
      result += b;
    return Value::of(result);
  case Operation::Power: {
    if (!isReal && b >= 0) {
      result = 1;
      for (int64_t i = 0; i < b; ++i) {
        if (a == 0 || a == 1 || a == -1) {
          result = b == 0 ? 1 : a == -1 && b % 2 == 0 ? 1 : a;
          break;
        }
        if (__builtin_mul_overflow(result, a, &result))
          return fail(tooLarge);
      }
      return Value::of(result);
    }
    double power = std::pow(x, y);
    if (!std::isfinite(power))
      return fail("a power has no value");
    return Value::of(power);
  }
  default:
    return fail("bad operator");
  }
}

Value Interpreter::repeat(const Value &value, int64_t count) {
  size_t times = count > 0 ? size_t(count) : 0, size;
  if (value.isText()) {
    if (__builtin_mul_overflow(value.size, times, &size) || tooLong(size))
      return failed() ? Value() : fail("a text is too long");
    std::string made;
    made.reserve(size);
    for (size_t i = 0; i < times && value.size; ++i)
      made += value.text();
    return text(made, value.markup);
  }
  const Sequence &from = *value.sequence;
  if (__builtin_mul_overflow(from.size, times, &size) || !spend(size))
    return failed() ? Value() : fail("a list is too long");
  Sequence *made = sequence(from.kind, size);
  for (size_t i = 0; i < times && from.size && !failed(); ++i)
    for (size_t k = 0; k < from.size; ++k)
      append(made, from.items[k]);
  return made ? Value::of(made) : Value();
}

/// Python's text % values, with %s, %d, %r and %%. `mayRest`: values may be
/// left over.
Value Interpreter::format(std::string_view pattern,
                          std::span<const Value> values, bool mayRest) {
  std::string made;
  size_t at = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      made += pattern[i];
      continue;
    }
    char c = i + 1 < pattern.size() ? pattern[++i] : 0;
    if (c == '%') {
      made += '%';
      continue;
    }
    if (c != 's' && c != 'd' && c != 'i' && c != 'r')
      return fail("a format other than %s, %d, %r and %% is not supported");
    if (at == values.size())
      return fail("not enough values for a format");
    const Value &value = values[at++];
    if ((c == 'd' || c == 'i') && !value.isWhole())
      return fail("%d in a format: expected an integer, got " +
                  std::string(typeName(value)));
    bool good = c == 's'   ? write(made, value)
                : c == 'r' ? writeRepr(made, value)
                           : write(made, Value::of(value.whole()));
    if (!good || tooLong(made.size()))
      return Value();
  }
  if (at != values.size() && !mayRest)
    return fail("too many values for a format");
  return text(made);
}

Value Interpreter::binary(Operation op, const Value &left, const Value &right) {
  if (left.isUndefined())
    return fail(undefinedMessage(left));
  if (right.isUndefined() && !(op == Operation::Modulo && left.isText()))
    return fail(undefinedMessage(right));
  if (left.isNumber() && right.isNumber())
    return arithmetic(op, left, right);
  if (op == Operation::Add && left.isText() && right.isText()) {
    bool markup = left.markup || right.markup;
    Value a = markup ? escaped(left) : left;
    Value b = markup ? escaped(right) : right;
    if (failed() || tooLong(a.size + b.size))
      return Value();
    if (a.size == 0)
      return Value::of(b.text(), markup);
    if (b.size == 0)
      return Value::of(a.text(), markup);
    char *joined = make<char>(a.size + b.size);
    if (!joined || !spendBytes(a.size + b.size))
      return Value();
    memcpy(joined, a.data, a.size);
    memcpy(joined + a.size, b.data, b.size);
    return Value::of(std::string_view(joined, a.size + b.size), markup);
  }
  bool leftList =
      left.is(Kind::Sequence) && (left.sequence->kind == SequenceKind::List ||
                                  left.sequence->kind == SequenceKind::Tuple);
  bool rightList =
      right.is(Kind::Sequence) && (right.sequence->kind == SequenceKind::List ||
                                   right.sequence->kind == SequenceKind::Tuple);
  if (op == Operation::Add && leftList && rightList &&
      left.sequence->kind == right.sequence->kind) {
    Sequence *made = sequence(left.sequence->kind,
                              left.sequence->size + right.sequence->size);
    for (const Sequence *from : {left.sequence, right.sequence})
      for (size_t i = 0; i < from->size && !failed(); ++i)
        append(made, from->items[i]);
    return made ? Value::of(made) : Value();
  }
  if (op == Operation::Multiply) {
    if ((left.isText() || leftList) && right.isWhole())
      return repeat(left, right.whole());
    if ((right.isText() || rightList) && left.isWhole())
      return repeat(right, left.whole());
  }
  if (op == Operation::Modulo && left.isText()) {
    if (left.markup)
      return fail("'%' of a text marked safe is not supported");
    if (right.is(Kind::Dict) &&
        left.text().find("%(") != std::string_view::npos)
      return fail("a format with names is not supported");
    if (right.is(Kind::Sequence) && right.sequence->kind == SequenceKind::Tuple)
      return format(left.text(), {right.sequence->items, right.sequence->size});
    // What could be asked for names need not be used.
    bool mayRest = right.isUndefined() || right.is(Kind::Dict) ||
                   (right.is(Kind::Sequence) &&
                    (right.sequence->kind == SequenceKind::List ||
                     right.sequence->kind == SequenceKind::Range));
    return format(left.text(), {&right, 1}, mayRest);
  }
  static constexpr const char *signs[] = {"+", "-", "*", "/", "//", "%", "**"};
  return fail("'" + std::string(signs[unsigned(op)]) + "' is not for " +
              std::string(typeName(left)) + " and " +
              std::string(typeName(right)));
}
