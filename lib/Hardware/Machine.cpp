//===- Machine.cpp - Check of machine descriptions ------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Hardware/Machine.h"
#include "Catalogue.h"
#include "espalier/Support/Json.h"
#include "espalier/Support/MappedFile.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <initializer_list>
#include <span>

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

struct Unit {
  std::string_view name;
  double scale;
};

constexpr Unit byteUnits[] = {
    {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}};
constexpr Unit rateUnits[] = {{"GB/s", 1e9}, {"B/cycle", 0}};
constexpr Unit clockUnits[] = {{"GHz", 1e9}, {"MHz", 1e6}};
constexpr Unit timeUnits[] = {{"ns", 1e-9}, {"us", 1e-6}};
constexpr Unit countUnits[] = {{"count", 1}};
constexpr Unit bitUnits[] = {{"bit", 1}};
constexpr Unit issueUnits[] = {{"ops/cycle", 1}};

/// Reads one description; the first error stays, and later reads give zeros.
class Reader {
public:
  Reader(const std::string &file) : file(file) {}

  void fail(const std::string &key, const std::string &message) {
    if (!failure)
      failure = Error{file + ": key '" + key + "': " + message};
  }

  /// Refuses members other than `allowed`, and demands each of them.
  bool keys(const json::Value &object, const std::string &path,
            std::initializer_list<std::string_view> allowed) {
    const json::Object *members = object.asObject();
    if (!members) {
      fail(path.empty() ? "(the whole file)" : path,
           "expected an object, got " +
               std::string(json::kindName(object.kind())));
      return false;
    }
    std::string list;
    for (std::string_view name : allowed)
      list += (list.empty() ? "" : ", ") + std::string(name);
    for (auto &[name, value] : members->members())
      if (std::find(allowed.begin(), allowed.end(), name) == allowed.end())
        fail(join(path, name), "unknown; allowed here: " + list);
    for (std::string_view name : allowed)
      if (!members->find(name))
        fail(join(path, name), "missing");
    return !failure;
  }

  std::string text(const json::Value &object, const std::string &path,
                   std::string_view key) {
    const json::Value *value = object.find(key);
    const std::string *string = value ? value->asString() : nullptr;
    if (!string || string->empty()) {
      fail(join(path, key), "expected a string that is not empty");
      return "";
    }
    return *string;
  }

  std::string choice(const json::Value &object, std::string_view key,
                     std::initializer_list<std::string_view> allowed) {
    std::string got = text(object, "", key);
    if (std::find(allowed.begin(), allowed.end(), got) == allowed.end()) {
      std::string list;
      for (std::string_view name : allowed)
        list += (list.empty() ? "'" : ", '") + std::string(name) + "'";
      fail(std::string(key), "got '" + got + "'; allowed: " + list);
    }
    return got;
  }

  /// A value with its unit and source, in basic units, of `least` to `most`.
  double quantity(const json::Value &object, const std::string &path,
                  std::string_view key, std::span<const Unit> units,
                  double least, double most, bool whole = false) {
    const json::Value *entry = object.find(key);
    std::string here = join(path, key);
    if (failure || !entry || !keys(*entry, here, {"value", "unit", "source"}))
      return 0;
    text(*entry, here, "source");
    std::string unit = text(*entry, here, "unit");
    auto known = std::find_if(units.begin(), units.end(),
                              [&](const Unit &u) { return u.name == unit; });
    if (known == units.end()) {
      std::string list;
      for (const Unit &u : units)
        list += (list.empty() ? "'" : ", '") + std::string(u.name) + "'";
      fail(join(here, "unit"), "got '" + unit + "'; allowed: " + list);
      return 0;
    }
    std::optional<double> number = entry->find("value")->asDouble();
    // "B/cycle" has scale 0: it is the clock that makes it a rate.
    double scale = known->scale == 0 ? clock : known->scale;
    double value = number ? *number * scale : NAN;
    if (!(value >= least && value <= most) ||
        (whole && value != std::floor(value))) {
      char range[96];
      snprintf(range, sizeof(range), "expected %s of %.6g to %.6g %s",
               whole ? "a whole number" : "a number", least / scale,
               most / scale, unit.c_str());
      fail(join(here, "value"), range);
      return 0;
    }
    return value;
  }

  static std::string join(const std::string &path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
  }

  const std::string &file;
  double clock = 0;
  std::optional<Error> failure;
};

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
  if (reader.failure || !reader.keys(tile, "tile",
                                     {"start", "worth", "per_worker",
                                      "rows_least", "rows_usual", "rows_most"}))
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
  if (reader.keys(*root, "",
                  {"schema", "name", "description", "target", "isa", "workers",
                   "clock", "barrier", "tile", "vector", "memory"})) {
    reader.choice(*root, "schema", {"espalier-machine-1"});
    reader.text(*root, "", "description");
    machine.name = reader.text(*root, "", "name");
    machine.target = reader.choice(*root, "target", {"cpu"});
    machine.isa = reader.choice(*root, "isa", {"avx2", "avx512"});
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
  std::vector<std::string_view> names;
  for (const CatalogueEntry &entry : catalogue)
    names.push_back(entry.name);
  return names;
}

Result<Machine> hardware::findMachine(const std::string &nameOrPath) {
  std::string list;
  for (const CatalogueEntry &entry : catalogue) {
    if (entry.name == nameOrPath)
      return parseMachine(entry.text, nameOrPath);
    list += (list.empty() ? "'" : ", '") + std::string(entry.name) + "'";
  }
  Result<MappedFile> file = MappedFile::open(nameOrPath);
  if (!file)
    return Error{"machine '" + nameOrPath + "': neither a name of the " +
                 "catalogue (" + list + ") nor a file that can be read"};
  std::span<const uint8_t> bytes = file->bytes();
  return parseMachine(
      {reinterpret_cast<const char *>(bytes.data()), bytes.size()}, nameOrPath);
}
