//===- GGUFTypes.cpp - The types of GGUF and ggml -------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "GGUFTypes.h"

namespace espalier {

std::string_view ggufTypeName(GgufType type) {
  constexpr std::string_view names[] = {
      "uint8", "int8",   "uint16", "int16",  "uint32", "int32",  "float32",
      "bool",  "string", "array",  "uint64", "int64",  "float64"};
  return names[size_t(type)];
}

size_t ggufTypeBytes(GgufType type) {
  constexpr uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return sizes[size_t(type)];
}

GgmlBlock ggmlBlock(uint32_t type) {
  // By number; the numbers left out were withdrawn or never given.
  constexpr GgmlBlock blocks[] = {
      {"F32", 1, 4},
      {"F16", 1, 2},
      {"Q4_0", 32, 18},
      {"Q4_1", 32, 20},
      {},
      {},
      {"Q5_0", 32, 22},
      {"Q5_1", 32, 24},
      {"Q8_0", 32, 34},
      {"Q8_1", 32, 36},
      {"Q2_K", 256, 84},
      {"Q3_K", 256, 110},
      {"Q4_K", 256, 144},
      {"Q5_K", 256, 176},
      {"Q6_K", 256, 210},
      {"Q8_K", 256, 292},
      {"IQ2_XXS", 256, 66},
      {"IQ2_XS", 256, 74},
      {"IQ3_XXS", 256, 98},
      {"IQ1_S", 256, 50},
      {"IQ4_NL", 32, 18},
      {"IQ3_S", 256, 110},
      {"IQ2_S", 256, 82},
      {"IQ4_XS", 256, 136},
      {"I8", 1, 1},
      {"I16", 1, 2},
      {"I32", 1, 4},
      {"I64", 1, 8},
      {"F64", 1, 8},
      {"IQ1_M", 256, 56},
      {"BF16", 1, 2},
      {},
      {},
      {},
      {"TQ1_0", 256, 54},
      {"TQ2_0", 256, 66},
      {},
      {},
      {},
      {"MXFP4", 32, 17},
      {"NVFP4", 64, 36},
  };
  if (type >= sizeof(blocks) / sizeof(blocks[0]))
    return {};
  return blocks[type];
}

std::string_view ggmlTypeName(uint32_t type) { return ggmlBlock(type).name; }

std::optional<Encoding> ggmlEncoding(uint32_t type) {
  switch (type) {
  case 0:
    return Encoding::F32;
  case 1:
    return Encoding::F16;
  case 2:
    return Encoding::Q4_0;
  case 3:
    return Encoding::Q4_1;
  case 8:
    return Encoding::Q8_0;
  case 30:
    return Encoding::BF16;
  default:
    return std::nullopt;
  }
}

} // namespace espalier
