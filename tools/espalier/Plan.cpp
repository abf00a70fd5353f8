//===- Plan.cpp - What explain says of a program --------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Plan.h"
#include "espalier/Dialect/SPMD/SPMD.h"
#include "espalier/Dialect/XF/XF.h"
#include "espalier/Hardware/CostModel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/Support/JSON.h"

#include <map>

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
        !isa<xf::WeightRefOp, xf::RowsCountOp, xf::WantedCountOp,
             xf::RowsSliceOp>(op))
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

/// What a weight is, as far as time depends on it.
struct Weight {
  uint64_t bytes = 0, elements = 0; ///< of one layer
};

Weight weightOf(xf::WeightRefOp ref) {
  auto type = dyn_cast<ShapedType>(ref.getType());
  if (!type || !type.hasStaticShape())
    return {};
  Weight weight;
  uint64_t count = uint64_t(type.getNumElements());
  if (auto panel = dyn_cast<xf::PanelType>(type.getElementType())) {
    weight.bytes = count * panel.getBytes();
    weight.elements = count * panel.getColumns() * panel.getGroup();
  } else if (type.getElementType().isIntOrFloat()) {
    weight.bytes = count * type.getElementTypeBitWidth() / 8;
  }
  return weight;
}

/// The reference that `value` is a part of, inside its phase; null: none.
xf::WeightRefOp referenceOf(Value value) {
  while (value) {
    if (auto ref = value.getDefiningOp<xf::WeightRefOp>())
      return ref;
    auto view = value.getDefiningOp<ViewLikeOpInterface>();
    value = view ? view.getViewSource() : Value();
  }
  return {};
}

/// The weights that the ops in `scope` read whole. Of a table that an embedding
/// looks up a row is read.
Weight weightsRead(Operation *scope) {
  llvm::SetVector<Operation *> refs;
  scope->walk([&](Operation *op) {
    if (isa<xf::EmbeddingOp, xf::PositionEmbeddingOp, ViewLikeOpInterface>(op))
      return;
    for (Value operand : op->getOperands())
      if (auto ref = referenceOf(operand))
        refs.insert(ref);
  });
  Weight sum;
  for (Operation *ref : refs) {
    Weight one = weightOf(cast<xf::WeightRefOp>(ref));
    sum.bytes += one.bytes;
    sum.elements += one.elements;
  }
  return sum;
}

/// A loop over tiles.
struct Loop {
  uint64_t tiles = 0;       ///< 0: as many as the rows of the call need
  int64_t rows = 0;         ///< of a tile; 0: all
  int64_t columns = 0;      ///< of a tile; 0: all
  uint64_t weightBytes = 0; ///< that all tiles read together, or each of rows
  std::string schedule;
};

std::optional<int64_t> constantOf(OpFoldResult value) {
  return getConstantIntValue(value);
}

Loop loopOf(scf::ForallOp op) {
  Loop loop;
  std::optional<int64_t> upper = constantOf(op.getMixedUpperBound()[0]);
  int64_t step = constantOf(op.getMixedStep()[0]).value_or(1);
  loop.weightBytes = weightsRead(op).bytes;
  if (auto mapping = op.getMapping(); mapping && !mapping->empty())
    if (auto tiles = dyn_cast<spmd::TilesAttr>((*mapping)[0]))
      loop.schedule = spmd::stringifySchedule(tiles.getSchedule()).str();
  if (!upper) {
    loop.rows = step;
  } else {
    loop.tiles = uint64_t(llvm::divideCeil(*upper, step));
    loop.columns = *upper > 1 ? step : 0;
  }
  return loop;
}

struct Phase {
  std::string does;
  std::vector<Loop> loops;
  Weight weights;
  bool int8 = false, onVocabulary = false;
  unsigned layers = 1; ///< that its weights are of
};

Phase phaseOf(spmd::PhaseOp op, SymbolTable &symbols) {
  Phase phase;
  phase.does = contents(op);
  op->walk([&](Operation *inner) {
    if (auto loop = dyn_cast<scf::ForallOp>(inner))
      phase.loops.push_back(loopOf(loop));
    phase.int8 |= isa<xf::QuantizeActivationsOp>(inner);
    phase.onVocabulary |= isa<xf::LogitsOp>(inner);
    if (auto ref = dyn_cast<xf::WeightRefOp>(inner))
      if (auto weight = symbols.lookup<xf::WeightOp>(ref.getWeight()))
        if (auto list = weight.getLayers())
          phase.layers = std::max(phase.layers, unsigned(list->size()));
  });
  phase.weights = weightsRead(op);
  return phase;
}

