//===- Gemm.h - espalier-sim gemm -------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_ESPALIER_SIM_GEMM_H
#define ESPALIER_TOOLS_ESPALIER_SIM_GEMM_H

#include "espalier/Support/Result.h"

#include <string>
#include <vector>

namespace espalier::tool {

/// What follows `espalier-sim gemm`: compiles one matmul, runs it on random
/// data, checks values and cycles, and prints one JSON object.
Status runGemm(const std::vector<std::string> &arguments);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_ESPALIER_SIM_GEMM_H
