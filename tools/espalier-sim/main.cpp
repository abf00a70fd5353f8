//===- main.cpp - The espalier-sim program --------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Gemm.h"
#include "RunProgram.h"

#include <cstdio>
#include <string_view>

using namespace espalier;

int main(int argc, char **argv) {
  bool gemm = argc > 1 && std::string_view(argv[1]) == "gemm";
  int skipped = argc == 0 ? 0 : gemm ? 2 : 1;
  std::vector<std::string> arguments(argv + skipped, argv + argc);
  Status status = gemm ? tool::runGemm(arguments) : tool::runProgram(arguments);
  if (status && (fflush(stdout) != 0 || ferror(stdout)))
    status = Error{"standard output cannot be written"};
  if (status)
    return 0;
  fprintf(stderr, "error: %s\n", status.error().message.c_str());
  return 1;
}
