//===- Tests.cpp - The tests of templates -----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Characters.h"
#include "Interpreter.h"

#include <algorithm>

using namespace espalier;
using namespace espalier::chat;

namespace espalier::chat {

struct TestTable {
  /// Of the value's kind alone.
  template <bool (*Is)(const Value &)>
  static Value kind(Interpreter &, const Value &value, Arguments &) {
    return Value::of(Is(value));
  }

  template <Operation op>
  static Value compared(Interpreter &in, const Value &value, Arguments &given) {
    Value other;
    if (!in.require(given, 0, "other", other))
      return Value();
    return Value::of(in.decide(op, value, other));
  }

  template <int64_t remainder>
  static Value parity(Interpreter &in, const Value &value, Arguments &) {
    Value rest = in.binary(Operation::Modulo, value, Value::of(int64_t(2)));
    return Value::of(!in.failed() && in.equal(rest, Value::of(remainder)));
  }

  static Value divisible(Interpreter &in, const Value &value,
                         Arguments &given) {
    Value by;
    if (!in.require(given, 0, "num", by))
      return Value();
    Value rest = in.binary(Operation::Modulo, value, by);
    return Value::of(!in.failed() && in.equal(rest, Value::of(int64_t(0))));
  }

  static Value same(Interpreter &in, const Value &value, Arguments &given) {
    Value other;
    if (!in.require(given, 0, "other", other))
      return Value();
    if (value.kind != other.kind)
      return Value::of(false);
    switch (value.kind) {
    case Kind::None:
      return Value::of(true);
    case Kind::Bool:
      return Value::of(value.boolean == other.boolean);
    case Kind::Sequence:
      return Value::of(value.sequence == other.sequence);
    case Kind::Dict:
    case Kind::Namespace:
      return Value::of(value.dict == other.dict);
    default:
      return in.fail("'sameas' of a " + std::string(typeName(value)) +
                     " is not supported");
    }
  }

  template <const char *method>
  static Value letters(Interpreter &in, const Value &value, Arguments &) {
    Value text = in.asText(value);
    Arguments none;
    return in.failed() ? text : in.textMethod(text, method, none);
  }

  template <int (*find)(std::string_view, bool &)>
  static Value isBuiltin(Interpreter &, const Value &value, Arguments &) {
    bool known = false;
    if (value.isText())
      find(value.text(), known);
    return Value::of(known);
  }
};

} // namespace espalier::chat

namespace {

bool isDefined(const Value &v) { return !v.isUndefined(); }
bool isUndefined(const Value &v) { return v.isUndefined(); }
bool isNone(const Value &v) { return v.isNone(); }
bool isBoolean(const Value &v) { return v.is(Kind::Bool); }
bool isTrue(const Value &v) { return v.is(Kind::Bool) && v.boolean; }
bool isFalse(const Value &v) { return v.is(Kind::Bool) && !v.boolean; }
bool isInteger(const Value &v) { return v.is(Kind::Integer); }
bool isReal(const Value &v) { return v.is(Kind::Real); }
bool isNumber(const Value &v) { return v.isNumber(); }
bool isText(const Value &v) { return v.isText(); }
bool isMapping(const Value &v) { return v.is(Kind::Dict); }
bool isEscaped(const Value &v) { return v.isText() && v.markup; }
bool isIterable(const Value &v) {
  return v.isText() || v.isUndefined() || v.is(Kind::Sequence) ||
         v.is(Kind::Dict) || v.is(Kind::Loop);
}
bool isSequence(const Value &v) {
  if (v.is(Kind::Sequence))
    return v.sequence->kind == SequenceKind::List ||
           v.sequence->kind == SequenceKind::Tuple ||
           v.sequence->kind == SequenceKind::Range;
  return v.isText() || v.isUndefined() || v.is(Kind::Dict);
}
bool isCallable(const Value &v) {
  return v.is(Kind::Macro) || v.is(Kind::Function) || v.is(Kind::Method) ||
         v.is(Kind::Loop) || v.isUndefined();
}

constexpr char isLower[] = "islower", isUpper[] = "isupper";

struct Entry {
  std::string_view name;
  Builtin function;
};
constexpr Entry tests[] = {
    {"boolean", TestTable::kind<isBoolean>},
    {"callable", TestTable::kind<isCallable>},
    {"defined", TestTable::kind<isDefined>},
    {"divisibleby", TestTable::divisible},
    {"eq", TestTable::compared<Operation::Equal>},
    {"equalto", TestTable::compared<Operation::Equal>},
    {"==", TestTable::compared<Operation::Equal>},
    {"escaped", TestTable::kind<isEscaped>},
    {"even", TestTable::parity<0>},
    {"false", TestTable::kind<isFalse>},
    {"filter", TestTable::isBuiltin<findFilter>},
    {"float", TestTable::kind<isReal>},
    {"ge", TestTable::compared<Operation::GreaterEqual>},
    {">=", TestTable::compared<Operation::GreaterEqual>},
    {"greaterthan", TestTable::compared<Operation::Greater>},
    {"gt", TestTable::compared<Operation::Greater>},
    {">", TestTable::compared<Operation::Greater>},
    {"in", TestTable::compared<Operation::In>},
    {"integer", TestTable::kind<isInteger>},
    {"iterable", TestTable::kind<isIterable>},
    {"le", TestTable::compared<Operation::LessEqual>},
    {"<=", TestTable::compared<Operation::LessEqual>},
    {"lessthan", TestTable::compared<Operation::Less>},
    {"lower", TestTable::letters<isLower>},
    {"lt", TestTable::compared<Operation::Less>},
    {"<", TestTable::compared<Operation::Less>},
    {"mapping", TestTable::kind<isMapping>},
    {"ne", TestTable::compared<Operation::NotEqual>},
    {"!=", TestTable::compared<Operation::NotEqual>},
    {"none", TestTable::kind<isNone>},
    {"number", TestTable::kind<isNumber>},
    {"odd", TestTable::parity<1>},
    {"sameas", TestTable::same},
    {"sequence", TestTable::kind<isSequence>},
    {"string", TestTable::kind<isText>},
    {"test", TestTable::isBuiltin<findTest>},
    {"true", TestTable::kind<isTrue>},
    {"undefined", TestTable::kind<isUndefined>},
    {"upper", TestTable::letters<isUpper>},
};

} // namespace

int chat::findTest(std::string_view name, bool &known) {
  for (size_t i = 0; i < std::size(tests); ++i)
    if (tests[i].name == name) {
      known = true;
      return int(i);
    }
  known = false;
  return -1;
}

Builtin chat::testAt(unsigned index) { return tests[index].function; }
