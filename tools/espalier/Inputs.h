//===- Inputs.h - What evaluation reads -------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_INPUTS_H
#define ESPALIER_TOOLS_INPUTS_H

#include "espalier/Support/Json.h"
#include "espalier/Support/Result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace espalier::tool {

/// The whole of a file, or of standard input.
Result<std::string> readText(const std::string &path);
Result<std::string> readStandardInput();

/// A JSON list of ids, or (`keyed`) an object with one under "prompt_ids".
/// `what` begins the messages. Ids are 0 .. 2^31 - 1.
Result<std::vector<int32_t>> readIds(const json::Value &value,
                                     const std::string &what, bool keyed);
Result<std::vector<int32_t>> readIdsFile(const std::string &path);

/// "[1, 2]".
std::string printIds(const std::vector<int32_t> &ids);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_INPUTS_H
