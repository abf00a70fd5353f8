//===- TargetSpec.cpp - The machine on a module ---------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Hardware/TargetSpec.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/IR/Builders.h"

using namespace espalier::hardware;
using namespace mlir;

namespace {

/// The one list of figures, for writing and for reading.
template <typename Machine, typename Visitor>
void visitFigures(Machine &machine, Visitor &&visit) {
  visit("espalier.clock", machine.clock);
  visit("espalier.barrier", machine.barrier);
  visit("espalier.fma_issue", machine.fmaIssue);
  visit("espalier.int8_dot_issue", machine.int8DotIssue);
  visit("espalier.workers", machine.workers);
  visit("espalier.tile_start", machine.tileStart);
  visit("espalier.tile_worth", machine.tileWorth);
  visit("espalier.tiles_per_worker", machine.tilesPerWorker);
  visit("espalier.rows_least", machine.rowsLeast);
  visit("espalier.rows_usual", machine.rowsUsual);
  visit("espalier.rows_most", machine.rowsMost);
  visit("espalier.lines_ahead", machine.linesAhead);
  visit("espalier.split_at", machine.splitAt);
  visit("espalier.split_gain", machine.splitGain);
  visit("espalier.vector_bits", machine.vectorBits);
  visit("espalier.vector_registers", machine.vectorRegisters);
}

DataLayoutEntryInterface entry(Builder &builder, StringRef key,
                               Attribute value) {
  return DataLayoutEntryAttr::get(builder.getStringAttr(key), value);
}

MapAttr levelAttr(Builder &builder, const MemoryLevel &level) {
  return MapAttr::get(
      builder.getContext(),
      {entry(builder, "name", builder.getStringAttr(level.name)),
       entry(builder, "size", builder.getI64IntegerAttr(int64_t(level.size))),
       entry(builder, "bandwidth", builder.getF64FloatAttr(level.bandwidth)),
       entry(builder, "shared", builder.getBoolAttr(level.shared))});
}

/// Looks `keys` up below the module's specification.
template <typename Attr> Attr find(ModuleOp module, ArrayRef<StringRef> keys) {
  FailureOr<Attribute> got = dlti::query(module, keys);
  return succeeded(got) ? dyn_cast<Attr>(*got) : Attr();
}

struct FigureReader {
  ModuleOp module;
  StringRef missing;

  void operator()(StringRef key, double &value) {
    if (auto attr = find<FloatAttr>(module, {"CPU", key}))
      value = attr.getValueAsDouble();
    else
      missing = key;
  }
  void operator()(StringRef key, unsigned &value) {
    auto attr = find<IntegerAttr>(module, {"CPU", key});
    if (attr && attr.getInt() > 0)
      value = unsigned(attr.getInt());
    else
      missing = key;
  }
  void operator()(StringRef key, std::string &value) {
    if (auto attr = find<StringAttr>(module, {"CPU", key}))
      value = attr.str();
    else
      missing = key;
  }
};

bool readLevels(ModuleOp module, Machine &machine) {
  auto levels = find<MapAttr>(module, {"CPU", "espalier.memory"});
  if (!levels)
    return false;
  for (size_t i = 0; i < levels.getEntries().size(); ++i) {
    std::string index = std::to_string(i);
    SmallVector<StringRef> path = {"CPU", "espalier.memory", index, ""};
    auto member = [&](StringRef key) {
      path.back() = key;
      return ArrayRef<StringRef>(path);
    };
    auto name = find<StringAttr>(module, member("name"));
    auto size = find<IntegerAttr>(module, member("size"));
    auto bandwidth = find<FloatAttr>(module, member("bandwidth"));
    auto shared = find<BoolAttr>(module, member("shared"));
    if (!name || !size || size.getInt() <= 0 || !bandwidth || !shared ||
        !(bandwidth.getValueAsDouble() > 0))
      return false;
    machine.memory.push_back({name.str(), uint64_t(size.getInt()),
                              bandwidth.getValueAsDouble(), shared.getValue()});
  }
  return !machine.memory.empty();
}

} // namespace

void espalier::hardware::attachMachine(ModuleOp module,
                                       const Machine &machine) {
  MLIRContext *context = module.getContext();
  Builder builder(context);
  SmallVector<DataLayoutEntryInterface> entries = {
      entry(builder, "espalier.name", builder.getStringAttr(machine.name)),
      entry(builder, "espalier.isa", builder.getStringAttr(machine.isa))};
  struct {
    Builder &builder;
    SmallVector<DataLayoutEntryInterface> &entries;
    void operator()(StringRef key, double value) {
      entries.push_back(entry(builder, key, builder.getF64FloatAttr(value)));
    }
    void operator()(StringRef key, unsigned value) {
      entries.push_back(entry(builder, key, builder.getI64IntegerAttr(value)));
    }
  } write{builder, entries};
  visitFigures(machine, write);
  SmallVector<DataLayoutEntryInterface> levels;
  for (auto [i, level] : llvm::enumerate(machine.memory))
    levels.push_back(
        entry(builder, std::to_string(i), levelAttr(builder, level)));
  entries.push_back(
      entry(builder, "espalier.memory", MapAttr::get(context, levels)));
  module->setAttr(
      DLTIDialect::kTargetSystemDescAttrName,
      TargetSystemSpecAttr::get(
          context, {entry(builder, "CPU",
                          TargetDeviceSpecAttr::get(context, entries))}));
}

FailureOr<Machine> espalier::hardware::machineOf(ModuleOp module) {
  if (!module->hasAttr(DLTIDialect::kTargetSystemDescAttrName)) {
    Result<Machine> machine = findMachine(defaultMachine);
    if (machine)
      return *machine;
    module.emitError(machine.error().message);
    return failure();
  }
  Machine machine;
  machine.target = "cpu";
  FigureReader read{module, ""};
  read("espalier.name", machine.name);
  read("espalier.isa", machine.isa);
  visitFigures(machine, read);
  if (!readLevels(module, machine))
    read.missing = "espalier.memory";
  if (!read.missing.empty()) {
    module.emitError("dlti.target_system_spec: device 'CPU' lacks a valid '")
        << read.missing << "'";
    return failure();
  }
  return machine;
}
