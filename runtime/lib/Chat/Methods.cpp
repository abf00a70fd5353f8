//===- Methods.cpp - Methods of texts, dicts, lists and loops ---*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Characters.h"
#include "Interpreter.h"

#include "espalier/Support/Utf8.h"

#include <algorithm>

using namespace espalier;
using namespace espalier::chat;

constexpr size_t npos = std::string_view::npos;

//===--- Parts of texts ---------------------------------------------------===//

Value Interpreter::strip(const Value &self, bool left, bool right,
                         const Value *chars) {
  std::string_view text = self.text();
  if (!spendBytes(text.size()))
    return Value();
  if (!chars || chars->isNone()) {
    if (left)
      text.remove_prefix(spaceBefore(text));
    if (right)
      text.remove_suffix(spaceAfter(text));
    return Value::of(text, self.markup);
  }
  std::string_view set;
  if (!wantText(*chars, "strip", set) ||
      !spend(1 + uint64_t(text.size()) * set.size() / 16))
    return Value();
  auto isOne = [&](std::string_view character) {
    return chat::find(set, character) != npos;
  };
  while (left && !text.empty()) {
    size_t bytes = offsetOf(text, 1);
    if (!isOne(text.substr(0, bytes)))
      break;
    text.remove_prefix(bytes);
  }
  while (right && !text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && (uint8_t(text[begin]) & 0xc0) == 0x80)
      --begin;
    if (!isOne(text.substr(begin)))
      break;
    text = text.substr(0, begin);
  }
  return Value::of(text, self.markup);
}

Value Interpreter::split(const Value &self, bool fromRight,
                         Arguments &arguments) {
  Value separator = take(arguments, 0, "sep", Value::none());
  Value most = take(arguments, 1, "maxsplit", Value::of(int64_t(-1)));
  int64_t limit;
  std::string_view text = self.text(), by;
  if (!finish(arguments, "split") || !wantInteger(most, "maxsplit", limit) ||
      !spendBytes(text.size()))
    return Value();
  if (!separator.isNone() && !wantText(separator, "split", by))
    return Value();
  if (separator.isText() && by.empty())
    return fail("split: the separator is empty");
  if (limit < 0)
    limit = INT64_MAX;
  Sequence *parts = sequence(SequenceKind::List, 0);
  auto add = [&](std::string_view part) {
    append(parts, Value::of(part, self.markup));
  };
  if (separator.isNone()) {
    auto trimmed = [&](std::string_view t) {
      if (fromRight)
        t.remove_suffix(spaceAfter(t));
      else
        t.remove_prefix(spaceBefore(t));
      return t;
    };
    text = trimmed(text);
    for (; !text.empty() && !failed(); --limit) {
      if (limit == 0) {
        // The rest keeps its white space but at its outer end.
        add(text);
        break;
      }
      if (fromRight) {
        size_t begin = text.size();
        while (begin > 0) {
          size_t before = begin - 1;
          while (before > 0 && (uint8_t(text[before]) & 0xc0) == 0x80)
            --before;
          if (isSpace(decodeUtf8(text, before).scalar))
            break;
          begin = before;
        }
        add(text.substr(begin));
        text = trimmed(text.substr(0, begin));
      } else {
        size_t end = 0;
        while (end < text.size()) {
          DecodedScalar c = decodeUtf8(text, end);
          if (isSpace(c.scalar))
            break;
          end += c.length;
        }
        add(text.substr(0, end));
        text = trimmed(text.substr(end));
      }
    }
  } else if (!fromRight) {
    size_t at = 0;
    for (; limit > 0 && !failed(); --limit) {
      size_t found = chat::find(text, by, at);
      if (found == npos)
        break;
      add(text.substr(at, found - at));
      at = found + by.size();
    }
    add(text.substr(at));
  } else {
    // From the right, matches may fall otherwise than from the left.
    size_t end = text.size();
    if (!spend(text.size() * std::min<size_t>(by.size(), 64) / 16))
      return Value();
    for (; limit > 0 && !failed() && end >= by.size(); --limit) {
      size_t found = text.rfind(by, end - by.size());
      if (found == npos)
        break;
      add(text.substr(found + by.size(), end - found - by.size()));
      end = found;
    }
    add(text.substr(0, end));
  }
  if (failed())
    return Value();
  if (fromRight)
    std::reverse(parts->items, parts->items + parts->size);
  return Value::of(parts);
}

Value Interpreter::replaced(std::string_view from, std::string_view what,
                            std::string_view by, int64_t count, bool markup) {
  if (count < 0)
    count = INT64_MAX;
  std::string made;
  size_t at = 0;
  if (!spendBytes(from.size()))
    return Value();
  if (what.empty()) {
    for (; count > 0; --count) {
      made += by;
      if (!spend(1) || tooLong(made.size()) || at == from.size())
        break;
      size_t end = at + offsetOf(from.substr(at), 1);
      made += from.substr(at, end - at);
      at = end;
    }
  } else {
    for (; count > 0; --count) {
      size_t found = chat::find(from, what, at);
      if (found == npos || !spend(1) || tooLong(made.size()))
        break;
      made += from.substr(at, found - at);
      made += by;
      at = found + what.size();
    }
  }
  made += from.substr(at);
  return failed() || tooLong(made.size()) ? Value() : text(made, markup);
}

