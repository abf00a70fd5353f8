//===- Interrupt.h - Ctrl-C leaves no half files --------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_TARGET_CPU_INTERRUPT_H
#define ESPALIER_LIB_TARGET_CPU_INTERRUPT_H

#include <atomic>
#include <csignal>
#include <mutex>
#include <string>
#include <thread>

namespace espalier::cpu {

/// Between start and stop, a signal that would end the process first removes a
/// folder. The signals are blocked in this thread and in those that it starts,
/// and are awaited by a thread of their own.
class InterruptGuard {
public:
  ~InterruptGuard() { stop(); }
  /// The folder need not exist yet.
  void start(const std::string &folder);
  void stop();

  /// While this is held, a signal waits: for work that must not end half done,
  /// and for making the folder. Waits for ever where a signal ends the process.
  [[nodiscard]] std::unique_lock<std::mutex> hold() {
    return std::unique_lock<std::mutex>(mutex);
  }

private:
  std::mutex mutex;
  sigset_t signals, before;
  int wake = 0; ///< one of `signals`, which ends the thread
  std::atomic<bool> done = false;
  std::thread watcher;
};

} // namespace espalier::cpu

#endif // ESPALIER_LIB_TARGET_CPU_INTERRUPT_H
