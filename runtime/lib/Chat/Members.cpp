//===- Members.cpp - Members, elements and slices ---------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Characters.h"
#include "Interpreter.h"

#include <algorithm>
#include <optional>

using namespace espalier;
using namespace espalier::chat;

namespace {

constexpr std::string_view textMethods[] = {
    "capitalize",   "count",        "endswith", "find",    "index",
    "isalnum",      "isalpha",      "isdigit",  "islower", "isspace",
    "isupper",      "join",         "lower",    "lstrip",  "partition",
    "removeprefix", "removesuffix", "replace",  "rfind",   "rindex",
    "rpartition",   "rsplit",       "rstrip",   "split",   "splitlines",
    "startswith",   "strip",        "swapcase", "title",   "upper"};
constexpr std::string_view dictMethods[] = {"copy", "get", "items", "keys",
                                            "values"};
constexpr std::string_view listMethods[] = {"copy", "count", "index"};
constexpr std::string_view loopMethods[] = {"changed", "cycle"};
/// Methods of Python's texts, lists and dicts that are not built, or that
/// transformers' sandbox forbids.
constexpr std::string_view absentMethods[] = {
    "append",      "casefold",  "center",    "clear",        "encode",
    "expandtabs",  "extend",    "format",    "format_map",   "fromkeys",
    "insert",      "isascii",   "isdecimal", "isidentifier", "isnumeric",
    "isprintable", "istitle",   "ljust",     "maketrans",    "pop",
    "popitem",     "remove",    "reverse",   "rjust",        "setdefault",
    "sort",        "translate", "update",    "zfill"};

template <size_t N>
bool among(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

} // namespace

bool chat::isMethod(std::string_view name, bool &known) {
  bool found = among(textMethods, name) || among(dictMethods, name) ||
               among(listMethods, name) || among(loopMethods, name);
  known = found || among(absentMethods, name);
  return found;
}

bool Interpreter::hasMethod(const Value &object, std::string_view name) {
  switch (object.kind) {
  case Kind::Text:
    return among(textMethods, name);
  case Kind::Dict:
    return among(dictMethods, name);
  case Kind::Sequence:
    if (object.sequence->kind == SequenceKind::List)
      return among(listMethods, name);
    return (object.sequence->kind == SequenceKind::Tuple ||
            object.sequence->kind == SequenceKind::Range) &&
           name != "copy" && among(listMethods, name);
  case Kind::Loop:
    return among(loopMethods, name);
  default:
    return false;
  }
}

/// object.name: what Python calls an attribute goes before an element.
Value Interpreter::member(const Value &object, std::string_view name) {
  if (object.isUndefined())
    return fail(undefinedMessage(object));
  if (hasMethod(object, name)) {
    auto *method = make<Method>();
    if (!method)
      return Value();
    *method = {object, name};
    Value value;
    value.kind = Kind::Method;
    value.method = method;
    return value;
  }
  if (object.is(Kind::Loop))
    return loopMember(*object.loop, name);
  if (object.is(Kind::Namespace) || object.is(Kind::Dict)) {
    // The names of Python's own methods are never elements.
    bool known = false;
    if (object.is(Kind::Dict) && !isMethod(name, known) &&
        (name == "clear" || name == "pop" || name == "popitem" ||
         name == "setdefault" || name == "update" || name == "fromkeys"))
      return Value::undefined(name, Missing::Member, object.kind);
    if (Value *found = find(object.dict, Value::of(name)))
      return *found;
  }
  if (object.is(Kind::Macro) && name == "name")
    return Value::of(object.macro->node->text);
  return Value::undefined(name, Missing::Member, object.kind);
}

Value Interpreter::loopMember(const Loop &loop, std::string_view name) {
  int64_t index = int64_t(loop.index0), size = int64_t(loop.items->size);
  if (name == "index0")
    return Value::of(index);
  if (name == "index")
    return Value::of(index + 1);
  if (name == "first")
    return Value::of(index == 0);
  if (name == "last")
    return Value::of(index + 1 == size);
  if (name == "length")
    return Value::of(size);
  if (name == "revindex")
    return Value::of(size - index);
  if (name == "revindex0")
    return Value::of(size - index - 1);
  if (name == "depth")
    return Value::of(loop.depth0 + 1);
  if (name == "depth0")
    return Value::of(loop.depth0);
  if (name == "previtem")
    return index == 0 ? Value::undefined("there is no previous item")
                      : loop.items->items[index - 1];
  if (name == "nextitem")
    return index + 1 >= size ? Value::undefined("there is no next item")
                             : loop.items->items[index + 1];
  return Value::undefined(name, Missing::Member, Kind::Loop);
}

/// object[index].
Value Interpreter::element(const Value &object, const Value &index) {
  if (object.isUndefined())
    return fail(undefinedMessage(object));
  if (object.is(Kind::Dict)) {
    if (Value *found = find(object.dict, index))
      return *found;
  } else if (index.isWhole() &&
             (object.isText() || object.is(Kind::Sequence))) {
    int64_t at = index.whole();
    std::string shown = std::to_string(at);
    if (object.isText()) {
      std::string_view text = object.text();
      if (!spendBytes(text.size()))
        return Value();
      int64_t size = int64_t(length(text));
      at += at < 0 ? size : 0;
      if (at >= 0 && at < size) {
        size_t begin = offsetOf(text, size_t(at));
        size_t end = offsetOf(text.substr(begin), 1);
        return Value::of(text.substr(begin, end), object.markup);
      }
    } else {
      const Sequence &items = *object.sequence;
      if (items.kind == SequenceKind::List ||
          items.kind == SequenceKind::Tuple ||
          items.kind == SequenceKind::Range) {
        at += at < 0 ? int64_t(items.size) : 0;
        if (at >= 0 && at < int64_t(items.size))
          return items.items[at];
      }
    }
    return Value::undefined(keep(shown), Missing::Element, object.kind);
  }
  if (failed())
    return Value();
  // An element's name may also be an attribute's.
  if (index.isText())
    return member(object, index.text());
  std::string shown;
  if (!writeRepr(shown, index))
    return Value();
  return Value::undefined(keep(shown.substr(0, 200)), Missing::Element,
                          object.kind);
}

Value Interpreter::slice(const Value &object, const Node &node) {
  if (object.isUndefined())
    return fail(undefinedMessage(object));
  bool isList = object.is(Kind::Sequence) &&
                (object.sequence->kind == SequenceKind::List ||
                 object.sequence->kind == SequenceKind::Tuple ||
                 object.sequence->kind == SequenceKind::Range);
  std::optional<int64_t> parts[3];
  for (int i = 0; i < 3; ++i) {
    if (!node.children[size_t(i)])
      continue;
    Value part = evaluate(node.children[size_t(i)]);
    int64_t number;
    if (failed() || part.isNone())
      continue;
    if (!wantInteger(part, "slice", number))
      return Value();
    parts[i] = number;
  }
  if (failed())
    return Value();
  if (!isList && !object.isText())
    return fail("a " + std::string(typeName(object)) + " has no slices");
  int64_t step = parts[2].value_or(1);
  if (step == 0)
    return fail("a slice's step is 0");
  if (object.isText() && !spendBytes(object.size))
    return Value();
  int64_t size =
      isList ? int64_t(object.sequence->size) : int64_t(length(object.text()));
  // As Python clamps the ends.
  int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  auto clamp = [&](std::optional<int64_t> part, int64_t otherwise) {
    if (!part)
      return otherwise;
    int64_t at = *part < 0 ? std::max<int64_t>(*part, -size - 1) + size : *part;
    return std::clamp(at, low, high);
  };
  int64_t begin = clamp(parts[0], step > 0 ? low : high);
  int64_t end = clamp(parts[1], step > 0 ? high : low);
  if (!isList && step == 1) {
    if (end <= begin)
      return Value::of(std::string_view(), object.markup);
    size_t from = offsetOf(object.text(), size_t(begin));
    size_t bytes = offsetOf(object.text().substr(from), size_t(end - begin));
    return Value::of(object.text().substr(from, bytes), object.markup);
  }
  const Sequence *items = walk(object);
  if (!items)
    return Value();
  Sequence *chosen =
      sequence(isList && object.sequence->kind != SequenceKind::List
                   ? object.sequence->kind
                   : SequenceKind::List,
               0);
  for (__int128 i = begin; !failed() && (step > 0 ? i < end : i > end);
       i += step)
    append(chosen, items->items[size_t(i)]);
  if (failed())
    return Value();
  if (isList)
    return Value::of(chosen);
  Value joinedText = joined("", *chosen);
  joinedText.markup = object.markup;
  return joinedText;
}

/// A path as `map` and the like take it: names and numbers between dots.
Value Interpreter::attribute(const Value &object, const Value &path) {
  if (!path.isText())
    return path.isNone() ? object : element(object, path);
  std::string_view rest = path.text();
  Value at = object;
  for (bool more = true; more && !failed();) {
    size_t dot = rest.find('.');
    std::string_view part = rest.substr(0, dot);
    more = dot != std::string_view::npos;
    if (more)
      rest.remove_prefix(dot + 1);
    bool isNumber = !part.empty() && part.size() < 10;
    int64_t number = 0;
    for (char c : part) {
      isNumber &= c >= '0' && c <= '9';
      number = isNumber ? number * 10 + (c - '0') : 0;
    }
    at = element(at, isNumber ? Value::of(number) : Value::of(part));
  }
  return failed() ? Value() : at;
}
