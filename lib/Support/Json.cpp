//===- Json.cpp - JSON from untrusted files -------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/Json.h"

#include "espalier/Support/Utf8.h"

#include <iterator>
#include <nlohmann/json.hpp>

namespace espalier::json {

std::string_view kindName(Kind kind) {
  switch (kind) {
  case Kind::Null:
    return "null";
  case Kind::Bool:
    return "boolean";
  case Kind::Integer:
  case Kind::Unsigned:
    return "integer";
  case Kind::Float:
    return "number";
  case Kind::String:
    return "string";
  case Kind::Array:
    return "array";
  case Kind::Object:
    return "object";
  }
  return "unknown";
}

const Value *Object::find(std::string_view key) const {
  auto found = index.find(key);
  return found == index.end() ? nullptr : &entries[found->second].second;
}

bool Object::insert(std::string key, Value value) {
  if (!index.try_emplace(key, entries.size()).second)
    return false;
  entries.emplace_back(std::move(key), std::move(value));
  return true;
}

Value::Value(Array a) : data(std::make_shared<const Array>(std::move(a))) {}
Value::Value(Object o) : data(std::make_shared<const Object>(std::move(o))) {}

Kind Value::kind() const {
  // The alternatives stand in the order of Kind.
  return Kind(data.index());
}

std::optional<bool> Value::asBool() const {
  if (const bool *b = std::get_if<bool>(&data))
    return *b;
  return std::nullopt;
}

std::optional<int64_t> Value::asInteger() const {
  if (const int64_t *i = std::get_if<int64_t>(&data))
    return *i;
  if (const uint64_t *u = std::get_if<uint64_t>(&data))
    if (*u <= uint64_t(INT64_MAX))
      return int64_t(*u);
  return std::nullopt;
}

std::optional<uint64_t> Value::asUnsigned() const {
  if (const uint64_t *u = std::get_if<uint64_t>(&data))
    return *u;
  if (const int64_t *i = std::get_if<int64_t>(&data))
    if (*i >= 0)
      return uint64_t(*i);
  return std::nullopt;
}

std::optional<double> Value::asDouble() const {
  if (const double *d = std::get_if<double>(&data))
    return *d;
  if (const int64_t *i = std::get_if<int64_t>(&data))
    return double(*i);
  if (const uint64_t *u = std::get_if<uint64_t>(&data))
    return double(*u);
  return std::nullopt;
}

const std::string *Value::asString() const {
  return std::get_if<std::string>(&data);
}

const Array *Value::asArray() const {
  auto *a = std::get_if<std::shared_ptr<const Array>>(&data);
  return a ? a->get() : nullptr;
}

const Object *Value::asObject() const {
  auto *o = std::get_if<std::shared_ptr<const Object>>(&data);
  return o ? o->get() : nullptr;
}

const Value *Value::find(std::string_view key) const {
  const Object *object = asObject();
  return object ? object->find(key) : nullptr;
}

namespace {

/// An input iterator that leaves its place where the builder can see it, for
/// the offset in messages.
class Cursor {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char *;
  using reference = const char &;

  Cursor(const char *at, const char **seen) : at(at), seen(seen) {}
  const char &operator*() const { return *at; }
  Cursor &operator++() {
    *seen = ++at;
    return *this;
  }
  Cursor operator++(int) {
    Cursor old = *this;
    ++*this;
    return old;
  }
  bool operator==(const Cursor &other) const { return at == other.at; }
  bool operator!=(const Cursor &other) const { return at != other.at; }

private:
  const char *at;
  const char **seen;
};

/// Builds the value from the parser's events. Returning false stops the parser;
/// `failure` then says why.
class Builder {
public:
  using number_integer_t = int64_t;
  using number_unsigned_t = uint64_t;
  using number_float_t = double;
  using string_t = std::string;
  using binary_t = nlohmann::json::binary_t;

  explicit Builder(const Limits &limits) : limits(limits) {}

