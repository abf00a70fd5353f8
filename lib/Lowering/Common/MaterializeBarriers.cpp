//===- MaterializeBarriers.cpp - Barriers between conflicting phases ------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "espalier/Lowering/Passes.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace espalier {
#define GEN_PASS_DEF_SPMDMATERIALIZEBARRIERS
#include "espalier/Lowering/Passes.h.inc"

namespace {

/// Memory that phases share: a buffer, or the cache (one object for all
/// layers).
using Root = void *;

/// What was touched since the last barrier.
struct Accesses {
  llvm::SmallDenseSet<Root> reads, writes;
  bool claims = false;

  void add(const Accesses &other) {
    reads.insert(other.reads.begin(), other.reads.end());
    writes.insert(other.writes.begin(), other.writes.end());
    claims |= other.claims;
  }
  bool conflictsWith(const Accesses &phase) const {
    auto touches = [](const llvm::SmallDenseSet<Root> &a,
                      const llvm::SmallDenseSet<Root> &b) {
      return llvm::any_of(a, [&](Root root) { return b.contains(root); });
    };
    // Only a barrier resets the claim counter.
    return (claims && phase.claims) || touches(phase.writes, writes) ||
           touches(phase.writes, reads) || touches(phase.reads, writes);
  }
};

struct MaterializeBarriersPass
    : impl::SPMDMaterializeBarriersBase<MaterializeBarriersPass> {
  void runOnOperation() override {
    for (Block &block : getOperation().getBody()) {
      Accesses since;
      process(block, since, /*insert=*/true);
    }
  }

private:
  static void addRoots(Value value, llvm::SmallDenseSet<Root> &roots) {
    Type type = value.getType();
    if (isa<xf::KVCacheType>(type)) {
      // Every cache value of a type is the same memory at another time.
      roots.insert(const_cast<void *>(type.getAsOpaquePointer()));
      return;
    }
    if (!isa<BaseMemRefType>(type))
      return;
    if (auto view = value.getDefiningOp<ViewLikeOpInterface>())
      return addRoots(view.getViewSource(), roots);
    if (auto argument = dyn_cast<BlockArgument>(value))
      if (auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp()))
        return addRoots(loop.getTiedLoopInit(argument)->get(), roots);
    if (auto result = dyn_cast<OpResult>(value)) {
      if (auto loop = dyn_cast<scf::ForOp>(result.getOwner()))
        return addRoots(loop.getTiedLoopInit(result)->get(), roots);
      if (isa<scf::IndexSwitchOp>(result.getOwner())) {
        for (Region &region : result.getOwner()->getRegions())
          addRoots(region.front().getTerminator()->getOperand(
                       result.getResultNumber()),
                   roots);
        return;
      }
    }
    roots.insert(value.getAsOpaquePointer());
  }

  static Accesses accessesOf(spmd::PhaseOp phase) {
    Accesses accesses;
    for (Value input : phase.getInputs())
      addRoots(input, accesses.reads);
    for (Value output : phase.getOutputs())
      addRoots(output, accesses.writes);
    phase.walk([&](scf::ForallOp loop) {
      for (Attribute mapping :
           loop.getMapping().value_or(ArrayAttr()).getValue())
        if (auto tiles = dyn_cast<spmd::TilesAttr>(mapping))
          accesses.claims |= tiles.getSchedule() == spmd::Schedule::Claim;
    });
    return accesses;
  }

  void process(Block &block, Accesses &since, bool insert) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (auto phase = dyn_cast<spmd::PhaseOp>(op)) {
        Accesses accesses = accessesOf(phase);
        if (since.conflictsWith(accesses)) {
          since = Accesses();
          if (insert) {
            OpBuilder builder(phase);
            spmd::BarrierOp::create(builder, phase.getLoc());
            ++numBarriers;
          }
        }
        since.add(accesses);
        continue;
      }
      if (auto loop = dyn_cast<scf::ForOp>(op)) {
        // What the end of the body leaves open meets its beginning.
        Accesses tail = since;
        process(*loop.getBody(), tail, /*insert=*/false);
        since.add(tail);
        process(*loop.getBody(), since, insert);
        continue;
      }
      if (op.getNumRegions() == 0)
        continue;
      Accesses before = since, after;
      for (Region &region : op.getRegions())
        for (Block &inner : region) {
          Accesses branch = before;
          process(inner, branch, insert);
          after.add(branch);
        }
      since = after;
    }
  }
};

} // namespace
} // namespace espalier
