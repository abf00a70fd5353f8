//===- SystolicDecode.cpp - Fuzz target of the compiler's decoder ---------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "SystolicMutator.h"
#include "espalier/Target/Systolic/Decode.h"
#include "espalier/Target/Systolic/Encode.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace espalier;
using namespace espalier::systolic;

/// What is taken is encoded to the same bytes. The size in the header is put
/// right, since no fuzzer would guess it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  if (size >= sizeof(espalier_systolic_header)) {
    uint64_t all = size;
    memcpy(bytes.data() + offsetof(espalier_systolic_header, file_bytes), &all,
           sizeof(all));
  }
  Result<Program> program = decode(bytes);
  if (!program)
    return 0;
  Result<std::vector<uint8_t>> again = encode(*program);
  if (!again || *again != bytes)
    abort();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  return espalier::fuzz::mutateProgram(data, size, maxSize, seed);
}
