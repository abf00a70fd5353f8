//===- PrefetchWeights.cpp - Next weights beside other work -----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Lowering/Passes.h"

#include "Patterns.h"
#include "espalier/Dialect/CPU/CPU.h"
#include "espalier/Dialect/SPMD/SPMD.h"
#include "espalier/Dialect/XF/XF.h"
#include "espalier/Hardware/TargetSpec.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace espalier {
#define GEN_PASS_DEF_PREFETCHWEIGHTS
#include "espalier/Lowering/Passes.h.inc"

namespace {

/// A dealt loop whose tiles read slices of weights.
struct Stream {
  scf::ForOp loop;
  SmallVector<memref::SubViewOp> slices;
};

/// What stands between two barriers of a block.
struct Phase {
  spmd::BarrierOp barrier; ///< in front of it, if any
  SmallVector<Stream> streams;
  SmallVector<Operation *> quiet; ///< ops that can prefetch beside their work
};

bool containsBarrier(Operation *op) {
  return op->walk([](spmd::BarrierOp) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

/// A slice of a matrix of weights whose rows follow the loop's tiles.
bool isSliceOfWeights(memref::SubViewOp op) {
  auto type = dyn_cast<MemRefType>(op.getSource().getType());
  return op.getSource().getDefiningOp<xf::WeightRefOp>() &&
         type.getRank() == 2 && isa<xf::PanelType>(type.getElementType()) &&
         op.getType().getRank() == 2 && op.isDynamicOffset(0) &&
         !op.isDynamicOffset(1) && op.getStaticOffset(1) == 0 &&
         op.getStaticSizes()[1] == type.getDimSize(1) &&
         op.getStaticStrides()[0] == 1;
}

void addTo(Phase &phase, Operation *op) {
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    Stream stream{loop, {}};
    for (auto slice : loop.getBody()->getOps<memref::SubViewOp>())
      if (isSliceOfWeights(slice))
        stream.slices.push_back(slice);
    if (!stream.slices.empty())
      phase.streams.push_back(stream);
  }
  op->walk([&](Operation *inner) {
    if (isa<xf::QuantizeActivationsOp, xf::AttentionOp,
            xf::AttentionPartialsOp>(inner))
      phase.quiet.push_back(inner);
  });
}

SmallVector<Phase> phasesOf(Block &block) {
  SmallVector<Phase> phases(1);
  for (Operation &op : block) {
    if (auto barrier = dyn_cast<spmd::BarrierOp>(op))
      phases.push_back({barrier, {}, {}});
    else if (containsBarrier(&op))
      phases.emplace_back();
    else
      addTo(phases.back(), &op);
  }
  return phases;
}

/// Computes `value` before `anchor`, with what `map` replaces; nothing where
/// that cannot be.
Value computeBefore(Value value, Operation *anchor, IRMapping &map,
                    OpBuilder &b) {
  if (Value mapped = map.lookupOrNull(value))
    return mapped;
  Block *block = value.getParentBlock();
  Operation *around = block->findAncestorOpInBlock(*anchor);
  Operation *op = value.getDefiningOp();
  if (around && (!op || op->isBeforeInBlock(around)))
    return value;
  if (!op || op->getNumRegions() != 0)
    return Value();
  // What stands beside the anchor is computed in any case, a division by the
  // number of workers too.
  if (around ? !isMemoryEffectFree(op) : !isPure(op))
    return Value();
  for (Value operand : op->getOperands()) {
    Value computed = computeBefore(operand, anchor, map, b);
    if (!computed)
      return Value();
    map.map(operand, computed);
  }
  b.clone(*op, map);
  return map.lookup(value);
}

class Prefetcher {
public:
  Prefetcher(const hardware::Machine &machine, func::FuncOp function)
      : machine(machine), function(function) {
    if (auto attr =
            function->getAttrOfType<IntegerAttr>(cpu::privateBytesAttrName))
      window = int64_t(llvm::alignTo(uint64_t(attr.getInt()), 64));
  }

  void run() {
    SmallVector<Block *> blocks;
    function.walk([&](Block *block) {
      if (!block->getOps<spmd::BarrierOp>().empty())
        blocks.push_back(block);
    });
    for (Block *block : blocks) {
      SmallVector<Phase> phases = phasesOf(*block);
      for (size_t i = 0; i < phases.size(); ++i)
        if (!phases[i].streams.empty())
          expect(phases, i);
    }
    if (used)
      function->setAttr(cpu::privateBytesAttrName,
                        OpBuilder(function).getI64IntegerAttr(window + 64));
  }

private:
  /// Expects the weights of phase `i` in front of it and of those phases before
  /// it that read none.
  void expect(MutableArrayRef<Phase> phases, size_t i) {
    size_t first = i;
    while (first > 0 && phases[first].barrier && phases[first - 1].barrier &&
           phases[first - 1].streams.empty())
      --first;
    spmd::BarrierOp anchor = phases[first].barrier;
    if (!anchor)
      return;
    OpBuilder b(anchor);
    SmallVector<Value> panels;
    for (const Stream &stream : phases[i].streams)
      if (Value share = shareOf(stream, anchor, b))
        panels.push_back(share);
    if (panels.empty())
      return;
    cpu::ExpectOp::create(b, anchor.getLoc(), panels, machine.linesAhead,
                          uint64_t(window));
    used = true;
    for (Phase &phase : phases.slice(first, i + 1 - first))
      for (Operation *op : phase.quiet)
        op->setAttr(cpu::prefetchAttrName, b.getI64IntegerAttr(window));
  }

  /// What the worker reads of the loop's first matrix.
  Value shareOf(const Stream &stream, Operation *anchor, OpBuilder &b) {
    memref::SubViewOp slice = stream.slices.front();
    scf::ForOp loop = stream.loop;
    Location loc = slice.getLoc();
    IRMapping outer;
    auto rowOf = [&](Value tile) -> Value {
      Value bound = computeBefore(tile, anchor, outer, b);
      if (!bound)
        return Value();
      IRMapping map;
      map.map(loop.getInductionVar(), bound);
      return computeBefore(slice.getDynamicOffset(0), anchor, map, b);
    };
    Value matrix = computeBefore(slice.getSource(), anchor, outer, b);
    Value begin = rowOf(loop.getLowerBound());
    Value end = rowOf(loop.getUpperBound());
    if (!matrix || !begin || !end)
      return Value();
    auto type = cast<MemRefType>(matrix.getType());
    int64_t rowBytes =
        type.getDimSize(1) *
        int64_t(cast<xf::PanelType>(type.getElementType()).getBytes());
    int64_t most = std::max<int64_t>(
        int64_t(machine.privateCache().size / 2) / rowBytes, 1);
    if (stream.slices.size() > 1 && !slice.isDynamicSize(0))
      most = std::min(most, slice.getStaticSize(0));
    Value rows = arith::SubIOp::create(b, loc, end, begin);
    rows = arith::MinUIOp::create(b, loc, rows,
                                  arith::ConstantIndexOp::create(b, loc, most));
    OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
    return memref::SubViewOp::create(
        b, loc, matrix, ArrayRef<OpFoldResult>{begin, zero},
        ArrayRef<OpFoldResult>{rows, b.getIndexAttr(type.getDimSize(1))},
        ArrayRef<OpFoldResult>{one, one});
  }

  const hardware::Machine &machine;
  func::FuncOp function;
  int64_t window = 0;
  bool used = false;
};

struct PrefetchWeights : impl::PrefetchWeightsBase<PrefetchWeights> {
  void runOnOperation() override {
    FailureOr<hardware::Machine> machine = hardware::machineOf(getOperation());
    if (failed(machine))
      return signalPassFailure();
    for (auto function : getOperation().getOps<func::FuncOp>())
      Prefetcher(*machine, function).run();
  }
};

} // namespace
} // namespace espalier