/// Items that are texts.
Value Interpreter::joined(std::string_view separator, const Sequence &items) {
  std::string made;
  for (size_t i = 0; i < items.size; ++i) {
    std::string_view one;
    if (!wantText(items.items[i], "join", one) || !spendBytes(one.size()))
      return Value();
    if (i)
      made += separator;
    made += one;
    if (tooLong(made.size()))
      return Value();
  }
  return text(made);
}

namespace {

/// The end of the line that begins at `at`, and of its newline.
size_t lineEnd(std::string_view text, size_t at, size_t &behind) {
  while (at < text.size()) {
    DecodedScalar c = decodeUtf8(text, at);
    uint32_t s = c.scalar;
    if ((s >= 10 && s <= 13) || (s >= 0x1c && s <= 0x1e) || s == 0x85 ||
        s == 0x2028 || s == 0x2029) {
      behind = at + c.length;
      if (s == '\r' && behind < text.size() && text[behind] == '\n')
        ++behind;
      return at;
    }
    at += c.length;
  }
  behind = at;
  return at;
}

template <typename Is> bool all(std::string_view text, Is is) {
  if (text.empty())
    return false;
  for (size_t at = 0; at < text.size();) {
    DecodedScalar c = decodeUtf8(text, at);
    if (!is(c.scalar))
      return false;
    at += c.length;
  }
  return true;
}

/// isupper and islower: some letter has that case, none the other.
bool isCase(std::string_view text, int wanted) {
  bool some = false;
  for (size_t at = 0; at < text.size();) {
    DecodedScalar c = decodeUtf8(text, at);
    int letterCase = caseOf(c.scalar);
    if (letterCase && letterCase != wanted)
      return false;
    some |= letterCase == wanted;
    at += c.length;
  }
  return some;
}

size_t countOf(std::string_view text, std::string_view what) {
  if (what.empty())
    return length(text) + 1;
  size_t count = 0;
  for (size_t at = chat::find(text, what); at != npos;
       at = chat::find(text, what, at + what.size()))
    ++count;
  return count;
}

} // namespace

Value Interpreter::textMethod(const Value &self, std::string_view name,
                              Arguments &given) {
  std::string_view text = self.text();
  if (!spendBytes(text.size() * 4))
    return Value();
  if (name == "strip" || name == "lstrip" || name == "rstrip") {
    const Value *chars = given.find(0, "chars");
    return strip(self, name != "rstrip", name != "lstrip", chars);
  }
  if (name == "split" || name == "rsplit")
    return split(self, name == "rsplit", given);
  if (name == "upper")
    return this->text(toUpper(text), self.markup);
  if (name == "lower")
    return this->text(toLower(text), self.markup);
  if (name == "title")
    return this->text(toTitle(text), self.markup);
  if (name == "capitalize")
    return this->text(capitalize(text), self.markup);
  if (name == "swapcase")
    return this->text(swapCase(text), self.markup);
  if (name == "isspace")
    return Value::of(all(text, isSpace));
  if (name == "isalpha")
    return Value::of(all(text, isAlpha));
  if (name == "isdigit")
    return Value::of(all(text, isDigit));
  if (name == "isalnum")
    return Value::of(all(text, isAlnum));
  if (name == "isupper")
    return Value::of(isCase(text, 2));
  if (name == "islower")
    return Value::of(isCase(text, 1));
  if (name == "splitlines") {
    bool keepEnds = truth(take(given, 0, "keepends", Value::of(false)));
    Sequence *lines = sequence(SequenceKind::List, 0);
    for (size_t at = 0; at < text.size() && !failed();) {
      size_t behind, end = lineEnd(text, at, behind);
      append(lines, Value::of(text.substr(at, (keepEnds ? behind : end) - at),
                              self.markup));
      at = behind;
    }
    return failed() ? Value() : Value::of(lines);
  }
  Value first;
  if (!require(given, 0, "of the method", first))
    return Value();
  if (name == "startswith" || name == "endswith") {
    bool isTuple =
        first.is(Kind::Sequence) && first.sequence->kind == SequenceKind::Tuple;
    const Value *any = isTuple ? first.sequence->items : &first;
    for (size_t i = 0, n = isTuple ? first.sequence->size : 1; i < n; ++i) {
      std::string_view part;
      if (!wantText(any[i], name, part))
        return Value();
      if (name == "startswith" ? text.starts_with(part) : text.ends_with(part))
        return Value::of(true);
    }
    return Value::of(false);
  }
  if (name == "join") {
    if (self.markup)
      return fail("'join' of a text marked safe is not supported");
    const Sequence *items = walk(first);
    return items ? joined(text, *items) : Value();
  }
  std::string_view what;
  if (!wantText(first, name, what) || !spendBytes(what.size()))
    return Value();
  if (name == "replace") {
    Value second;
    std::string_view by;
    Value count = take(given, 2, "count", Value::of(int64_t(-1)));
    int64_t most;
    if (self.markup)
      return fail("'replace' of a text marked safe is not supported");
    if (!require(given, 1, "new", second) || !wantText(second, name, by) ||
        !wantInteger(count, "replace", most))
      return Value();
    return replaced(text, what, by, most, false);
  }
  if (name == "count")
    return Value::of(int64_t(countOf(text, what)));
  if (name == "removeprefix")
    return Value::of(text.starts_with(what) ? text.substr(what.size()) : text,
                     self.markup);
  if (name == "removesuffix")
    return Value::of(
        text.ends_with(what) ? text.substr(0, text.size() - what.size()) : text,
        self.markup);
  bool fromRight = name[0] == 'r';
  if (fromRight && !spend(text.size() * std::min<size_t>(what.size(), 64) / 16))
    return Value();
  size_t found = fromRight ? text.rfind(what) : chat::find(text, what);
  if (name == "partition" || name == "rpartition") {
    if (what.empty())
      return fail("partition: the separator is empty");
    Sequence *parts = sequence(SequenceKind::Tuple, 3);
    std::string_view empty;
    bool none = found == npos;
    size_t behind = none ? 0 : found + what.size();
    append(parts,
           Value::of(none ? fromRight ? empty : text : text.substr(0, found),
                     self.markup));
    append(parts, Value::of(none ? empty : what, self.markup));
    append(parts,
           Value::of(none ? fromRight ? text : empty : text.substr(behind),
                     self.markup));
    return failed() ? Value() : Value::of(parts);
  }
  // find, index, rfind, rindex
  if (found == npos)
    return name.ends_with("index")
               ? fail(std::string(name) + ": the text is not found")
               : Value::of(int64_t(-1));
  return Value::of(int64_t(length(text.substr(0, found))));
}

