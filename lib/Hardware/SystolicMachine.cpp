//===- SystolicMachine.cpp - Check of accelerator descriptions ------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Hardware/SystolicMachine.h"
#include "Catalogue.h"
#include "MachineReader.h"
#include "espalier/systolic.h"

using namespace espalier;
using namespace espalier::hardware;

namespace {

constexpr Unit cycleUnits[] = {{"cycle", 1}};
constexpr Unit beatUnits[] = {{"B/cycle", 1}};
constexpr Unit energyUnits[] = {{"pJ", 1}};

/// What addresses of 24 bits reach.
constexpr uint64_t mostMemory = uint64_t(ESPALIER_SYSTOLIC_GRANULE) << 24;

struct SystolicReader : Reader {
  using Reader::Reader;

  unsigned whole(const json::Value &object, const std::string &path,
                 std::string_view key, std::span<const Unit> units,
                 double least, double most) {
    return unsigned(quantity(object, path, key, units, least, most, true));
  }

  /// Strings out of `allowed`, at least one, none twice.
  std::vector<std::string>
  list(const json::Value &object, const std::string &path, std::string_view key,
       std::initializer_list<std::string_view> allowed) {
    std::vector<std::string> got;
    std::string here = join(path, key);
    const json::Value *value = object.find(key);
    const json::Array *entries = value ? value->asArray() : nullptr;
    if (!entries || entries->empty() || entries->size() > allowed.size()) {
      fail(here, "expected an array of 1 to " + std::to_string(allowed.size()) +
                     " strings");
      return got;
    }
    for (const json::Value &entry : *entries) {
      const std::string *name = entry.asString();
      check(name ? *name : "", here, allowed);
      if (failure)
        return got;
      if (std::find(got.begin(), got.end(), *name) != got.end())
        fail(here, "'" + *name + "' stands there twice");
      got.push_back(*name);
    }
    return got;
  }