/// What a step of `rows` rows moves and computes in a phase; attention's keys
/// and values are left out: they depend on the context.
hardware::Work workOf(const Phase &phase, uint64_t rows) {
  if (phase.onVocabulary)
    rows = 1;
  uint64_t passes = 1; // over the weights
  for (const Loop &loop : phase.loops)
    if (loop.rows > 1)
      passes = std::max(passes, llvm::divideCeil(rows, uint64_t(loop.rows)));
  hardware::Work work;
  work.memoryBytes = double(phase.weights.bytes) * double(passes);
  double ops = 2.0 * double(phase.weights.elements) * double(rows);
  (phase.int8 ? work.int8Ops : work.floatOps) = ops;
  work.barriers = 1;
  return work;
}

/// The phases of a variant: of each kind of layers, and around the loop.
struct Variant {
  std::vector<std::vector<Phase>> kinds;
  std::vector<Phase> around;
  std::vector<int64_t> barriers; ///< of each kind
  int64_t barriersAround = 0, buffers = 0;

  unsigned layersOf(size_t kind) const {
    unsigned layers = 1;
    for (const Phase &phase : kinds[kind])
      layers = std::max(layers, phase.layers);
    return layers;
  }
};

Variant variantOf(func::FuncOp function, SymbolTable &symbols) {
  Variant variant;
  size_t kinds = 1;
  function.walk([&](scf::IndexSwitchOp cases) {
    kinds = size_t(cases.getNumCases()) + 1;
  });
  variant.kinds.resize(kinds);
  variant.barriers.resize(kinds);
  function.walk([&](Operation *op) {
    variant.buffers += isa<spmd::BufferOp>(op);
    auto phase = dyn_cast<spmd::PhaseOp>(op);
    bool barrier = isa<spmd::BarrierOp>(op);
    if (!phase && !barrier)
      return;
    std::optional<unsigned> kind = kindOf(op);
    if (!inLoop(op)) {
      variant.barriersAround += barrier;
      if (phase)
        variant.around.push_back(phaseOf(phase, symbols));
      return;
    }
    for (size_t k = 0; k < kinds; ++k) {
      if (kind && *kind != k)
        continue;
      variant.barriers[k] += barrier;
      if (phase)
        variant.kinds[k].push_back(phaseOf(phase, symbols));
    }
  });
  return variant;
}

class Writer {
public:
  Writer(llvm::json::OStream &out, const hardware::Machine &machine)
      : out(out), machine(machine), costs(machine) {}

  void writeMachine();
  void writeVariant(func::FuncOp function, SymbolTable &symbols);

private:
  void writePhase(const Phase &phase, uint64_t rows);
  void writePrediction(const Variant &variant, uint64_t rows);
  void writePhases(StringRef key, const std::vector<Phase> &phases,
                   uint64_t rows) {
    out.attributeArray(key, [&] {
      for (const Phase &phase : phases)
        out.object([&] { writePhase(phase, rows); });
    });
  }
  /// A loop's share of the bandwidth decides how long a tile takes.
  double tileSeconds(const Loop &loop) const {
    return double(loop.weightBytes) /
           double(std::max<uint64_t>(loop.tiles, 1)) * machine.workers /
           machine.mainMemory().bandwidth;
  }

  llvm::json::OStream &out;
  const hardware::Machine &machine;
  hardware::CostModel costs;
};

void Writer::writeMachine() {
  out.attributeObject("machine", [&] {
    out.attribute("name", machine.name);
    out.attribute("workers", machine.workers);
    out.attribute("read_gb_per_s", machine.mainMemory().bandwidth / 1e9);
    out.attribute("float_gop_per_s", machine.floatPeak() / 1e9);
    out.attribute("int8_gop_per_s", machine.int8Peak() / 1e9);
    out.attribute("own_cache", machine.privateCache().name);
    out.attribute("own_cache_bytes", int64_t(machine.privateCache().size));
    out.attribute("barrier_us", machine.barrier * 1e6);
  });
}

