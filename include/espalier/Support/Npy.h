//===- Npy.h - Arrays in NPY files ------------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Version 1.0 of the format, for float32 arrays in C order: what evaluation
/// writes and tests compare.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_SUPPORT_NPY_H
#define ESPALIER_SUPPORT_NPY_H

#include "espalier/Support/Result.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace espalier {

struct FloatArray {
  std::vector<uint64_t> shape;
  std::vector<float> values;
};

/// Little-endian float32 in C order, versions 1.0 to 3.0. Messages begin with
/// the path.
Result<FloatArray> readNpy(const std::string &path);

/// Replaces `path` when all is written.
Status writeNpy(const std::string &path, std::span<const uint64_t> shape,
                std::span<const float> values);

/// Replaces `path` by `text` when all is written.
Status writeFile(const std::string &path, std::string_view text);

} // namespace espalier

#endif // ESPALIER_SUPPORT_NPY_H
