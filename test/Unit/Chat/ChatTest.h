//===- ChatTest.h - Rendering in tests --------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_CHAT_CHATTEST_H
#define ESPALIER_TEST_UNIT_CHAT_CHATTEST_H

#include "JsonData.h"
#include "espalier/Support/MappedFile.h"

#include <gtest/gtest.h>

inline std::string readText(const std::string &path) {
  auto file = espalier::MappedFile::open(path);
  if (!file) {
    ADD_FAILURE() << file.error().message;
    return "";
  }
  auto bytes = file->bytes();
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

inline espalier::json::Value readJson(const std::string &path) {
  auto value = espalier::json::parse(readText(path));
  if (!value) {
    ADD_FAILURE() << path << ": " << value.error().message;
    return {};
  }
  return *value;
}

/// 14 November 2023, 22:13:20 UTC.
constexpr int64_t testTime = 1700000000;

/// The text, "refused: line N: ...", "raised: ..." or "error: line N: ...".
inline std::string rendered(std::string_view source,
                            const espalier::chat::Data &variables,
                            const espalier::chat::Limits &limits = {}) {
  auto parsed = espalier::chat::Template::parse(source);
  if (!parsed)
    return "refused: " + parsed.error().message;
  std::string text;
  espalier::chat::Failure failure;
  if (parsed->render(variables, testTime, text, failure, limits))
    return text;
  if (failure.raised)
    return "raised: " + failure.message;
  return "error: line " + std::to_string(failure.line) + ": " + failure.message;
}

/// With variables as JSON.
inline std::string rendered(std::string_view source,
                            std::string_view variables = "{}") {
  auto value = espalier::json::parse(variables);
  if (!value) {
    ADD_FAILURE() << value.error().message;
    return "";
  }
  return rendered(source, espalier::dataOf(*value));
}

#endif // ESPALIER_TEST_UNIT_CHAT_CHATTEST_H