  bool null() { return add(Value()); }
  bool boolean(bool b) { return add(Value(b)); }
  bool number_integer(int64_t i) { return add(Value(i)); }
  bool number_unsigned(uint64_t u) { return add(Value(u)); }
  bool number_float(double d, const std::string &) { return add(Value(d)); }
  bool string(std::string &s) { return add(Value(std::move(s))); }
  bool binary(binary_t &) { return fail("binary data"); }

  bool start_object(size_t) { return open(Kind::Object); }
  bool start_array(size_t) { return open(Kind::Array); }

  bool key(std::string &k) {
    Frame &frame = frames.back();
    // Found here, before a value is built that nothing could hold.
    if (frame.object.find(k))
      return fail("key " + quote(k) + " appears twice");
    frame.key = std::move(k);
    return true;
  }

  bool end_object() {
    Object object = std::move(frames.back().object);
    frames.pop_back();
    return place(Value(std::move(object)));
  }
  bool end_array() {
    Array array = std::move(frames.back().array);
    frames.pop_back();
    return place(Value(std::move(array)));
  }

  bool parse_error(size_t, const std::string &,
                   const nlohmann::detail::exception &) {
    return fail("not well-formed JSON");
  }

  std::string failure;
  Value root;

private:
  struct Frame {
    Kind kind;
    Array array;
    Object object;
    std::string key;
  };

  bool fail(std::string why) {
    failure = std::move(why);
    return false;
  }

  bool count() {
    if (++values > limits.values)
      return fail("more than " + std::to_string(limits.values) + " values");
    return true;
  }

  bool open(Kind kind) {
    if (frames.size() >= limits.depth)
      return fail("nested deeper than " + std::to_string(limits.depth) +
                  " levels");
    if (!count())
      return false;
    frames.push_back({kind, {}, {}, {}});
    return true;
  }

  bool add(Value value) { return count() && place(std::move(value)); }

  bool place(Value value) {
    if (frames.empty()) {
      root = std::move(value);
      return true;
    }
    Frame &frame = frames.back();
    if (frame.kind == Kind::Array)
      frame.array.push_back(std::move(value));
    else
      frame.object.insert(std::move(frame.key), std::move(value));
    return true;
  }

  const Limits &limits;
  size_t values = 0;
  std::vector<Frame> frames;
};

} // namespace

Result<Value> parse(std::string_view text, const Limits &limits) {
  if (text.size() > limits.bytes)
    return Error{"JSON of " + std::to_string(text.size()) +
                 " bytes, more than the limit of " +
                 std::to_string(limits.bytes)};
  if (text.starts_with("version https://git-lfs"))
    return Error{"a git-lfs pointer, not the file itself: run `git lfs pull` "
                 "in its folder"};
  // The library takes a NUL byte for the end of the text.
  if (size_t nul = text.find('\0'); nul != std::string_view::npos)
    return Error{"byte " + std::to_string(nul) + ": JSON with a NUL byte"};
  const char *begin = text.data(), *seen = begin;
  Builder builder(limits);
  bool good = nlohmann::json::sax_parse(
      Cursor(begin, &seen), Cursor(begin + text.size(), &seen), &builder);
  if (!good)
    return Error{"byte " + std::to_string(seen - begin) + ": " +
                 builder.failure};
  return std::move(builder.root);
}

std::string quote(std::string_view text) {
  static const char digits[] = "0123456789abcdef";
  std::string out = "\"";
  auto escape = [&](uint32_t unit) {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4)
      out += digits[(unit >> shift) & 15];
  };
  for (size_t i = 0; i < text.size();) {
    DecodedScalar next = decodeUtf8(text, i);
    i += next.length;
    uint32_t c = next.scalar;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += char(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c >= 0x20 && c < 0x7F) {
      out += char(c);
    } else if (c < 0x10000) {
      escape(c);
    } else {
      escape(0xD800 + ((c - 0x10000) >> 10));
      escape(0xDC00 + ((c - 0x10000) & 0x3FF));
    }
  }
  return out + '"';
}

} // namespace espalier::json
