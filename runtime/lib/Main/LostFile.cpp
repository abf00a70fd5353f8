//===- LostFile.cpp - Weights that are cut off while they are read --------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Program.h"

#include <csignal>
#include <unistd.h>

using namespace espalier;

extern "C" {
static void onBusError(int, siginfo_t *info, void *) {
  static const char text[] =
      "error: a file was shortened while the program read it (its weights, or "
      "the program itself): compile the model again\n";
  if (info->si_code == BUS_ADRERR) {
    ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)written;
    _exit(1);
  }
  signal(SIGBUS, SIG_DFL); // the access is tried again, and ends the process
}
}

void program::explainLostFiles() {
  struct sigaction action = {};
  action.sa_sigaction = onBusError;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}
