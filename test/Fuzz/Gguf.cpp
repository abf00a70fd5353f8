//===- Gguf.cpp - Fuzz target of gguf -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/GGUF.h"
#include "GgufMutator.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::span<const uint8_t> bytes(data, size);
  if (auto file = parseGguf(bytes)) {
    for (const auto &[key, value] : file->metadata()) {
      (void)file->getUnsigned(key);
      (void)file->getFloat(key);
      (void)file->getBool(key);
      (void)file->getString(key);
      (void)file->getStrings(key, 3);
      (void)file->getFloats(key);
      (void)file->getIntegers(key);
    }
    unsigned sum = 0;
    for (const GgufTensor &tensor : file->tensors())
      if (auto span = file->data(tensor))
        for (uint8_t byte : *span)
          sum += byte;
    if (sum == 0xffffffff)
      __builtin_trap();
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  return espalier::fuzz::mutateGguf(data, size, maxSize, seed);
}
