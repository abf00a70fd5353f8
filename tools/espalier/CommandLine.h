//===- CommandLine.h - Strict parsing of options ----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_COMMANDLINE_H
#define ESPALIER_TOOLS_COMMANDLINE_H

#include "espalier/Support/Result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::tool {

/// The options of one subcommand. An option that was not declared is an error,
/// as is one without its value or given twice. `--name value` and
/// `--name=value` are the same.
class CommandLine {
public:
  /// `usage` follows the program's name: "run MODEL -p TEXT [options]".
  CommandLine(std::string usage, std::string summary)
      : usage(std::move(usage)), summary(std::move(summary)) {}

  /// The argument without a dash; `name` stands for it in messages.
  void positional(std::string &value, std::string name);
  void flag(std::string name, bool &value, std::string help);
  void text(std::string name, std::optional<std::string> &value,
            std::string placeholder, std::string help);
  void integer(std::string name, uint64_t &value, uint64_t least, uint64_t most,
               std::string placeholder, std::string help);
  void choice(std::string name, std::string &value,
              std::vector<std::string> allowed, std::string help);

  /// An option that is not read here: parse() puts it into `rest`, with its
  /// value, if it has a placeholder for one.
  void passOn(std::string name, std::string placeholder, std::string help,
              bool repeats);

  /// Whether the option was given.
  bool given(std::string_view name) const;

  /// Reads all of `arguments`. False: --help was asked for, and printed. With
  /// `rest`, options that were not declared go there with what follows them.
  Result<bool> parse(const std::vector<std::string> &arguments,
                     std::vector<std::string> *rest = nullptr);

  /// The text of --help.
  std::string help() const;
  /// Where --help puts its text; null: on standard output.
  static inline std::string *capturedHelp = nullptr;

private:
  struct Option {
    std::string name, placeholder, help;
    std::function<Status(const std::string &)> set; ///< empty: a flag
    bool *flag = nullptr;
    bool passedOn = false, repeats = false;
    bool seen = false;
  };
  Option *find(std::string_view name);
  Status takeOption(const std::vector<std::string> &arguments, size_t &at,
                    std::vector<std::string> *rest);

  std::string usage, summary;
  std::string *argument = nullptr;
  std::string argumentName;
  bool argumentSeen = false;
  std::vector<Option> options;
};

/// A whole number of `least` to `most`, or an error that says so.
Result<uint64_t> parseInteger(const std::string &text, uint64_t least,
                              uint64_t most);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_COMMANDLINE_H
