//===- Safetensors.cpp - Fuzz target of safetensors -----------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/SafeTensors.h"
#include "JsonMutator.h"

#include <cstring>

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::span<const uint8_t> bytes(data, size);
  if (auto header = parseSafeTensorsHeader(bytes, size))
    for (const SafeTensorsEntry &entry : header->entries)
      if (header->headerBytes + entry.end > size || !header->find(entry.name))
        __builtin_trap();
  return 0;
}

/// The header's text changes by whole values, and its length with it; now and
/// then the length alone, or any byte.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  std::minstd_rand random(seed);
  uint64_t length = 0;
  if (size >= 8)
    memcpy(&length, data, 8);
  if (size < 8 || length > size - 8 || random() % 8 == 0)
    return LLVMFuzzerMutate(data, size, maxSize);
  if (random() % 8 == 0) {
    uint64_t other[] = {0,          1,          length - 1, length + 1,
                        1ull << 31, 1ull << 32, 1ull << 63, ~0ull};
    memcpy(data, &other[random() % 8], 8);
    return size;
  }
  std::string header(reinterpret_cast<char *>(data) + 8, size_t(length));
  std::string rest(reinterpret_cast<char *>(data) + 8 + length,
                   size - 8 - size_t(length));
  header = fuzz::JsonMutator(std::move(header), unsigned(random())).run();
  while (random() % 2 && header.size() % 8)
    header += ' ';
  if (random() % 4 == 0) // data that is longer or shorter
    rest.resize(random() % 64);
  std::string out(8, '\0');
  length = header.size();
  memcpy(out.data(), &length, 8);
  out += header + rest;
  if (out.size() > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  memcpy(data, out.data(), out.size());
  return out.size();
}
