//===- Config.cpp - Fuzzes the reader of config.json ----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "JsonMutator.h"
#include "espalier/Import/ModelConfig.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  espalier::json::Limits limits;
  limits.values = 1 << 14;
  auto value = espalier::json::parse(
      {reinterpret_cast<const char *>(data), size}, limits);
  if (!value)
    return 0;
  auto config = espalier::readHuggingFaceConfig(*value, &*value);
  if (config)
    for (const espalier::RopeConfig &rope : config->ropes)
      (void)espalier::ropeFrequencies(rope);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  return espalier::fuzz::mutateJson(data, size, maxSize, seed);
}
