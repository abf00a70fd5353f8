//===- Progress.h - How far a compilation is --------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_PROGRESS_H
#define ESPALIER_TOOLS_PROGRESS_H

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace espalier::tool {

/// One line on standard error that is written over and over, where that is a
/// terminal; nothing else. Any thread may call it.
class Progress {
public:
  Progress();
  ~Progress() { done(); }

  void stage(const std::string &name);
  void packed(uint64_t tensorsDone, uint64_t tensors, uint64_t bytesDone,
              uint64_t bytes);
  /// Of a text that is scored.
  void tokens(uint64_t done, uint64_t all);
  /// A line that stays, terminal or not.
  void warn(const std::string &message);
  /// Takes the line away.
  void done();

private:
  void show(const std::string &text);

  std::mutex mutex;
  bool terminal, shown = false;
  std::string current;
  std::chrono::steady_clock::time_point start, lastShown;
};

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_PROGRESS_H
