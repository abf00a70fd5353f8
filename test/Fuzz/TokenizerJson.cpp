//===- TokenizerJson.cpp - Fuzz target of tokenizer.json ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "JsonMutator.h"
#include "Text/Tokenizer.h"
#include "espalier/Import/Tokenizer.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<json::Value> root =
      json::parse({reinterpret_cast<const char *>(data), size});
  if (!root)
    return 0;
  // The file and, if it is there, its own member as tokenizer_config.json.
  Result<ImportedTokenizer> imported =
      importTokenizerJson(*root, root->find("config"));
  if (!imported || !imported->supported())
    return 0;
  // What the compiler writes, the runtime reads.
  Result<text::Tokenizer> tokenizer = text::Tokenizer::load(imported->tables);
  if (!tokenizer)
    __builtin_trap();
  Result<std::vector<int32_t>> ids = tokenizer->encode(
      "The end's near: 1234  caf\u00e9 cafe\u0301 \r\n<|x|>aaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaa <s> ABC\u2581 \u4e2d\ufb01 a",
      true);
  // The steps may make too much of a text.
  if (!ids)
    return 0;
  tokenizer->decode(*ids, true);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  return espalier::fuzz::mutateJson(data, size, maxSize, seed);
}
