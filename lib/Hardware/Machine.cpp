//===- Machine.cpp - Check of machine descriptions ------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Hardware/Machine.h"
#include "Catalogue.h"
#include "MachineReader.h"

#include <bit>

using namespace espalier;
using namespace espalier::hardware;

const MemoryLevel &Machine::privateCache() const {
  const MemoryLevel *best = &memory.front();
  for (const MemoryLevel &level : memory)
    if (!level.shared)
      best = &level;
  return *best;
}

double Machine::floatPeak() const {
  return clock * fmaIssue * (vectorBits / 32.0) * 2 * workers;
}

double Machine::int8Peak() const {
  return clock * int8DotIssue * (vectorBits / 8.0) * 2 * workers;
}

namespace {

constexpr Unit rateUnits[] = {{"GB/s", 1e9}, {"B/cycle", 0}};
constexpr Unit shareUnits[] = {{"percent", 0.01}};

MemoryLevel readLevel(Reader &reader, const json::Value &value,
                      const std::string &path) {
  MemoryLevel level;
  if (!reader.keys(value, path, {"name", "size", "bandwidth", "shared"}))
    return level;
  level.name = reader.text(value, path, "name");
  level.size = uint64_t(
      reader.quantity(value, path, "size", byteUnits, 1024, 0x1p60, true));
  level.bandwidth =
      reader.quantity(value, path, "bandwidth", rateUnits, 1e6, 1e15);
  std::optional<bool> shared = value.find("shared")->asBool();
  if (!shared)
    reader.fail(path + ".shared", "expected true or false");
  level.shared = shared.value_or(false);
  return level;
}

void readTile(Reader &reader, const json::Value &tile, Machine &machine) {
  if (reader.failure ||
      !reader.keys(tile, "tile",
                   {"start", "worth", "per_worker", "rows_least", "rows_usual",
                    "rows_most", "lines_ahead", "split_at", "split_gain"}))
    return;
  machine.tileStart =
      reader.quantity(tile, "tile", "start", timeUnits, 0, 1e-2);
  auto count = [&](std::string_view key, double most) {
    return unsigned(
        reader.quantity(tile, "tile", key, countUnits, 1, most, true));
  };
  machine.tileWorth = count("worth", 1000);
  machine.tilesPerWorker = count("per_worker", 1000);
  machine.rowsLeast = count("rows_least", 4096);
  machine.rowsUsual = count("rows_usual", 4096);
  machine.rowsMost = count("rows_most", 4096);
  machine.linesAhead = count("lines_ahead", 256);
  machine.splitAt = count("split_at", 65536);
  machine.splitGain =
      reader.quantity(tile, "tile", "split_gain", shareUnits, 0, 0.99);
  if (reader.failure)
    return;
  for (auto [key, rows] : {std::pair{"rows_least", machine.rowsLeast},
                           std::pair{"rows_usual", machine.rowsUsual},
                           std::pair{"rows_most", machine.rowsMost}})
    if (!std::has_single_bit(rows))
      reader.fail(Reader::join("tile", key),
                  "expected a power of two, got " + std::to_string(rows));
  if (machine.rowsLeast > machine.rowsUsual ||
      machine.rowsUsual > machine.rowsMost)
    reader.fail("tile", "expected rows_least <= rows_usual <= rows_most");
}

void readMemory(Reader &reader, const json::Value &root, Machine &machine) {
  const json::Array *levels = root.find("memory")->asArray();
  if (!levels || levels->empty() || levels->size() > 8)
    return reader.fail("memory", "expected an array of 1 to 8 levels");
  for (size_t i = 0; i < levels->size() && !reader.failure; ++i) {
    std::string path = "memory[" + std::to_string(i) + "]";
    machine.memory.push_back(readLevel(reader, (*levels)[i], path));
    if (i > 0 && !reader.failure) {
      if (machine.memory[i].size < machine.memory[i - 1].size)
        reader.fail(path + ".size", "smaller than the level before it; list "
                                    "the levels from the nearest on");
      if (!machine.memory[i].shared && machine.memory[i - 1].shared)
        reader.fail(path + ".shared", "expected true: the level before it is "
                                      "shared");
    }
  }
  if (!reader.failure && !machine.memory.back().shared)
    reader.fail("memory", "expected the last level, main memory, to be shared");
}

} // namespace

Result<Machine> hardware::parseMachine(std::string_view text,
                                       const std::string &name) {
  json::Limits limits;
  limits.depth = 8;
  limits.bytes = 1u << 20;
  Result<json::Value> root = json::parse(text, limits);
  if (!root)
    return root.takeError().within(name);
  Reader reader(name);
  Machine machine;
  // Of an accelerator, say that rather than which keys it lacks.
  if (const json::Value *target = root->find("target");
      target && target->asString() && *target->asString() == "systolic")
    return Error{name + ": the machine is an accelerator, and this command "
                        "compiles for CPUs; espalier explain --machine plans a "
                        "model for it, and espalier-sim runs programs"};
  if (!reader.failure &&
      reader.keys(*root, "",
                  {"schema", "name", "description", "target", "isa", "workers",
                   "clock", "barrier", "tile", "vector", "memory"})) {
    reader.choice(*root, "", "schema", {"espalier-machine-1"});
    reader.text(*root, "", "description");
    machine.name = reader.text(*root, "", "name");
    machine.target = reader.choice(*root, "", "target", {"cpu"});
    machine.isa = reader.choice(*root, "", "isa", {"avx2", "avx512"});
    machine.workers = unsigned(
        reader.quantity(*root, "", "workers", countUnits, 1, 1024, true));
    machine.clock = reader.clock =
        reader.quantity(*root, "", "clock", clockUnits, 1e8, 1e11);
    machine.barrier = reader.quantity(*root, "", "barrier", timeUnits, 0, 1e-2);
    readTile(reader, *root->find("tile"), machine);
    const json::Value &vector = *root->find("vector");
    if (!reader.failure &&
        reader.keys(vector, "vector",
                    {"width", "registers", "fma_issue", "int8_dot_issue"})) {
      machine.vectorBits = unsigned(reader.quantity(vector, "vector", "width",
                                                    bitUnits, 128, 2048, true));
      machine.vectorRegisters = unsigned(reader.quantity(
          vector, "vector", "registers", countUnits, 8, 256, true));
      machine.fmaIssue =
          reader.quantity(vector, "vector", "fma_issue", issueUnits, 0.01, 64);
      machine.int8DotIssue = reader.quantity(vector, "vector", "int8_dot_issue",
                                             issueUnits, 0.01, 64);
    }
    if (!reader.failure)
      readMemory(reader, *root, machine);
  }
  if (reader.failure)
    return std::move(*reader.failure);
  return machine;
}

std::vector<std::string_view> hardware::machineNames() {
  return namesOf(catalogue);
}

Result<Machine> hardware::findMachine(const std::string &nameOrPath) {
  Result<std::string> text = findMachineText(nameOrPath, catalogue);
  if (!text)
    return text.takeError();
  return parseMachine(*text, nameOrPath);
}
