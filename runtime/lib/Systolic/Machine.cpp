//===- Machine.cpp - Check of the accelerator's description ---------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Machine.h"

#include "espalier/Support/Json.h"
#include "espalier/systolic.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <span>
#include <vector>

using namespace espalier;
using namespace espalier::simulator;

namespace {

using Names = std::initializer_list<std::string_view>;

struct Unit {
  std::string_view name;
  double scale;
};
constexpr Unit counts[] = {{"count", 1}};
constexpr Unit cycles[] = {{"cycle", 1}};
constexpr Unit sizes[] = {
    {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}};
constexpr Unit rates[] = {{"B/cycle", 1}};
constexpr Unit clocks[] = {{"GHz", 1e9}, {"MHz", 1e6}};
constexpr Unit energies[] = {{"pJ", 1}};

/// What addresses of 24 bits reach.
constexpr double leastBytes = 1024,
                 mostBytes = double(ESPALIER_SYSTOLIC_GRANULE) * (1 << 24);

std::string listed(Names names, const char *quote = "") {
  std::string list;
  for (std::string_view name : names) {
    list += list.empty() ? "" : ", ";
    list.append(quote).append(name).append(quote);
  }
  return list;
}

/// One object of the description. The first failure stays in the parser, and
/// what is read after it does not matter.
class Section;

struct Parser {
  const std::string &file;
  std::string failure;

  void fail(const std::string &key, const std::string &what) {
    if (failure.empty())
      failure = file + ": key '" + key + "': " + what;
  }
};

class Section {
public:
  Section(Parser &parser, const json::Value *value, std::string path,
          Names allowed)
      : parser(parser), path(std::move(path)) {
    object = value ? value->asObject() : nullptr;
    if (!object) {
      parser.fail(this->path.empty() ? "(the whole file)" : this->path,
                  value ? "expected an object, got " +
                              std::string(json::kindName(value->kind()))
                        : "missing");
      return;
    }
    for (auto &[name, member] : object->members())
      if (std::find(allowed.begin(), allowed.end(), name) == allowed.end())
        parser.fail(at(name), "unknown; allowed here: " + listed(allowed));
    for (std::string_view name : allowed)
      if (!object->find(name))
        parser.fail(at(name), "missing");
  }

  std::string at(std::string_view key) const {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
  }
  const json::Value *member(std::string_view key) const {
    return object ? object->find(key) : nullptr;
  }

  std::string text(std::string_view key) const {
    const json::Value *value = member(key);
    const std::string *string = value ? value->asString() : nullptr;
    if (string && !string->empty())
      return *string;
    parser.fail(at(key), "expected a string that is not empty");
    return "";
  }

  std::string choice(std::string_view key, Names allowed) const {
    std::string got = text(key);
    if (std::find(allowed.begin(), allowed.end(), got) == allowed.end())
      parser.fail(at(key),
                  "got '" + got + "'; allowed: " + listed(allowed, "'"));
    return got;
  }

  /// A list, not empty and without repetitions, of `allowed` names: a bit each.
  unsigned set(std::string_view key, Names allowed) const {
    const json::Value *value = member(key);
    const json::Array *array = value ? value->asArray() : nullptr;
    unsigned bits = 0;
    bool good = array && !array->empty();
    for (size_t i = 0; good && i < array->size(); ++i) {
      const std::string *name = (*array)[i].asString();
      auto found = name ? std::find(allowed.begin(), allowed.end(), *name)
                        : allowed.end();
      good = found != allowed.end() && !(bits >> (found - allowed.begin()) & 1);
      if (good)
        bits |= 1u << (found - allowed.begin());
    }
    if (!good)
      parser.fail(at(key), "expected a list of one or more of " +
                               listed(allowed, "'") + ", each once");
    return bits;
  }

  double figure(std::string_view key, std::span<const Unit> units, double least,
                double most, bool whole) const {
    Section entry(parser, member(key), at(key), {"value", "unit", "source"});
    if (!parser.failure.empty())
      return least;
    entry.text("source");
    std::string unit = entry.text("unit");
    const Unit *known = nullptr;
    std::string list;
    for (const Unit &u : units) {
      list += (list.empty() ? "'" : ", '") + std::string(u.name) + "'";
      if (u.name == unit)
        known = &u;
    }
    if (!known) {
      parser.fail(entry.at("unit"), "got '" + unit + "'; allowed: " + list);
      return least;
    }
    std::optional<double> number = entry.member("value")->asDouble();
    double value = number ? *number * known->scale : NAN;
    if (value >= least && value <= most &&
        (!whole || value == std::floor(value)))
      return value;
    char range[128];
    snprintf(range, sizeof(range), "expected %s of %.6g to %.6g %s",
             whole ? "a whole number" : "a number", least / known->scale,
             most / known->scale, unit.c_str());
    parser.fail(entry.at("value"), range);
    return least;
  }

