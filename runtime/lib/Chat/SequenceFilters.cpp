//===- SequenceFilters.cpp - Filters of many values -------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Characters.h"
#include "Filters.h"
#include "Sort.h"

#include <algorithm>

using namespace espalier;
using namespace espalier::chat;

//===--- The table --------------------------------------------------------===//

namespace {

struct Entry {
  std::string_view name;
  Builtin function;
};
constexpr Entry filters[] = {
#define ESPALIER_CHAT_ENTRY(NAME, FUNCTION) {NAME, FilterTable::FUNCTION},
    ESPALIER_CHAT_FILTERS(ESPALIER_CHAT_ENTRY, ESPALIER_CHAT_ENTRY)
#undef ESPALIER_CHAT_ENTRY
};
/// Jinja's own that are not built.
constexpr std::string_view absent[] = {
    "center",    "filesizeformat", "groupby",  "pprint",    "random",
    "slice",     "striptags",      "truncate", "urlencode", "urlize",
    "wordcount", "wordwrap",       "xmlattr"};

} // namespace

int chat::findFilter(std::string_view name, bool &known) {
  for (size_t i = 0; i < std::size(filters); ++i)
    if (filters[i].name == name) {
      known = true;
      return int(i);
    }
  known =
      std::find(std::begin(absent), std::end(absent), name) != std::end(absent);
  return -1;
}

Builtin chat::filterAt(unsigned index) { return filters[index].function; }

//===--- Ends -------------------------------------------------------------===//

Value FilterTable::first(Interpreter &in, const Value &input, Arguments &) {
  if (input.is(Kind::Sequence) &&
      input.sequence->kind == SequenceKind::Iterator) {
    Sequence &from = *input.sequence;
    if (from.done < from.size)
      return from.items[from.done++];
    if (from.error)
      return in.fail(std::string(from.error, from.errorSize));
    return Value::undefined("the sequence is empty");
  }
  const Sequence *items = in.walk(input);
  if (!items)
    return Value();
  return items->size ? items->items[0]
                     : Value::undefined("the sequence is empty");
}

Value FilterTable::last(Interpreter &in, const Value &input, Arguments &) {
  if (input.is(Kind::Sequence) &&
      input.sequence->kind == SequenceKind::Iterator)
    return in.fail("last: a " + std::string(typeName(input)) +
                   " cannot be walked through backwards");
  const Sequence *items = in.walk(input);
  if (!items)
    return Value();
  return items->size ? items->items[items->size - 1]
                     : Value::undefined("the sequence is empty");
}

//===--- Sequences from others --------------------------------------------===//

Value FilterTable::list(Interpreter &in, const Value &input, Arguments &) {
  const Sequence *from = in.walk(input);
  Sequence *made = from ? in.sequence(SequenceKind::List, from->size) : nullptr;
  for (size_t i = 0; made && i < from->size; ++i)
    in.append(made, from->items[i]);
  return in.failed() ? Value() : Value::of(made);
}

Value FilterTable::items(Interpreter &in, const Value &input, Arguments &) {
  Sequence *made = in.sequence(SequenceKind::List, 0);
  if (!input.isUndefined() && !input.is(Kind::Dict))
    in.fail("items: expected a dict, got " + std::string(typeName(input)));
  for (size_t i = 0;
       input.is(Kind::Dict) && !in.failed() && i < input.dict->size; ++i)
    in.append(made, in.pair(input.dict->keys[i], input.dict->values[i]));
  return in.lazily(made);
}

Value FilterTable::reverse(Interpreter &in, const Value &input,
                           Arguments &given) {
  Value all = list(in, input, given);
  if (in.failed())
    return all;
  std::reverse(all.sequence->items, all.sequence->items + all.sequence->size);
  if (!input.isText())
    return in.iterator(all.sequence);
  Value text = in.joined("", *all.sequence);
  text.markup = input.markup;
  return text;
}

