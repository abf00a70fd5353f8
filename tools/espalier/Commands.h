//===- Commands.h - The subcommands of espalier -----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// One file for each subcommand. Results go to standard output or to the files
/// that were asked for, all else to standard error.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_COMMANDS_H
#define ESPALIER_TOOLS_COMMANDS_H

#include "espalier/Support/Result.h"

#include <string>
#include <vector>

namespace espalier::tool {

/// The arguments after the subcommand's name. The result is the exit status; an
/// error is printed by the caller, and its status is 1.
using Arguments = std::vector<std::string>;

Result<int> compileCommand(const Arguments &arguments);
Result<int> runCommand(const Arguments &arguments);
Result<int> evalCommand(const Arguments &arguments);
Result<int> tokenizeCommand(const Arguments &arguments);
Result<int> benchCommand(const Arguments &arguments);
Result<int> inspectCommand(const Arguments &arguments);
Result<int> explainCommand(const Arguments &arguments);
Result<int> familiesCommand(const Arguments &arguments);

/// Path of the running program, from which the compiler finds the runtime's
/// archives.
std::string programPath();

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_COMMANDS_H