  uint32_t whole(std::string_view key, std::span<const Unit> units,
                 double least, double most) const {
    return uint32_t(figure(key, units, least, most, true));
  }

private:
  Parser &parser;
  std::string path;
  const json::Object *object = nullptr;
};

/// Size and banks of a memory: equal banks of whole granules.
uint64_t readMemory(Parser &parser, const Section &section, uint32_t &banks) {
  auto size =
      uint64_t(section.figure("size", sizes, leastBytes, mostBytes, true));
  banks = section.whole("banks", counts, 1, 1024);
  if (size % (uint64_t(banks) * ESPALIER_SYSTOLIC_GRANULE) != 0)
    parser.fail(section.at("size"),
                "expected equal banks of a multiple of 16 bytes, got " +
                    std::to_string(size) + " bytes in " +
                    std::to_string(banks) + " banks");
  return size;
}

void readArray(Parser &parser, const json::Value *value, Machine &m) {
  Section array(parser, value, "array",
                {"rows", "columns", "dataflows", "overlap", "load_rows"});
  m.rows = array.whole("rows", counts, 1, 1024);
  m.columns = array.whole("columns", counts, 1, 1024);
  unsigned flows =
      array.set("dataflows", {"weight_stationary", "output_stationary"});
  m.weightStationary = flows & 1;
  m.outputStationary = flows & 2;
  m.shadow = array.choice("overlap", {"none", "shadow"}) == "shadow";
  m.loadRows = array.whole("load_rows", counts, 1, m.rows);
}

void readVector(Parser &parser, const json::Value *value, Machine &m) {
  Section vector(parser, value, "vector", {"lanes", "latency"});
  m.lanes = vector.whole("lanes", counts, 1, 65536);
  Section latency(parser, vector.member("latency"), "vector.latency",
                  {"map", "function", "divide", "reduce"});
  m.latencyMap = latency.whole("map", cycles, 1, 65536);
  m.latencyFunction = latency.whole("function", cycles, 1, 65536);
  m.latencyDivide = latency.whole("divide", cycles, 1, 65536);
  m.latencyReduce = latency.whole("reduce", cycles, 1, 65536);
}

void readEnergy(Parser &parser, const json::Value *value, Machine &m) {
  Section energy(parser, value, "energy",
                 {"table", "mac_int8", "mac_bf16", "vector_op",
                  "scratchpad_byte", "accumulator_byte", "dram_byte"});
  auto read = [&](const char *key) {
    return energy.figure(key, energies, 0, 1e6, false);
  };
  m.energyTable = energy.text("table");
  m.macInt8 = read("mac_int8");
  m.macBf16 = read("mac_bf16");
  m.vectorOp = read("vector_op");
  m.scratchpadByte = read("scratchpad_byte");
  m.accumulatorByte = read("accumulator_byte");
  m.dramByte = read("dram_byte");
}

} // namespace

Result<Machine> simulator::parseMachine(std::string_view text,
                                        const std::string &name) {
  json::Limits limits;
  limits.bytes = 1u << 20;
  auto document = json::parse(text, limits);
  if (!document)
    return document.takeError().within(name);
  Parser parser{name, ""};
  Machine m;
  Section top(parser, &*document, "",
              {"schema", "name", "description", "target", "clock", "array",
               "scratchpad", "accumulator", "vector", "dram", "types",
               "energy"});
  top.choice("schema", {"espalier-machine-1"});
  m.name = top.text("name");
  m.description = top.text("description");
  top.choice("target", {"systolic"});
  m.clock = top.figure("clock", clocks, 1e6, 1e11, false);
  readArray(parser, top.member("array"), m);

  Section scratchpad(parser, top.member("scratchpad"), "scratchpad",
                     {"size", "banks", "read_ports", "write_ports"});
  m.scratchpadBytes = readMemory(parser, scratchpad, m.scratchpadBanks);
  m.readPorts = scratchpad.whole("read_ports", counts, 1, 16);
  m.writePorts = scratchpad.whole("write_ports", counts, 1, 16);

  Section accumulator(parser, top.member("accumulator"), "accumulator",
                      {"size", "banks", "vector_ports"});
  m.accumulatorBytes = readMemory(parser, accumulator, m.accumulatorBanks);
  m.vectorPorts = accumulator.whole("vector_ports", counts, 1, 16);

  readVector(parser, top.member("vector"), m);

  Section dram(parser, top.member("dram"), "dram",
               {"model", "bandwidth", "latency"});
  dram.choice("model", {"ideal"});
  m.bandwidth = dram.whole("bandwidth", rates, 1, 65536);
  m.dramLatency = dram.whole("latency", cycles, 1, 65536);

  unsigned types = top.set("types", {"bf16", "int8"});
  m.bf16 = types & 1;
  m.int8 = types & 2;
  readEnergy(parser, top.member("energy"), m);
  if (!parser.failure.empty())
    return Error{parser.failure};
  return m;
}
