//===- Template.h - Chat templates ------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The part of Jinja that published chat templates use, with the settings and
/// the meaning that transformers gives it (archive EspalierRuntimeChat). A
/// template comes from a stranger's file: it reaches nothing but the values
/// that it is given, and its size, depth, time and memory are capped, when it
/// is parsed and when it is rendered. What is not built is an error that names
/// it and its line, never another text.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CHAT_TEMPLATE_H
#define ESPALIER_RUNTIME_CHAT_TEMPLATE_H

#include "espalier/Support/Result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace espalier::chat {

/// A value that a template is given, of the kinds that JSON has.
struct Data {
  enum class Kind { Null, Bool, Integer, Real, Text, List, Map };

  Data() = default;
  explicit Data(bool value) : kind(Kind::Bool), integer(value) {}
  explicit Data(int64_t value) : kind(Kind::Integer), integer(value) {}
  explicit Data(double value) : kind(Kind::Real), real(value) {}
  explicit Data(std::string value) : kind(Kind::Text), text(std::move(value)) {}
  static Data list() { return Data(Kind::List); }
  static Data map() { return Data(Kind::Map); }

  /// Adds to a map; the caller gives each key once.
  void add(std::string key, Data value) {
    keys.push_back(std::move(key));
    items.push_back(std::move(value));
  }

  Kind kind = Kind::Null;
  int64_t integer = 0; ///< and the bool
  double real = 0;
  std::string text;              ///< UTF-8
  std::vector<Data> items;       ///< of a list or a map
  std::vector<std::string> keys; ///< of a map, one for each item

private:
  explicit Data(Kind kind) : kind(kind) {}
};

/// What a rendering may cost.
struct Limits {
  uint32_t depth = 600;         ///< expressions, blocks and calls
  uint64_t steps = 20'000'000;  ///< a step is well under a microsecond
  uint64_t memory = 256u << 20; ///< bytes of all values ever made
  uint64_t output = 64u << 20;  ///< bytes of all texts that blocks make
};

/// Why there is no text.
struct Failure {
  std::string message;
  uint32_t line = 0;
  /// The template itself raised it: it refuses the conversation.
  bool raised = false;
};

struct Program;

/// A parsed template. Rendering is const, and may be done by several threads.
class Template {
public:
  Template(Template &&);
  Template &operator=(Template &&);
  ~Template();

  static constexpr size_t maxBytes = 256 << 10;

  /// Fails with "line N: ...".
  static Result<Template> parse(std::string_view source);

  /// The text for the variables of the map `variables`; `now` is what
  /// strftime_now tells, in seconds since 1970. False: see `failure`.
  bool render(const Data &variables, int64_t now, std::string &text,
              Failure &failure, const Limits &limits = {}) const;

private:
  Template();
  std::unique_ptr<const Program> program;
};

} // namespace espalier::chat

#endif // ESPALIER_RUNTIME_CHAT_TEMPLATE_H
