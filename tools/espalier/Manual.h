//===- Manual.h - Manual pages and completion, from --help ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_MANUAL_H
#define ESPALIER_TOOLS_MANUAL_H

#include "Commands.h"

#include <span>

namespace espalier::tool {

/// A subcommand.
struct Command {
  const char *name;
  Result<int> (*run)(const Arguments &);
  const char *summary;
};

/// `espalier manual [COMMAND]`: a page for man(1).
Result<int> printManual(std::span<const Command> commands,
                        const Arguments &arguments);
/// `espalier completion bash|zsh|fish`.
Result<int> printCompletion(std::span<const Command> commands,
                            const Arguments &arguments);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_MANUAL_H
