//===- FileTool.h - A tool that turns one file into another -----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_FILETOOL_H
#define ESPALIER_TOOLS_FILETOOL_H

#include "espalier/Support/Result.h"

#include <functional>
#include <span>
#include <string>

namespace espalier::tool {

/// `INPUT [-o OUTPUT]`: writes what `transform` makes of the bytes of INPUT to
/// OUTPUT, or to standard output. Returns the exit status.
int runFileTool(
    int argc, char **argv, const char *help,
    const std::function<Result<std::string>(
        std::span<const uint8_t> bytes, const std::string &name)> &transform);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_FILETOOL_H
