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

#include <span>
#include <string>
#include <vector>

namespace espalier::program {

struct Options {
  Options() = default;
  Options(Options &&) = default; // keeps the lists where `generate` points to
  Options &operator=(Options &&) = default;

  bool help = false;
  bool json = false;
  bool chat = false;
  const char *system = nullptr;      ///< first message of a chat
  const char *prompt = nullptr;      ///< "-": standard input
  const char *sessionFile = nullptr; ///< kept from run to run
  espalier_open_options open;
  espalier_generate_options generate; ///< its lists are those below

  std::vector<const char *> stops, breakers;
  std::vector<espalier_logit_bias> biases;
  std::vector<int32_t> endTokens;
};

/// An option as a user sees it. `espalier run` has them too.
struct OptionInfo {
  const char *name;
  const char *placeholder; ///< of its value; NULL: it has none
  const char *help;
  bool repeats; ///< may be given several times
};
std::vector<OptionInfo> optionTable();

/// `argv` without the program's name. Refuses every value that no model takes,
/// and a file of --session that cannot be written.
Result<Options> parseOptions(int argc, char **argv);

/// Refuses what `descriptor`'s model does not take.
Status checkOptions(const Options &options,
                    const espalier_descriptor &descriptor);

/// The text of --help about them, a line or more each.
std::string optionsHelp();

} // namespace espalier::program

#endif // ESPALIER_RUNTIME_MAIN_OPTIONS_H
