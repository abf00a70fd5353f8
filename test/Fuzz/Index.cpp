//===- Index.cpp - Fuzz target of index -----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "JsonMutator.h"
#include "espalier/Import/Checkpoint.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  if (auto index = parseSafeTensorsIndex(text))
    for (const auto &[tensor, shard] : index->weightMap)
      if (shard.find('/') != std::string::npos || shard == "..")
        __builtin_trap();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  return espalier::fuzz::mutateJson(data, size, maxSize, seed);
}
