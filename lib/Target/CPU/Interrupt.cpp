//===- Interrupt.cpp - Ctrl-C leaves no half files ------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Interrupt.h"

#include "llvm/Support/FileSystem.h"

#include <initializer_list>
#include <unistd.h>

namespace espalier::cpu {

void InterruptGuard::start(const std::string &folder) {
  sigemptyset(&signals);
  for (int signal : {SIGHUP, SIGINT, SIGTERM}) {
    // What the application handles or ignores is left to it.
    struct sigaction action;
    if (sigaction(signal, nullptr, &action) == 0 &&
        action.sa_handler == SIG_DFL) {
      sigaddset(&signals, signal);
      wake = signal;
    }
  }
  if (wake == 0 || pthread_sigmask(SIG_BLOCK, &signals, &before) != 0)
    return;
  watcher = std::thread([this, folder] {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0 || done.load())
      return;
    std::unique_lock<std::mutex> lock = hold();
    // Under another name first: other threads may be writing into it, and find
    // it no more.
    std::string leaving = folder + "-";
    if (!llvm::sys::fs::rename(folder, leaving))
      llvm::sys::fs::remove_directories(leaving);
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    sigaction(signal, &action, nullptr);
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    raise(signal);
  });
}

void InterruptGuard::stop() {
  if (!watcher.joinable())
    return;
  done.store(true);
  pthread_kill(watcher.native_handle(), wake);
  watcher.join();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

} // namespace espalier::cpu
