//===- safetensors-verdict.cpp - Which of many files are safetensors ------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Reads files from standard input, each behind its length in 8 bytes; answers
/// each with a line: the tensors (name, type, shape, offsets), or the error.
/// test/Fuzz/safetensors_differential.py compares the answers with another
/// implementation's.
///
//===----------------------------------------------------------------------===//
#include "espalier/Import/SafeTensors.h"
#include "espalier/Support/Json.h"

#include <cstdio>
#include <vector>

using namespace espalier;

int main() {
  uint64_t size;
  std::vector<uint8_t> bytes;
  while (fread(&size, sizeof(size), 1, stdin) == 1) {
    bytes.resize(size);
    if (fread(bytes.data(), 1, size, stdin) != size)
      return 1;
    auto header = parseSafeTensorsHeader(bytes, bytes.size());
    std::string line = header ? "ok {" : "error " + header.error().message;
    if (header) {
      for (const SafeTensorsEntry &entry : header->entries) {
        line += (line.back() == '{' ? "" : ",") + json::quote(entry.name) +
                ":[" + json::quote(dtypeName(entry.dtype)) + ",[";
        for (uint64_t extent : entry.shape)
          line += (line.back() == '[' ? "" : ",") + std::to_string(extent);
        line += "]," + std::to_string(entry.begin) + "," +
                std::to_string(entry.end) + "]";
      }
      line += "}";
    }
    for (char &c : line)
      c = c == '\n' ? ' ' : c;
    puts(line.c_str());
    fflush(stdout);
  }
  return 0;
}
