//===- Interpreter.cpp - One rendering of a template ------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace espalier;
using namespace espalier::chat;

//===--- Arena ------------------------------------------------------------===//

Arena::~Arena() {
  while (chunks) {
    Chunk *next = chunks->next;
    free(chunks);
    chunks = next;
  }
}

void *Arena::allocate(size_t bytes) {
  if (bytes > limit)
    return nullptr;
  bytes = std::max<size_t>((bytes + 15) & ~size_t(15), 16);
  if (bytes > limit - used)
    return nullptr;
  used += bytes;
  if (bytes <= left) {
    void *memory = at;
    at += bytes;
    left -= bytes;
    return memory;
  }
  constexpr size_t chunkBytes = 64 << 10;
  bool isOwn = bytes > chunkBytes / 4;
  size_t size = isOwn ? bytes : chunkBytes;
  static_assert(sizeof(Chunk) <= 16);
  auto *chunk = static_cast<Chunk *>(malloc(16 + size));
  if (!chunk)
    return nullptr;
  chunk->next = chunks;
  chunks = chunk;
  char *memory = reinterpret_cast<char *>(chunk) + 16;
  if (!isOwn) {
    at = memory + bytes;
    left = size - bytes;
  }
  return memory;
}

//===--- Failing ----------------------------------------------------------===//

Value Interpreter::fail(const std::string &message) {
  if (!hasFailed) {
    hasFailed = true;
    failure.message = message;
    failure.line = line;
  }
  return Value();
}

Value Interpreter::failFatally(const std::string &message) {
  isFatal |= !hasFailed;
  return fail(message);
}

bool Interpreter::spend(uint64_t count) {
  if (hasFailed)
    return false;
  if (count > limits.steps - steps) {
    failFatally("the template takes more than " + std::to_string(limits.steps) +
                " steps");
    return false;
  }
  steps += count;
  return true;
}

//===--- Making values ----------------------------------------------------===//