Value FilterTable::batch(Interpreter &in, const Value &input,
                         Arguments &given) {
  Value count, fill = in.take(given, 1, "fill_with", Value::none());
  int64_t size;
  if (!in.require(given, 0, "linecount", count) ||
      !in.wantInteger(count, "batch", size))
    return Value();
  if (size < 1 || size > 100'000)
    return in.fail("batch: expected a size of 1 to 100000");
  const Sequence *from = in.walk(input);
  Sequence *made = in.sequence(SequenceKind::List, 0), *row = nullptr;
  for (size_t i = 0; from && !in.failed() && i < from->size; ++i) {
    if (!row || row->size == size_t(size)) {
      row = in.sequence(SequenceKind::List, 0);
      if (row)
        in.append(made, Value::of(row));
    }
    in.append(row, from->items[i]);
  }
  while (row && !fill.isNone() && !in.failed() && row->size < size_t(size))
    in.append(row, fill);
  return in.lazily(made);
}

Value FilterTable::join(Interpreter &in, const Value &input, Arguments &given) {
  Value separator = in.take(given, 0, "d", Value::of(std::string_view()));
  Value attribute = in.take(given, 1, "attribute", Value::none());
  separator = in.asText(separator);
  const Sequence *from = in.failed() ? nullptr : in.walk(input);
  std::string made;
  for (size_t i = 0; from && i < from->size; ++i) {
    Value item = in.attribute(from->items[i], attribute);
    if (i)
      made += separator.text();
    if (in.failed() || !in.spendBytes(separator.size) || !in.write(made, item))
      return Value();
  }
  return in.failed() ? Value() : in.text(made);
}

Value FilterTable::map(Interpreter &in, const Value &input, Arguments &given) {
  Sequence *made = in.sequence(SequenceKind::List, 0);
  if (!in.truth(input)) {
    given.positional = given.values.size();
    given.byName = given.named.size();
    return in.lazily(made);
  }
  const Sequence *from = in.walk(input);
  if (given.values.empty()) {
    Value attribute, otherwise = in.take(given, 9, "default", Value::none());
    if (!in.require(given, 9, "attribute", attribute))
      return Value();
    for (size_t i = 0; from && !in.failed() && i < from->size; ++i) {
      Value value = in.attribute(from->items[i], attribute);
      if (value.isUndefined() && !otherwise.isNone())
        value = otherwise;
      if (!in.failed())
        in.append(made, value);
    }
    return in.lazily(made);
  }
  std::string_view name;
  if (!in.wantText(given.values[0], "map", name))
    return Value();
  bool known;
  int found = findFilter(name, known);
  if (found < 0)
    return in.fail("map: filter '" + std::string(name.substr(0, 40)) +
                   "' is not supported");
  given.positional = given.values.size();
  given.byName = given.named.size();
  for (size_t i = 0; from && !in.failed() && i < from->size; ++i) {
    Interpreter::Depth guard(in);
    Arguments rest;
    rest.values.assign(given.values.begin() + 1, given.values.end());
    rest.named = given.named;
    Value value = filterAt(unsigned(found))(in, from->items[i], rest);
    if (in.finish(rest, name))
      in.append(made, value);
  }
  return in.lazily(made);
}

/// select, reject, selectattr and rejectattr.
Value FilterTable::choose(Interpreter &in, const Value &input, Arguments &given,
                          bool withAttribute, bool wanted) {
  Sequence *made = in.sequence(SequenceKind::List, 0);
  given.positional = given.values.size();
  given.byName = given.named.size();
  if (!made || !in.truth(input))
    return in.lazily(made);
  size_t at = withAttribute;
  if (given.values.size() < at)
    return in.fail("the name of an attribute is missing");
  int found = -1;
  std::string_view name;
  if (given.values.size() > at) {
    bool known;
    if (!in.wantText(given.values[at], "the name of a test", name))
      return Value();
    found = findTest(name, known);
    if (found < 0)
      return in.fail("test '" + std::string(name.substr(0, 40)) +
                     "' is not supported");
  }
  const Sequence *from = in.walk(input);
  for (size_t i = 0; from && !in.failed() && i < from->size; ++i) {
    Value item = from->items[i];
    Value value = withAttribute ? in.attribute(item, given.values[0]) : item;
    if (found >= 0 && !in.failed()) {
      Arguments rest;
      rest.values.assign(given.values.begin() + ptrdiff_t(at) + 1,
                         given.values.end());
      rest.named = given.named;
      value = testAt(unsigned(found))(in, value, rest);
      in.finish(rest, name);
    }
    if (!in.failed() && in.truth(value) == wanted)
      in.append(made, item);
  }
  return in.lazily(made);
}

Value FilterTable::select(Interpreter &in, const Value &input,
                          Arguments &given) {
  return choose(in, input, given, false, true);
}
Value FilterTable::reject(Interpreter &in, const Value &input,
                          Arguments &given) {
  return choose(in, input, given, false, false);
}
Value FilterTable::selectAttr(Interpreter &in, const Value &input,
                              Arguments &given) {
  return choose(in, input, given, true, true);
}
Value FilterTable::rejectAttr(Interpreter &in, const Value &input,
                              Arguments &given) {
  return choose(in, input, given, true, false);
}

//===--- Order ------------------------------------------------------------===//

/// What an item is compared by.
Value FilterTable::sortKey(Interpreter &in, const Value &item,
                           const Value &attribute, bool caseSensitive) {
  Value key = in.attribute(item, attribute);
  if (in.failed() || caseSensitive || !key.isText())
    return key;
  return makeText(in, toLower(key.text()), false);
}

/// Sorts items by keys, stably; equal ones keep their order in reverse too.
/// `areLists`: Jinja compares lists of one key, in which equal keys that have
/// no order are no error.
void FilterTable::sortBy(Interpreter &in, Sequence &items, const Value *keys,
                         bool reverse, bool areLists) {
  std::vector<size_t> places = sortedPlaces(items.size, [&](size_t a,
                                                            size_t b) {
    if (in.failed() || (areLists && in.equal(keys[a], keys[b])))
      return false;
    return in.order(keys[reverse ? b : a], keys[reverse ? a : b], "<") == -1;
  });
  auto *sorted = in.make<Value>(items.size + 1);
  if (in.failed())
    return;
  for (size_t i = 0; i < items.size; ++i)
    sorted[i] = items.items[places[i]];
  items.items = sorted;
}

Value FilterTable::sort(Interpreter &in, const Value &input, Arguments &given) {
  bool reversed = in.truth(in.take(given, 0, "reverse", Value::of(false)));
  bool caseSensitive =
      in.truth(in.take(given, 1, "case_sensitive", Value::of(false)));
  Value attribute = in.take(given, 2, "attribute", Value::none());
  if (attribute.isText() &&
      attribute.text().find(',') != std::string_view::npos)
    return in.fail("sort: several attributes are not supported");
  Arguments none;
  Value all = list(in, input, none);
  if (in.failed())
    return all;
  Sequence &items = *all.sequence;
  auto *keys = in.make<Value>(items.size + 1);
  for (size_t i = 0; i < items.size && !in.failed(); ++i)
    keys[i] = sortKey(in, items.items[i], attribute, caseSensitive);
  if (!in.failed())
    sortBy(in, items, keys, reversed, /*areLists=*/true);
  return in.failed() ? Value() : all;
}

Value FilterTable::dictsort(Interpreter &in, const Value &input,
                            Arguments &given) {
  bool caseSensitive =
      in.truth(in.take(given, 0, "case_sensitive", Value::of(false)));
  Value by = in.take(given, 1, "by", Value::of(std::string_view("key")));
  bool reversed = in.truth(in.take(given, 2, "reverse", Value::of(false)));
  std::string_view what;
  if (!in.wantText(by, "dictsort", what))
    return Value();
  if (what != "key" && what != "value")
    return in.fail("dictsort: expected by key or by value");
  if (!input.is(Kind::Dict))
    return in.fail("dictsort: expected a dict, got " +
                   std::string(typeName(input)));
  const Dict &from = *input.dict;
  Sequence *made = in.sequence(SequenceKind::List, from.size);
  auto *keys = in.make<Value>(from.size + 1);
  for (size_t i = 0; i < from.size && !in.failed(); ++i) {
    in.append(made, in.pair(from.keys[i], from.values[i]));
    keys[i] = sortKey(in, what == "key" ? from.keys[i] : from.values[i],
                      Value::none(), caseSensitive);
  }
  if (!in.failed())
    sortBy(in, *made, keys, reversed, /*areLists=*/false);
  return in.failed() ? Value() : Value::of(made);
}

Value FilterTable::unique(Interpreter &in, const Value &input,
                          Arguments &given) {
  bool caseSensitive =
      in.truth(in.take(given, 0, "case_sensitive", Value::of(false)));
  Value attribute = in.take(given, 1, "attribute", Value::none());
  const Sequence *from = in.walk(input);
  Sequence *made = in.sequence(SequenceKind::List, 0);
  Dict *seen = in.dict(0);
  for (size_t i = 0; from && !in.failed() && i < from->size; ++i) {
    Value key = sortKey(in, from->items[i], attribute, caseSensitive);
    if (in.failed())
      break;
    size_t before = seen->size;
    if (in.insert(seen, key, Value::none()) && seen->size > before)
      in.append(made, from->items[i]);
  }
  return in.lazily(made);
}

Value FilterTable::extreme(Interpreter &in, const Value &input,
                           Arguments &given, bool largest) {
  bool caseSensitive =
      in.truth(in.take(given, 0, "case_sensitive", Value::of(false)));
  Value attribute = in.take(given, 1, "attribute", Value::none());
  const Sequence *from = in.walk(input);
  if (!from)
    return Value();
  if (from->size == 0)
    return Value::undefined("the sequence is empty");
  Value best = from->items[0];
  Value bestKey = sortKey(in, best, attribute, caseSensitive);
  for (size_t i = 1; i < from->size && !in.failed(); ++i) {
    Value key = sortKey(in, from->items[i], attribute, caseSensitive);
    if (in.failed())
      break;
    int order = in.order(key, bestKey, largest ? ">" : "<");
    if (order == (largest ? 1 : -1)) {
      best = from->items[i];
      bestKey = key;
    }
  }
  return in.failed() ? Value() : best;
}

Value FilterTable::max(Interpreter &in, const Value &input, Arguments &given) {
  return extreme(in, input, given, true);
}
Value FilterTable::min(Interpreter &in, const Value &input, Arguments &given) {
  return extreme(in, input, given, false);
}

Value FilterTable::sum(Interpreter &in, const Value &input, Arguments &given) {
  Value attribute = in.take(given, 0, "attribute", Value::none());
  Value total = in.take(given, 1, "start", Value::of(int64_t(0)));
  if (total.isText())
    return in.fail("sum: texts are not summed");
  const Sequence *from = in.walk(input);
  for (size_t i = 0; from && !in.failed() && i < from->size; ++i) {
    Value item = in.attribute(from->items[i], attribute);
    if (!in.failed())
      total = in.binary(Operation::Add, total, item);
  }
  return in.failed() ? Value() : total;
}
