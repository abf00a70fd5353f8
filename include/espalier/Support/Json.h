//===- Json.h - JSON from untrusted files -----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The one wrapper over nlohmann-json's SAX interface (archive
/// EspalierSupportJSON). It caps depth, refuses duplicate keys and bytes that
/// are not UTF-8, and returns a Result, since the library without exceptions
/// would abort.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_SUPPORT_JSON_H
#define ESPALIER_SUPPORT_JSON_H

#include "espalier/Support/Result.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace espalier::json {

class Value;
using Array = std::vector<Value>;

/// Members in the order of the file, found by name.
class Object {
public:
  const Value *find(std::string_view key) const;
  const std::vector<std::pair<std::string, Value>> &members() const {
    return entries;
  }
  bool insert(std::string key, Value value); ///< false: the key is there
  size_t size() const;

private:
  std::vector<std::pair<std::string, Value>> entries;
  std::map<std::string, size_t, std::less<>> index;
};

enum class Kind { Null, Bool, Integer, Unsigned, Float, String, Array, Object };

/// "null", "boolean", "integer", "number", "string", "array", "object".
std::string_view kindName(Kind kind);

class Value {
public:
  Value() = default;
  explicit Value(bool b) : data(b) {}
  explicit Value(int64_t i) : data(i) {}
  explicit Value(uint64_t u) : data(u) {}
  explicit Value(double d) : data(d) {}
  explicit Value(std::string s) : data(std::move(s)) {}
  explicit Value(Array a);
  explicit Value(Object o);

  Kind kind() const;
  bool isNull() const { return kind() == Kind::Null; }

  /// Each gives the value where the kind fits (a non-negative integer is both
  /// signed and unsigned where it fits; any number is a double), else nothing.
  std::optional<bool> asBool() const;
  std::optional<int64_t> asInteger() const;
  std::optional<uint64_t> asUnsigned() const;
  std::optional<double> asDouble() const;
  const std::string *asString() const;
  const Array *asArray() const;
  const Object *asObject() const;

  /// Member of an object, or null: not an object, or no such member.
  const Value *find(std::string_view key) const;

private:
  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string,
               std::shared_ptr<const Array>, std::shared_ptr<const Object>>
      data;
};

inline size_t Object::size() const { return entries.size(); }

/// What a parse may cost.
struct Limits {
  unsigned depth = 64;
  size_t bytes = 256u << 20;
  size_t values = 16u << 20;
};

/// Parses one JSON text (RFC 8259), whole input. The message gives the byte
/// offset; the caller adds the file.
Result<Value> parse(std::string_view text, const Limits &limits = {});

/// `text` as a JSON string literal, quotes included, ASCII only.
std::string quote(std::string_view text);

} // namespace espalier::json

#endif // ESPALIER_SUPPORT_JSON_H