void Writer::writePhase(const Phase &phase, uint64_t rows) {
  out.attribute("does", phase.does);
  out.attributeArray("loops", [&] {
    for (const Loop &loop : phase.loops)
      out.object([&] {
        if (loop.tiles)
          out.attribute("tiles", int64_t(loop.tiles));
        if (loop.columns)
          out.attribute("columns", loop.columns);
        if (loop.rows)
          out.attribute("rows", loop.rows);
        out.attribute("schedule", loop.schedule);
        if (!loop.weightBytes)
          return;
        out.attribute("weight_bytes", int64_t(loop.weightBytes));
        if (loop.tiles)
          out.attribute("tile_us", tileSeconds(loop) * 1e6);
      });
  });
  out.attribute("weight_bytes", int64_t(phase.weights.bytes));
  out.attribute("predicted_us", costs.seconds(workOf(phase, rows)) * 1e6);
}

void Writer::writePrediction(const Variant &variant, uint64_t rows) {
  hardware::Work sum;
  double seconds = 0;
  auto add = [&](const Phase &phase, unsigned times) {
    hardware::Work work = workOf(phase, rows);
    sum.memoryBytes += work.memoryBytes * times;
    sum.floatOps += work.floatOps * times;
    sum.int8Ops += work.int8Ops * times;
    seconds += costs.seconds(work) * times;
  };
  for (size_t kind = 0; kind < variant.kinds.size(); ++kind)
    for (const Phase &phase : variant.kinds[kind])
      add(phase, variant.layersOf(kind));
  for (const Phase &phase : variant.around)
    add(phase, 1);
  double memory = sum.memoryBytes / machine.mainMemory().bandwidth;
  double arithmetic =
      sum.floatOps / machine.floatPeak() + sum.int8Ops / machine.int8Peak();
  out.attributeObject("predicted", [&] {
    out.attribute("rows", int64_t(rows));
    out.attribute("memory_bytes", sum.memoryBytes);
    out.attribute("float_ops", sum.floatOps);
    out.attribute("int8_ops", sum.int8Ops);
    out.attribute("memory_ms", memory * 1e3);
    out.attribute("arithmetic_ms", arithmetic * 1e3);
    out.attribute("step_ms", seconds * 1e3);
    out.attribute("tokens_per_s", double(rows) / seconds);
  });
}

void Writer::writeVariant(func::FuncOp function, SymbolTable &symbols) {
  Variant variant = variantOf(function, symbols);
  auto integer = [&](StringRef key, StringRef attribute) {
    if (auto attr = function->getAttrOfType<IntegerAttr>(attribute))
      out.attribute(key, attr.getInt());
  };
  bool overRows = false;
  for (const auto &phases : variant.kinds)
    for (const Phase &phase : phases)
      for (const Loop &loop : phase.loops)
        overRows |= loop.rows > 1;
  auto maxRows = function->getAttrOfType<IntegerAttr>(xf::kMaxRowsAttr);
  uint64_t rows = overRows && maxRows ? uint64_t(maxRows.getInt()) : 1;
  size_t phases = 0;
  for (const auto &list : variant.kinds)
    phases = std::max(phases, list.size());

  out.attribute("name", function.getSymName());
  integer("max_rows", xf::kMaxRowsAttr);
  out.attribute("kinds_of_layers", int64_t(variant.kinds.size()));
  out.attribute("phases_per_layer", int64_t(phases));
  out.attribute("barriers_per_layer", *llvm::max_element(variant.barriers));
  out.attribute("phases_outside_layers", int64_t(variant.around.size()));
  out.attribute("barriers_outside_layers", variant.barriersAround);
  out.attribute("buffers", variant.buffers);
  integer("shared_bytes", "spmd.shared_bytes");
  integer("private_bytes", "spmd.private_bytes");
  out.attributeArray("kinds", [&] {
    for (size_t kind = 0; kind < variant.kinds.size(); ++kind)
      out.object([&] {
        out.attribute("kind", int64_t(kind));
        out.attribute("layers", int64_t(variant.layersOf(kind)));
        out.attribute("barriers", variant.barriers[kind]);
        writePhases("phases", variant.kinds[kind], rows);
      });
  });
  writePhases("around", variant.around, rows);
  writePrediction(variant, rows);
}

} // namespace

std::string tool::planText(ModuleOp module, const hardware::Machine &machine) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream out(stream);
  SymbolTable symbols(module);
  Writer writer(out, machine);
  out.object([&] {
    writer.writeMachine();
    out.attributeArray("variants", [&] {
      for (auto function : module.getOps<func::FuncOp>())
        if (function->hasAttr(xf::kMaxRowsAttr))
          out.object([&] { writer.writeVariant(function, symbols); });
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
