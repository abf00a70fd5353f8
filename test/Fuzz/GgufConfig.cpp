//===- GgufConfig.cpp - Fuzzes the readers of GGUF metadata ---------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "GgufMutator.h"
#include "Text/Tokenizer.h"
#include "espalier/Import/ModelConfig.h"
#include "espalier/Import/Tokenizer.h"

/// Strings of a GGUF file are any bytes, unlike those of tokenizer.json.
static void useTokenizer(const espalier::GGUFTokenizer &from) {
  auto imported = espalier::importTokenizerGGUF(from);
  if (!imported || !imported->supported())
    return;
  // What the compiler writes, the runtime reads.
  auto tokenizer = espalier::text::Tokenizer::load(imported->tables);
  if (!tokenizer)
    __builtin_trap();
  if (auto ids = tokenizer->encode("a b\u00e9 \u4e2d\u00e9", true))
    tokenizer->decode(*ids, true);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto file = espalier::parseGguf({data, size});
  if (!file)
    return 0;
  auto config = espalier::readGGUFConfig(*file);
  if (config)
    for (const espalier::RopeConfig &rope : config->ropes)
      (void)espalier::ropeFrequencies(rope);
  auto tokenizer = espalier::readGGUFTokenizer(*file);
  if (tokenizer && *tokenizer)
    useTokenizer(**tokenizer);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  return espalier::fuzz::mutateGguf(data, size, maxSize, seed);
}
