//===- Json.cpp - Fuzz target of json -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/Json.h"
#include "JsonMutator.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  (void)json::parse(text);
  // A quoted text reads back, whatever its bytes.
  if (!json::parse(json::quote(text)))
    __builtin_trap();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  return espalier::fuzz::mutateJson(data, size, maxSize, seed);
}
