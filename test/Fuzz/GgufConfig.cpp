//===- GgufConfig.cpp - Fuzzes the readers of GGUF metadata ---------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "GgufMutator.h"
#include "espalier/Import/ModelConfig.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto file = espalier::parseGguf({data, size});
  if (!file)
    return 0;
  auto config = espalier::readGGUFConfig(*file);
  if (config)
    for (const espalier::RopeConfig &rope : config->ropes)
      (void)espalier::ropeFrequencies(rope);
  (void)espalier::readGGUFTokenizer(*file);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  return espalier::fuzz::mutateGguf(data, size, maxSize, seed);
}
