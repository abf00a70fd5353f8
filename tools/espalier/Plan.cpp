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

llvm::json::Object variant(func::FuncOp function) {
  Counts phases, barriers, buffers;
  llvm::json::Array layer, around;
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
  llvm::json::Object object;
  object["name"] = function.getSymName().str();
  auto integer = [&](StringRef key, StringRef attribute) {
    if (auto attr = function->getAttrOfType<IntegerAttr>(attribute))
      object[key] = attr.getInt();
  };
  integer("max_rows", "xf.max_rows");
  integer("shared_bytes", "spmd.shared_bytes");
  integer("private_bytes", "spmd.private_bytes");
  object["kinds_of_layers"] = kinds;
  object["phases_per_layer"] = phases.inLayer;
  object["phases_outside_layers"] = phases.outside;
  object["barriers_per_layer"] = barriers.inLayer;
  object["barriers_outside_layers"] = barriers.outside;
  object["buffers"] = buffers.inLayer + buffers.outside;
  object["phases_of_a_layer"] = std::move(layer);
  object["other_phases"] = std::move(around);
  return object;
}

} // namespace

std::string tool::planText(ModuleOp module, const hardware::Machine &machine) {
  llvm::json::Array variants, weights;
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr("xf.max_rows"))
      variants.push_back(variant(function));
  for (auto weight : module.getOps<xf::WeightOp>()) {
    std::string type;
    llvm::raw_string_ostream(type) << weight.getType();
    weights.push_back(weight.getSymName().str() + ": " + type);
  }
  llvm::json::Object plan;
  plan["machine"] = machine.name;
  plan["variants"] = std::move(variants);
  plan["weights"] = std::move(weights);
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(plan));
  return text;
}
