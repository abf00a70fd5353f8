//===- Json.h - How a template writes JSON ----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CHAT_JSON_H
#define ESPALIER_RUNTIME_CHAT_JSON_H

#include <string>

namespace espalier::chat {

/// The arguments of Python's json.dumps.
struct JsonStyle {
  bool isIndented = false;
  bool isSorted = false;
  bool isAscii = false;
  std::string indent;
  std::string itemSeparator = ", ", keySeparator = ": ";
};

} // namespace espalier::chat

#endif // ESPALIER_RUNTIME_CHAT_JSON_H
