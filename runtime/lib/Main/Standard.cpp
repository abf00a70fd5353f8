//===- Standard.cpp - The three files that a program is given ---*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Standard.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace espalier;

void program::reserveStandardFiles() {
  // In this order: open() gives the lowest number that is free.
  const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
  for (int file = 0; file < 3; ++file)
    if (fcntl(file, F_GETFD) < 0 && errno == EBADF)
      (void)!open("/dev/null", modes[file]);
}

int program::finishStandardOutput(int status) {
  errno = 0;
  bool isWritten = fflush(stdout) == 0;
  int reason = isWritten ? 0 : errno; // an earlier one is not known any more
  if ((isWritten && !ferror(stdout)) || status != 0)
    return status;
  fprintf(stderr, "error: standard output cannot be written%s%s\n",
          reason ? ": " : "", reason ? strerror(reason) : "");
  return 1;
}