//===--- Dicts, lists, loops ----------------------------------------------===//

Value Interpreter::dictMethod(const Value &self, std::string_view name,
                              Arguments &given) {
  const Dict &from = *self.dict;
  if (name == "get") {
    Value key;
    if (!require(given, 0, "key", key))
      return Value();
    Value otherwise = take(given, 1, "", Value::none());
    if (!isHashable(key))
      return fail("a " + std::string(typeName(key)) + " is no key of a dict");
    Value *found = find(&from, key);
    return found ? *found : otherwise;
  }
  if (!spend(from.size))
    return Value();
  if (name == "copy") {
    Dict *copy = dict(from.size);
    for (size_t i = 0; copy && i < from.size; ++i) {
      copy->keys[i] = from.keys[i];
      copy->values[i] = from.values[i];
    }
    if (!copy)
      return Value();
    copy->size = from.size;
    return Value::of(copy);
  }
  Sequence *view = sequence(name == "keys"     ? SequenceKind::Keys
                            : name == "values" ? SequenceKind::Values
                                               : SequenceKind::Items,
                            from.size);
  for (size_t i = 0; i < from.size && !failed(); ++i)
    append(view, name == "keys"     ? from.keys[i]
                 : name == "values" ? from.values[i]
                                    : pair(from.keys[i], from.values[i]));
  return failed() ? Value() : Value::of(view);
}

Value Interpreter::callMethod(const Value &self, std::string_view name,
                              Arguments &given) {
  Value result;
  switch (self.kind) {
  case Kind::Text:
    result = textMethod(self, name, given);
    break;
  case Kind::Dict:
    result = dictMethod(self, name, given);
    break;
  case Kind::Sequence: {
    const Sequence &items = *self.sequence;
    if (name == "copy") {
      Sequence *copy = sequence(items.kind, items.size);
      for (size_t i = 0; i < items.size && !failed(); ++i)
        append(copy, items.items[i]);
      result = failed() ? Value() : Value::of(copy);
      break;
    }
    Value what;
    if (!require(given, 0, "value", what))
      return Value();
    int64_t count = 0, first = -1;
    for (size_t i = 0; i < items.size && !failed(); ++i)
      if (equal(items.items[i], what)) {
        first = count++ == 0 ? int64_t(i) : first;
      }
    if (name == "index" && first < 0)
      return fail("index: the value is not found");
    result = Value::of(name == "index" ? first : count);
    break;
  }
  case Kind::Loop: {
    Loop &loop = *self.loop;
    given.positional = given.values.size();
    if (name == "cycle") {
      if (given.values.empty())
        return fail("cycle: no values are given");
      result = given.values[loop.index0 % given.values.size()];
      break;
    }
    Sequence *now = sequence(SequenceKind::Tuple, given.values.size());
    for (const Value &value : given.values)
      append(now, value);
    if (failed())
      return Value();
    bool same =
        loop.changed &&
        equal(Value::of(const_cast<Sequence *>(loop.changed)), Value::of(now));
    loop.changed = now;
    result = Value::of(!same);
    break;
  }
  default:
    return fail("no such method");
  }
  return finish(given, name) ? result : Value();
}
