//===- main.cpp - The espalier-sim program --------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RunProgram.h"

#include <cstdio>

using namespace espalier;

int main(int argc, char **argv) {
  std::vector<std::string> arguments(argv + (argc > 0), argv + argc);
  Status status = tool::runProgram(arguments);
  if (status)
    return 0;
  fprintf(stderr, "error: %s\n", status.error().message.c_str());
  return 1;
}
