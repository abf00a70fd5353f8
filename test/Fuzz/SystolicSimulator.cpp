//===- SystolicSimulator.cpp - Fuzz target of systolic-simulator ----------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Programs run in every mode on two small machines. Where strict mode finds
/// nothing wrong, the other modes that go by the program's times must agree
/// with it.
///
//===----------------------------------------------------------------------===//
#include "Systolic/Engine.h"
#include "SystolicMutator.h"
#include "Unit/Systolic/Builder.h"

#include <numeric>

using namespace espalier;
using namespace espalier::simulator;

static void run(const Program &program, const Machine &machine) {
  Limits limits;
  limits.work = 1u << 13;
  limits.memory = 1u << 20;
  auto plan = makePlan(program, machine, limits);
  if (!plan)
    return;
  Engine engine(*plan);
  std::vector<int32_t> rows(program.bucketRows);
  std::iota(rows.begin(), rows.end(), -1);
  Arguments arguments;
  for (auto &array : arguments.arrays)
    array = rows;
  arguments.limit = 5;
  auto strict = engine.run(arguments, Mode::Strict, nullptr, limits.memory);
  auto timing = engine.run(arguments, Mode::Timing, nullptr, limits.memory);
  Trace trace;
  auto elements = engine.run(arguments, Mode::Elements, &trace, limits.memory);
  (void)engine.run(arguments, Mode::Elastic, nullptr, limits.memory);
  if (!strict)
    return;
  if (!timing || timing->cycles != strict->cycles)
    __builtin_trap();
  if (!elements || elements->cycles != strict->cycles) {
    if (!elements)
      fprintf(stderr, "%s\n", elements.error().message.c_str());
    __builtin_trap();
  }
  (void)reportJson(*strict, *plan, Mode::Strict);
  (void)reportText(*strict, *plan, Mode::Strict);
  (void)traceJson(trace);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const auto shadow = [] {
    test::MachineText m;
    m.scratchpadKiB = 16;
    m.accumulatorKiB = 4;
    m.loadRows = 2;
    return parseMachine(m.text(), "shadow");
  }();
  static const auto none = [] {
    test::MachineText m;
    m.scratchpadKiB = 16;
    m.accumulatorKiB = 4;
    m.shadow = false;
    m.vectorPorts = 1;
    m.lanes = 40;
    return parseMachine(m.text(), "none");
  }();
  auto program = decodeProgram({data, size});
  if (!program)
    return 0;
  run(*program, *shadow);
  run(*program, *none);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  return espalier::fuzz::mutateProgram(data, size, maxSize, seed);
}
