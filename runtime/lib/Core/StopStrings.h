//===- StopStrings.h - Texts that end a generation --------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_STOPSTRINGS_H
#define ESPALIER_RUNTIME_CORE_STOPSTRINGS_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::runtime {

/// Holds back what may be the beginning of a stop text. Of several that match,
/// the one that is complete first counts, of those the longest: however the
/// text is cut into pieces, what is shown is the same.
class StopStrings {
public:
  /// None of the texts is empty.
  StopStrings(const char *const *texts, uint32_t count)
      : texts(texts, texts + count) {}

  /// Takes the next piece of text; returns what may be shown after it. The
  /// pieces and the texts are UTF-8, and so is every part that is returned.
  std::string push(std::string_view text);
  /// What is held back, when no more comes.
  std::string finish();
  /// A stop text was found. What it begins with and all behind is dropped.
  bool found() const { return isFound; }

private:
  std::vector<std::string> texts;
  std::string pending;
  bool isFound = false;
};

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_STOPSTRINGS_H