  void banks(const std::string &path, uint64_t size, unsigned count) {
    if (!failure &&
        (count == 0 || size % (uint64_t(count) * ESPALIER_SYSTOLIC_GRANULE)))
      fail(path + ".size", "expected a multiple of 16 bytes for each of " +
                               std::to_string(count) + " banks, got " +
                               std::to_string(size) + " bytes");
  }
};

bool has(const std::vector<std::string> &list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

void readArray(SystolicReader &reader, const json::Value &array,
               SystolicMachine &machine) {
  if (reader.failure ||
      !reader.keys(array, "array",
                   {"rows", "columns", "dataflows", "overlap", "load_rows"}))
    return;
  machine.rows = reader.whole(array, "array", "rows", countUnits, 1, 1024);
  machine.columns =
      reader.whole(array, "array", "columns", countUnits, 1, 1024);
  std::vector<std::string> flows = reader.list(
      array, "array", "dataflows", {"weight_stationary", "output_stationary"});
  machine.weightStationary = has(flows, "weight_stationary");
  machine.outputStationary = has(flows, "output_stationary");
  machine.shadow =
      reader.choice(array, "array", "overlap", {"none", "shadow"}) == "shadow";
  machine.loadRows = reader.whole(array, "array", "load_rows", countUnits, 1,
                                  std::max(machine.rows, 1u));
}

void readMemories(SystolicReader &reader, const json::Value &root,
                  SystolicMachine &machine) {
  const json::Value &pad = *root.find("scratchpad");
  if (reader.failure ||
      !reader.keys(pad, "scratchpad",
                   {"size", "banks", "read_ports", "write_ports"}))
    return;
  auto size = [&](const json::Value &memory, const char *path) {
    return uint64_t(reader.quantity(memory, path, "size", byteUnits, 1024,
                                    double(mostMemory), true));
  };
  machine.scratchpadBytes = size(pad, "scratchpad");
  machine.scratchpadBanks =
      reader.whole(pad, "scratchpad", "banks", countUnits, 1, 1024);
  machine.readPorts =
      reader.whole(pad, "scratchpad", "read_ports", countUnits, 1, 16);
  machine.writePorts =
      reader.whole(pad, "scratchpad", "write_ports", countUnits, 1, 16);
  reader.banks("scratchpad", machine.scratchpadBytes, machine.scratchpadBanks);
  const json::Value &sums = *root.find("accumulator");
  if (reader.failure ||
      !reader.keys(sums, "accumulator", {"size", "banks", "vector_ports"}))
    return;
  machine.accumulatorBytes = size(sums, "accumulator");
  machine.accumulatorBanks =
      reader.whole(sums, "accumulator", "banks", countUnits, 1, 1024);
  machine.vectorPorts =
      reader.whole(sums, "accumulator", "vector_ports", countUnits, 1, 16);
  reader.banks("accumulator", machine.accumulatorBytes,
               machine.accumulatorBanks);
}

void readVector(SystolicReader &reader, const json::Value &vector,
                SystolicMachine &machine) {
  if (reader.failure || !reader.keys(vector, "vector", {"lanes", "latency"}))
    return;
  machine.lanes = reader.whole(vector, "vector", "lanes", countUnits, 1, 65536);
  const json::Value &latency = *vector.find("latency");
  if (reader.failure || !reader.keys(latency, "vector.latency",
                                     {"map", "function", "divide", "reduce"}))
    return;
  auto cycles = [&](std::string_view key) {
    return reader.whole(latency, "vector.latency", key, cycleUnits, 1, 65536);
  };
  machine.latencyMap = cycles("map");
  machine.latencyFunction = cycles("function");
  machine.latencyDivide = cycles("divide");
  machine.latencyReduce = cycles("reduce");
}

void readDram(SystolicReader &reader, const json::Value &dram,
              SystolicMachine &machine) {
  if (reader.failure ||
      !reader.keys(dram, "dram", {"model", "bandwidth", "latency"}))
    return;
  reader.choice(dram, "dram", "model", {"ideal"});
  machine.dramBandwidth =
      reader.whole(dram, "dram", "bandwidth", beatUnits, 1, 65536);
  machine.dramLatency =
      reader.whole(dram, "dram", "latency", cycleUnits, 1, 65536);
}

void readEnergy(SystolicReader &reader, const json::Value &energy,
                SystolicEnergy &to) {
  if (reader.failure ||
      !reader.keys(energy, "energy",
                   {"table", "mac_int8", "mac_bf16", "vector_op",
                    "scratchpad_byte", "accumulator_byte", "dram_byte"}))
    return;
  to.table = reader.text(energy, "energy", "table");
  auto figure = [&](std::string_view key) {
    return reader.quantity(energy, "energy", key, energyUnits, 0, 1e6);
  };
  to.macInt8 = figure("mac_int8");
  to.macBf16 = figure("mac_bf16");
  to.vectorOp = figure("vector_op");
  to.scratchpadByte = figure("scratchpad_byte");
  to.accumulatorByte = figure("accumulator_byte");
  to.dramByte = figure("dram_byte");
}

} // namespace

Result<SystolicMachine>
hardware::parseSystolicMachine(std::string_view text, const std::string &name) {
  json::Limits limits;
  limits.depth = 8;
  limits.bytes = 1u << 20;
  Result<json::Value> root = json::parse(text, limits);
  if (!root)
    return root.takeError().within(name);
  SystolicReader reader(name);
  SystolicMachine machine;
  // Of a processor, say that rather than which keys it lacks.
  if (root->find("target"))
    reader.choice(*root, "", "target", {"systolic"});
  if (!reader.failure &&
      reader.keys(*root, "",
                  {"schema", "name", "description", "target", "clock", "array",
                   "scratchpad", "accumulator", "vector", "dram", "types",
                   "energy"})) {
    reader.choice(*root, "", "schema", {"espalier-machine-1"});
    machine.name = reader.text(*root, "", "name");
    machine.description = reader.text(*root, "", "description");
    machine.clock = reader.quantity(*root, "", "clock", clockUnits, 1e6, 1e11);
    readArray(reader, *root->find("array"), machine);
    readMemories(reader, *root, machine);
    readVector(reader, *root->find("vector"), machine);
    readDram(reader, *root->find("dram"), machine);
    if (!reader.failure) {
      std::vector<std::string> types =
          reader.list(*root, "", "types", {"bf16", "int8"});
      machine.bf16 = has(types, "bf16");
      machine.int8 = has(types, "int8");
    }
    readEnergy(reader, *root->find("energy"), machine.energy);
  }
  if (reader.failure)
    return std::move(*reader.failure);
  return machine;
}

std::vector<std::string_view> hardware::systolicMachineNames() {
  return namesOf(systolicCatalogue);
}

Result<SystolicMachine>
hardware::findSystolicMachine(const std::string &nameOrPath) {
  Result<std::string> text = findMachineText(nameOrPath, systolicCatalogue);
  if (!text)
    return text.takeError();
  return parseSystolicMachine(*text, nameOrPath);
}

std::string hardware::systolicMachineText(const SystolicMachine &machine,
                                          std::string_view source) {
  auto figure = [&](const char *key, double value, const char *unit) {
    char number[64];
    snprintf(number, sizeof(number),
             "\"%s\": {\"value\": %.17g, \"unit\": ", key, value);
    return number + json::quote(unit) + ", \"source\": " + json::quote(source) +
           "}";
  };
  auto list = [](bool first, const char *one, bool second, const char *two) {
    std::string text = first ? json::quote(one) : "";
    if (second)
      text += (first ? ", " : "") + json::quote(two);
    return "[" + text + "]";
  };
  const SystolicMachine &m = machine;
  return "{\n\"schema\": \"espalier-machine-1\",\n\"name\": " +
         json::quote(m.name) +
         ",\n\"description\": " + json::quote(m.description) +
         ",\n\"target\": \"systolic\",\n" +
         figure("clock", m.clock / 1e9, "GHz") + ",\n\"array\": {" +
         figure("rows", m.rows, "count") + ",\n" +
         figure("columns", m.columns, "count") + ",\n\"dataflows\": " +
         list(m.weightStationary, "weight_stationary", m.outputStationary,
              "output_stationary") +
         ",\n\"overlap\": " + (m.shadow ? "\"shadow\"" : "\"none\"") + ",\n" +
         figure("load_rows", m.loadRows, "count") + "},\n\"scratchpad\": {" +
         figure("size", double(m.scratchpadBytes), "B") + ",\n" +
         figure("banks", m.scratchpadBanks, "count") + ",\n" +
         figure("read_ports", m.readPorts, "count") + ",\n" +
         figure("write_ports", m.writePorts, "count") +
         "},\n\"accumulator\": {" +
         figure("size", double(m.accumulatorBytes), "B") + ",\n" +
         figure("banks", m.accumulatorBanks, "count") + ",\n" +
         figure("vector_ports", m.vectorPorts, "count") + "},\n\"vector\": {" +
         figure("lanes", m.lanes, "count") + ",\n\"latency\": {" +
         figure("map", m.latencyMap, "cycle") + ",\n" +
         figure("function", m.latencyFunction, "cycle") + ",\n" +
         figure("divide", m.latencyDivide, "cycle") + ",\n" +
         figure("reduce", m.latencyReduce, "cycle") +
         "}},\n\"dram\": {\"model\": \"ideal\",\n" +
         figure("bandwidth", m.dramBandwidth, "B/cycle") + ",\n" +
         figure("latency", m.dramLatency, "cycle") +
         "},\n\"types\": " + list(m.bf16, "bf16", m.int8, "int8") +
         ",\n\"energy\": {\"table\": " + json::quote(m.energy.table) + ",\n" +
         figure("mac_int8", m.energy.macInt8, "pJ") + ",\n" +
         figure("mac_bf16", m.energy.macBf16, "pJ") + ",\n" +
         figure("vector_op", m.energy.vectorOp, "pJ") + ",\n" +
         figure("scratchpad_byte", m.energy.scratchpadByte, "pJ") + ",\n" +
         figure("accumulator_byte", m.energy.accumulatorByte, "pJ") + ",\n" +
         figure("dram_byte", m.energy.dramByte, "pJ") + "}\n}\n";
}
