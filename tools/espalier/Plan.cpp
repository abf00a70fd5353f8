//===- Plan.cpp - What explain says of a program --------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Plan.h"
#include "espalier/Dialect/SPMD/SPMD.h"
#include "espalier/Dialect/XF/XF.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/JSON.h"

using namespace espalier;
using namespace mlir;

namespace {

/// The kind of layers that `op` belongs to; nothing where it is in no loop over
/// layers, or in one whose layers are all alike (LowerRepeat.cpp).
std::optional<unsigned> kindOf(Operation *op) {
  for (Region *region = op->getParentRegion(); region;
       region = region->getParentRegion())
    if (isa<scf::IndexSwitchOp>(region->getParentOp()))
      return region->getRegionNumber();
  return std::nullopt;
}

bool inLoop(Operation *op) { return bool(op->getParentOfType<scf::ForOp>()); }

/// The ops of a phase that compute, each with how often it stands there.
std::string contents(spmd::PhaseOp phase) {
  llvm::MapVector<StringRef, unsigned> names;
  phase->walk([&](Operation *op) {
    if (isa_and_nonnull<xf::XFDialect>(op->getDialect()) &&
        !isa<xf::WeightRefOp>(op))
      ++names[op->getName().stripDialect()];
  });
  std::string text;
  for (auto &[name, count] : names) {
    text += (text.empty() ? "" : ", ") + name.str();
    if (count > 1)
      text += " x " + std::to_string(count);
  }
  return text;
}

/// What stands in the loop over layers, for each kind of them, and around it.
struct Counts {
  explicit Counts(int64_t kinds) : ofKind(kinds) {}

  void add(Operation *op) {
    if (!inLoop(op))
      ++outside;
    else if (std::optional<unsigned> kind = kindOf(op))
      ++ofKind[*kind];
    else
      ++ofEvery;
  }
  /// Of a layer of the kind that has most.
  int64_t inLayer() const { return ofEvery + *llvm::max_element(ofKind); }

  int64_t outside = 0, ofEvery = 0;
  SmallVector<int64_t> ofKind;
};

void writeVariant(llvm::json::OStream &out, func::FuncOp function) {
  int64_t kinds = 1, buffers = 0;
  function.walk([&](scf::IndexSwitchOp cases) {
    kinds = int64_t(cases.getNumCases()) + 1;
  });
  Counts phases(kinds), barriers(kinds);
  SmallVector<std::string> layer, around;
  function.walk([&](Operation *op) {
    if (auto phase = dyn_cast<spmd::PhaseOp>(op)) {
      phases.add(op);
      std::optional<unsigned> kind = kindOf(op);
      (inLoop(op) ? layer : around)
          .push_back((kind ? "kind " + std::to_string(*kind) + ": " : "") +
                     contents(phase));
    } else if (isa<spmd::BarrierOp>(op)) {
      barriers.add(op);
    }
    buffers += isa<spmd::BufferOp>(op);
  });
  auto integer = [&](StringRef key, StringRef attribute) {
    if (auto attr = function->getAttrOfType<IntegerAttr>(attribute))
      out.attribute(key, attr.getInt());
  };
  auto list = [&](StringRef key, ArrayRef<std::string> items) {
    out.attributeArray(key, [&] {
      for (const std::string &item : items)
        out.value(item);
    });
  };
  out.attribute("name", function.getSymName());
  integer("max_rows", "xf.max_rows");
  out.attribute("kinds_of_layers", kinds);
  out.attribute("phases_per_layer", phases.inLayer());
  out.attribute("barriers_per_layer", barriers.inLayer());
  list("phases_of_a_layer", layer);
  out.attribute("phases_outside_layers", phases.outside);
  out.attribute("barriers_outside_layers", barriers.outside);
  list("other_phases", around);
  out.attribute("buffers", buffers);
  integer("shared_bytes", "spmd.shared_bytes");
  integer("private_bytes", "spmd.private_bytes");
}

} // namespace

std::string tool::planText(ModuleOp module, const hardware::Machine &machine) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream out(stream);
  out.object([&] {
    out.attribute("machine", machine.name);
    out.attributeArray("variants", [&] {
      for (auto function : module.getOps<func::FuncOp>())
        if (function->hasAttr("xf.max_rows"))
          out.object([&] { writeVariant(out, function); });
    });
    out.attributeObject("weights", [&] {
      for (auto weight : module.getOps<xf::WeightOp>()) {
        std::string type;
        llvm::raw_string_ostream(type) << weight.getType();
        out.attribute(weight.getSymName(), type);
      }
    });
  });
  return text;
}
