//===- Safetensors.cpp - Fuzz target of safetensors -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/SafeTensors.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::span<const uint8_t> bytes(data, size);
  if (auto header = parseSafeTensorsHeader(bytes, size))
    for (const SafeTensorsEntry &entry : header->entries)
      if (header->headerBytes + entry.end > size || !header->find(entry.name))
        __builtin_trap();
  return 0;
}
