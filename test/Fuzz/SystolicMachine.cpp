//===- SystolicMachine.cpp - Fuzz target of systolic-machine --------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "JsonMutator.h"
#include "Systolic/Machine.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  auto machine = simulator::parseMachine(text, "machine");
  if (!machine) {
    if (!machine.error().message.starts_with("machine: "))
      __builtin_trap();
    return 0;
  }
  // What later code divides by, multiplies and allocates.
  if (machine->rows < 1 || machine->rows > 1024 || machine->columns < 1 ||
      machine->columns > 1024 || machine->loadRows < 1 ||
      machine->loadRows > machine->rows || machine->lanes < 1 ||
      machine->bandwidth < 1 || machine->scratchpadBytes > (1u << 30) ||
      machine->scratchpadBytes / machine->scratchpadBanks % 16 != 0 ||
      machine->accumulatorBytes / machine->accumulatorBanks % 16 != 0)
    __builtin_trap();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  return espalier::fuzz::mutateJson(data, size, maxSize, seed);
}
