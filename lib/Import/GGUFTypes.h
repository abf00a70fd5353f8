//===- GGUFTypes.h - The types of GGUF and ggml --------------- -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_IMPORT_GGUFTYPES_H
#define ESPALIER_LIB_IMPORT_GGUFTYPES_H

#include "espalier/Import/GGUF.h"

namespace espalier {

/// The size of a metadata scalar; 0 for strings and arrays.
size_t ggufTypeBytes(GgufType type);

/// Blocks of a ggml type: `elements` consecutive ones take `bytes`.
struct GgmlBlock {
  std::string_view name;
  uint32_t elements = 0, bytes = 0; ///< 0: no such type
};
GgmlBlock ggmlBlock(uint32_t type);

} // namespace espalier

#endif // ESPALIER_LIB_IMPORT_GGUFTYPES_H
