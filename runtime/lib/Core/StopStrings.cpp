//===- StopStrings.cpp - Texts that end a generation ------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "StopStrings.h"

#include <algorithm>
#include <utility>

using namespace espalier::runtime;

std::string StopStrings::push(std::string_view text) {
  if (isFound)
    return {};
  pending += text;
  size_t begin = std::string::npos, end = std::string::npos;
  for (const std::string &stop : texts) {
    size_t at = pending.find(stop);
    if (at == std::string::npos)
      continue;
    size_t last = at + stop.size();
    if (last < end || (last == end && at < begin)) {
      begin = at;
      end = last;
    }
  }
  if (begin != std::string::npos) {
    isFound = true;
    pending.resize(begin);
    return std::exchange(pending, {});
  }
  // The longest end that a stop text begins with. Both are UTF-8, so that it
  // begins where a character does.
  size_t held = 0;
  for (const std::string &stop : texts)
    for (size_t bytes = std::min(stop.size() - 1, pending.size()); bytes > held;
         --bytes)
      if (pending.compare(pending.size() - bytes, bytes, stop, 0, bytes) == 0)
        held = bytes;
  std::string shown = pending.substr(0, pending.size() - held);
  pending.erase(0, shown.size());
  return shown;
}

std::string StopStrings::finish() { return std::exchange(pending, {}); }
