//===- FakeTokenizer.cpp - A tokenizer of fifty tokens ----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FakeModel.h"

#include "espalier/Import/Tokenizer.h"

#include <cstdlib>

using namespace fake;

void Model::addTokenizer() {
  espalier::GGUFTokenizer source;
  source.model = "gpt2";
  source.pre = "gpt-2";
  for (char c = 'a'; c <= 'z'; ++c)
    source.tokens.push_back(std::string(1, c));
  source.tokens.push_back("\u0120"); // a space, in the alphabet of bytes
  source.tokens.push_back("\u00c3"); // the bytes of e with an acute accent
  source.tokens.push_back("\u00a9");
  source.tokens.push_back("ab");
  source.merges.push_back("a b");
  while (source.tokens.size() + 1 < vocab)
    source.tokens.push_back(
        std::string(1, char('A' + source.tokens.size() - 30)));
  source.types.assign(source.tokens.size(), 1);
  source.tokens.push_back("<end>");
  source.types.push_back(3); // control
  source.eos = vocab - 1;
  espalier::Result<espalier::ImportedTokenizer> imported =
      espalier::importTokenizerGGUF(source);
  if (!imported || !imported->supported())
    abort();
  tokenizer = std::move(imported->tables);
  descriptor.tokenizer = tokenizer.data();
  descriptor.tokenizer_bytes = tokenizer.size();
  descriptor.tokenizer_missing = nullptr;
  eos = {int32_t(vocab - 1)};
  card.eos_count = 1;
  card.eos_tokens = eos.data();
}
