//===- RunProgram.h - espalier-sim PROGRAM ----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_ESPALIER_SIM_RUNPROGRAM_H
#define ESPALIER_TOOLS_ESPALIER_SIM_RUNPROGRAM_H

#include "espalier/Support/Result.h"

#include <string>
#include <vector>

namespace espalier::tool {

/// Runs a program of the accelerator on a machine and prints the report.
Status runProgram(const std::vector<std::string> &arguments);

/// The text of a machine for the simulator: of a file as it stands there, so
/// that the compiler's reader has no part in it.
Result<std::string> machineText(const std::string &name);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_ESPALIER_SIM_RUNPROGRAM_H
