//===- Options.h - Command line of an emitted executable --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_MAIN_OPTIONS_H
#define ESPALIER_RUNTIME_MAIN_OPTIONS_H

#include "espalier/Support/Result.h"
#include "espalier/espalier.h"

namespace espalier::program {

struct Options {
  bool help = false;
  const char *prompt = nullptr; ///< "-": standard input
  espalier_open_options open;
  espalier_generate_options generate;
};

/// `argv` without the program's name.
Result<Options> parseOptions(int argc, char **argv);

/// The text of --help.
extern const char *const optionsHelp;

} // namespace espalier::program

#endif // ESPALIER_RUNTIME_MAIN_OPTIONS_H
