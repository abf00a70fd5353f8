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

/// What stands in the loop over layers, and what around it.
struct Counts {
  int64_t inLayer = 0, outside = 0;

  void add(bool layer) { ++(layer ? inLayer : outside); }
};

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

void writeVariant(llvm::json::OStream &out, func::FuncOp function) {
  Counts phases, barriers, buffers;
  SmallVector<std::string> layer, around;
  int64_t kinds = 1;
  function.walk([&](Operation *op) {
    bool inside = inLoop(op);
    if (auto phase = dyn_cast<spmd::PhaseOp>(op)) {
      phases.add(inside);
      (inside ? layer : around).push_back(contents(phase));
    } else if (isa<spmd::BarrierOp>(op)) {
      barriers.add(inside);
    } else if (isa<spmd::BufferOp>(op)) {
      buffers.add(inside);
    } else if (auto cases = dyn_cast<scf::IndexSwitchOp>(op)) {
      kinds = int64_t(cases.getNumCases()) + 1;
    }
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
  out.attribute("phases_per_layer", phases.inLayer);
  out.attribute("barriers_per_layer", barriers.inLayer);
  list("phases_of_a_layer", layer);
  out.attribute("phases_outside_layers", phases.outside);
  out.attribute("barriers_outside_layers", barriers.outside);
  list("other_phases", around);
  out.attribute("buffers", buffers.inLayer + buffers.outside);
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
