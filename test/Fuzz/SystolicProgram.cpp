//===- SystolicProgram.cpp - Fuzz target of systolic-program --------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Plan.h"
#include "SystolicMutator.h"
#include "Unit/Systolic/Builder.h"

using namespace espalier;

/// The decoder, and the checks against a machine.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const auto machine =
      simulator::parseMachine(test::MachineText().text(), "machine");
  auto program = simulator::decodeProgram({data, size});
  if (!program)
    return 0;
  simulator::Limits limits;
  limits.work = 1u << 20;
  program->arrayRows = machine->rows;
  program->arrayColumns = machine->columns;
  (void)simulator::makePlan(std::move(*program), *machine, limits);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  return espalier::fuzz::mutateProgram(data, size, maxSize, seed);
}