std::string_view Interpreter::keep(std::string_view text) {
  if (text.empty() || !spendBytes(text.size()))
    return {};
  char *copy = make<char>(text.size());
  if (!copy)
    return {};
  memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

Value Interpreter::text(std::string_view text, bool markup) {
  return Value::of(keep(text), markup);
}

Sequence *Interpreter::sequence(SequenceKind kind, size_t capacity) {
  auto *made = make<Sequence>();
  Value *items = capacity ? make<Value>(capacity) : nullptr;
  if (!made || (capacity && !items))
    return nullptr;
  *made = {kind, items, 0, capacity, 0, nullptr, 0};
  return made;
}

bool Interpreter::append(Sequence *to, Value value) {
  if (!to || !spend(1))
    return false;
  if (to->size == to->capacity) {
    size_t capacity = std::max<size_t>(4, to->capacity * 2);
    Value *items = make<Value>(capacity);
    if (!items)
      return false;
    std::copy(to->items, to->items + to->size, items);
    to->items = items;
    to->capacity = capacity;
  }
  to->items[to->size++] = value;
  return true;
}

Value Interpreter::iterator(Sequence *items) {
  if (!items)
    return Value();
  items->kind = SequenceKind::Iterator;
  return Value::of(items);
}

Value Interpreter::lazily(Sequence *items) {
  if (!items || (hasFailed && isFatal))
    return Value();
  if (!hasFailed)
    return iterator(items);
  std::string message = std::move(failure.message);
  failure = Failure();
  hasFailed = false;
  std::string_view kept = keep(message);
  if (hasFailed)
    return Value();
  items->error = kept.empty() ? "" : kept.data();
  items->errorSize = kept.size();
  return iterator(items);
}

Value Interpreter::pair(Value first, Value second) {
  Sequence *made = sequence(SequenceKind::Tuple, 2);
  append(made, first);
  append(made, second);
  return made ? Value::of(made) : Value();
}

Dict *Interpreter::dict(size_t capacity) {
  auto *made = make<Dict>();
  Value *keys = capacity ? make<Value>(capacity) : nullptr;
  Value *values = capacity ? make<Value>(capacity) : nullptr;
  if (!made || (capacity && (!keys || !values)))
    return nullptr;
  *made = {keys, values, 0, capacity};
  return made;
}

Value *Interpreter::find(const Dict *in, const Value &key) {
  for (size_t i = 0; i < in->size; ++i) {
    // Most keys are texts, and most differ in length.
    if (key.isText() && in->keys[i].isText() ? key.text() == in->keys[i].text()
                                             : equal(key, in->keys[i])) {
      spend(1 + i);
      return &in->values[i];
    }
  }
  spend(1 + in->size);
  return nullptr;
}

bool Interpreter::isHashable(const Value &value) {
  if (value.is(Kind::Sequence)) {
    const Sequence &items = *value.sequence;
    if (items.kind == SequenceKind::List || items.kind == SequenceKind::Keys ||
        items.kind == SequenceKind::Items)
      return false;
    for (size_t i = 0; items.kind == SequenceKind::Tuple && i < items.size; ++i)
      if (items.items[i].is(Kind::Dict) ||
          (items.items[i].is(Kind::Sequence) &&
           items.items[i].sequence->kind == SequenceKind::List))
        return false;
  }
  return !value.is(Kind::Dict);
}

bool Interpreter::insert(Dict *to, Value key, Value value) {
  if (!to)
    return false;
  if (!isHashable(key)) {
    fail("a " + std::string(typeName(key)) + " is no key of a dict");
    return false;
  }
  if (Value *old = find(to, key)) {
    *old = value;
    return true;
  }
  if (failed())
    return false;
  if (to->size == to->capacity) {
    Dict *larger = dict(std::max<size_t>(4, to->capacity * 2));
    if (!larger)
      return false;
    std::copy(to->keys, to->keys + to->size, larger->keys);
    std::copy(to->values, to->values + to->size, larger->values);
    to->keys = larger->keys;
    to->values = larger->values;
    to->capacity = larger->capacity;
  }
  to->keys[to->size] = key;
  to->values[to->size++] = value;
  return true;
}

/// The texts stay the data's.
Value Interpreter::fromData(const Data &data) {
  Depth guard(*this);
  if (!spend(1))
    return Value();
  switch (data.kind) {
  case Data::Kind::Null:
    return Value::none();
  case Data::Kind::Bool:
    return Value::of(data.integer != 0);
  case Data::Kind::Integer:
    return Value::of(data.integer);
  case Data::Kind::Real:
    return Value::of(data.real);
  case Data::Kind::Text:
    return Value::of(std::string_view(data.text));
  case Data::Kind::List: {
    Sequence *list = sequence(SequenceKind::List, data.items.size());
    for (const Data &item : data.items)
      if (!append(list, fromData(item)))
        return Value();
    return list ? Value::of(list) : Value();
  }
  case Data::Kind::Map: {
    Dict *map = dict(data.items.size());
    if (!map)
      return Value();
    for (size_t i = 0; i < data.items.size(); ++i) {
      map->keys[i] = Value::of(std::string_view(data.keys[i]));
      map->values[i] = fromData(data.items[i]);
      ++map->size;
    }
    return Value::of(map);
  }
  }
  return Value();
}

//===--- Arguments --------------------------------------------------------===//

const Value *Arguments::find(size_t index, std::string_view name) {
  if (index < values.size()) {
    positional = std::max(positional, index + 1);
    return &values[index];
  }
  for (const NamedValue &one : named)
    if (one.name == name) {
      ++byName;
      return &one.value;
    }
  return nullptr;
}

Value Interpreter::take(Arguments &arguments, size_t index, const char *name,
                        Value otherwise) {
  const Value *found = arguments.find(index, name);
  return found ? *found : otherwise;
}

bool Interpreter::require(Arguments &arguments, size_t index, const char *name,
                          Value &out) {
  const Value *found = arguments.find(index, name);
  if (!found) {
    fail(std::string("argument '") + name + "' is missing");
    return false;
  }
  out = *found;
  return true;
}

bool Interpreter::finish(const Arguments &arguments, std::string_view what) {
  if (failed())
    return false;
  if (arguments.positional >= arguments.values.size() &&
      arguments.byName >= arguments.named.size())
    return true;
  fail("'" + std::string(what) +
       "' is given an argument that it does not take");
  return false;
}

bool Interpreter::wantText(const Value &value, std::string_view what,
                           std::string_view &out) {
  if (value.isText()) {
    out = value.text();
    return true;
  }
  fail(std::string(what) + ": expected a text, got " +
       (value.isUndefined() ? undefinedMessage(value)
                            : std::string(typeName(value))));
  return false;
}

bool Interpreter::wantInteger(const Value &value, std::string_view what,
                              int64_t &out) {
  if (value.isWhole()) {
    out = value.whole();
    return true;
  }
  fail(std::string(what) + ": expected an integer, got " +
       (value.isUndefined() ? undefinedMessage(value)
                            : std::string(typeName(value))));
  return false;
}

//===--- Rendering --------------------------------------------------------===//

bool Interpreter::run(const Data &variables, std::string &text) {
  scope = newScope(nullptr);
  for (size_t i = 0; !failed() && i < variables.items.size(); ++i)
    bind(variables.keys[i], fromData(variables.items[i]));
  text.clear();
  out = &text;
  if (!failed())
    execute(program.body);
  return !failed();
}

Template::Template() = default;
Template::Template(Template &&) = default;
Template &Template::operator=(Template &&) = default;
Template::~Template() = default;

Result<Template> Template::parse(std::string_view source) {
  if (source.size() > maxBytes)
    return Error{"the template has " + std::to_string(source.size()) +
                 " bytes, more than " + std::to_string(maxBytes)};
  auto program = std::make_unique<Program>();
  std::vector<Token> tokens;
  if (Status status = tokenize(source, *program, tokens); !status)
    return status.takeError();
  if (Status status = parseTokens(tokens, *program); !status)
    return status.takeError();
  Template made;
  made.program = std::move(program);
  return Result<Template>(std::move(made));
}

bool Template::render(const Data &variables, int64_t now, std::string &text,
                      Failure &failure, const Limits &limits) const {
  Interpreter interpreter(*program, limits, now);
  bool good = interpreter.run(variables, text);
  failure = std::move(interpreter.failure);
  return good;
}
