//===- Value.h - The values of a template -----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CHAT_VALUE_H
#define ESPALIER_RUNTIME_CHAT_VALUE_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace espalier::chat {

enum class Kind : uint8_t {
  Undefined,
  None,
  Bool,
  Integer,
  Real,
  Text,
  Sequence,
  Dict,
  Namespace,
  Macro,
  Function,
  Method,
  Loop
};

struct Sequence;
struct Dict;
struct Macro;
struct Method;
struct Loop;

/// How an undefined value came about, for its message.
enum class Missing : uint8_t { Name, Member, Element, Said };

/// Text and undefined values are views: what they show lives as long as the
/// rendering (the template, the data or the arena).
struct Value {
  Kind kind = Kind::Undefined;
  bool markup = false;             ///< text: went through `safe` or `escape`
  Missing missing = Missing::Said; ///< undefined
  Kind owner = Kind::None;         ///< undefined: kind of what lacks it
  union {
    bool boolean;
    int64_t integer = 0;
    double real;
    const char *data; ///< text; undefined: a name, or what is to be said
    Sequence *sequence;
    Dict *dict; ///< and Namespace
    const Macro *macro;
    Method *method;
    Loop *loop;
    unsigned function;
  };
  size_t size = 0; ///< of `data`

  static Value none() {
    Value v;
    v.kind = Kind::None;
    return v;
  }
  static Value of(bool b) {
    Value v;
    v.kind = Kind::Bool;
    v.boolean = b;
    return v;
  }
  static Value of(int64_t i) {
    Value v;
    v.kind = Kind::Integer;
    v.integer = i;
    return v;
  }
  static Value of(double d) {
    Value v;
    v.kind = Kind::Real;
    v.real = d;
    return v;
  }
  static Value of(std::string_view text, bool markup = false) {
    Value v;
    v.kind = Kind::Text;
    v.markup = markup;
    v.data = text.data();
    v.size = text.size();
    return v;
  }
  static Value of(Sequence *s) {
    Value v;
    v.kind = Kind::Sequence;
    v.sequence = s;
    return v;
  }
  static Value of(Dict *d, Kind kind = Kind::Dict) {
    Value v;
    v.kind = kind;
    v.dict = d;
    return v;
  }
  static Value undefined(std::string_view text, Missing missing = Missing::Said,
                         Kind owner = Kind::None) {
    Value v;
    v.missing = missing;
    v.owner = owner;
    v.data = text.data();
    v.size = text.size();
    return v;
  }

  bool is(Kind k) const { return kind == k; }
  bool isUndefined() const { return kind == Kind::Undefined; }
  bool isNone() const { return kind == Kind::None; }
  bool isText() const { return kind == Kind::Text; }
  bool isWhole() const { return kind == Kind::Integer || kind == Kind::Bool; }
  bool isNumber() const { return isWhole() || kind == Kind::Real; }
  std::string_view text() const { return {data, size}; }
  /// Of a number.
  int64_t whole() const {
    return kind == Kind::Bool ? int64_t(boolean) : integer;
  }
  double number() const { return kind == Kind::Real ? real : double(whole()); }
};

enum class SequenceKind : uint8_t {
  List,
  Tuple,
  Range,
  Iterator, ///< of a filter: has no length and can be walked through once
  Keys,
  Values,
  Items
};

struct Sequence {
  SequenceKind kind;
  Value *items;
  size_t size, capacity;
  size_t done; ///< of an iterator
  /// Of an iterator: why there is no item behind the last, or null.
  const char *error;
  size_t errorSize;
};

/// In order of insertion.
struct Dict {
  Value *keys, *values;
  size_t size, capacity;
};

/// `object.name` that was not called at once.
struct Method {
  Value self;
  std::string_view name;
};

struct Loop {
  const Sequence *items;
  size_t index0;
  int64_t depth0;
  const Sequence *changed; ///< what `changed` was last called with, or null
};

/// Memory that is given back all at once.
class Arena {
public:
  explicit Arena(uint64_t limit) : limit(limit) {}
  Arena(const Arena &) = delete;
  Arena &operator=(const Arena &) = delete;
  ~Arena();
  /// Aligned to 16; null: above the limit, or there is no memory.
  void *allocate(size_t bytes);

private:
  struct Chunk {
    Chunk *next;
  };
  Chunk *chunks = nullptr;
  char *at = nullptr;
  size_t left = 0;
  uint64_t limit, used = 0;
};

} // namespace espalier::chat

#endif // ESPALIER_RUNTIME_CHAT_VALUE_H
