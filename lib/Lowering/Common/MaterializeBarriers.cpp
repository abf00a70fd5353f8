//===- MaterializeBarriers.cpp - Barriers between conflicting phases ------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BufferSize.h"
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

/// Where a buffer of the shared arena lies in it. Buffers that are never live
/// together share bytes, so that one of them is the other at another time.
struct Extent {
  uint64_t begin = 0, end = 0;
};

/// Beyond every shared arena: buffers of the blocks' arena meet each other
/// only.
constexpr Extent blocksExtent = {UINT64_MAX - 1, UINT64_MAX};

/// What was touched since the last barrier.
struct Accesses {
  llvm::SmallDenseSet<Root> reads, writes;
  bool claims = false;

  void add(const Accesses &other) {
    reads.insert(other.reads.begin(), other.reads.end());
    writes.insert(other.writes.begin(), other.writes.end());
    claims |= other.claims;
  }
  bool contains(const Accesses &other) const {
    auto all = [](const llvm::SmallDenseSet<Root> &a,
                  const llvm::SmallDenseSet<Root> &b) {
      return llvm::all_of(b, [&](Root root) { return a.contains(root); });
    };
    return all(reads, other.reads) && all(writes, other.writes) &&
           (claims || !other.claims);
  }
};

struct MaterializeBarriersPass
    : impl::SPMDMaterializeBarriersBase<MaterializeBarriersPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    extents.clear();
    if (failed(findExtents(function)) || failed(checkOutside(function)))
      return signalPassFailure();
    for (Block &block : function.getBody()) {
      Accesses since;
      process(block, since, /*insert=*/true);
    }
  }

private:
  LogicalResult findExtents(func::FuncOp function) {
    WalkResult walk = function.walk([&](spmd::BufferOp op) {
      if (op.getSpace() == spmd::Space::Private)
        return WalkResult::advance();
      if (op.getSpace() == spmd::Space::Blocks) {
        // One arena, of which every buffer may be any part.
        extents[op.getResult().getAsOpaquePointer()] = blocksExtent;
        return WalkResult::advance();
      }
      FailureOr<uint64_t> bytes = boundedBytes(
          op, cast<MemRefType>(op.getResult().getType()), op.getSizes());
      if (failed(bytes))
        return WalkResult::interrupt();
      uint64_t offset = uint64_t(op.getOffset());
      extents[op.getResult().getAsOpaquePointer()] = {offset, offset + *bytes};
      return WalkResult::advance();
    });
    return failure(walk.wasInterrupted());
  }

  /// Barriers stand between phases alone: memory that every worker writes, or
  /// that it reads while another may write it, has to be in one. Constants may
  /// be read anywhere.
  static LogicalResult checkOutside(func::FuncOp function) {
    bool hasPhases = false;
    function.walk([&](spmd::PhaseOp) { hasPhases = true; });
    if (!hasPhases)
      return success();
    WalkResult walk = function.walk<WalkOrder::PreOrder>([](Operation *op) {
      if (isa<spmd::PhaseOp>(op))
        return WalkResult::skip();
      auto memory = dyn_cast<MemoryEffectOpInterface>(op);
      if (!memory)
        return WalkResult::advance();
      SmallVector<MemoryEffects::EffectInstance> effects;
      memory.getEffects(effects);
      for (const MemoryEffects::EffectInstance &effect : effects) {
        Value value = effect.getValue();
        if (!value || !isa<BaseMemRefType>(value.getType()) ||
            value.getDefiningOp<memref::GetGlobalOp>() ||
            !isa<MemoryEffects::Read, MemoryEffects::Write>(effect.getEffect()))
          continue;
        op->emitOpError("touches memory outside a phase, where no barrier "
                        "orders the workers");
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    return failure(walk.wasInterrupted());
  }

  bool isSameMemory(Root a, Root b) const {
    if (a == b)
      return true;
    auto x = extents.find(a), y = extents.find(b);
    return x != extents.end() && y != extents.end() &&
           x->second.begin < y->second.end && y->second.begin < x->second.end;
  }

  bool conflict(const Accesses &since, const Accesses &phase) const {
    auto touches = [&](const llvm::SmallDenseSet<Root> &a,
                       const llvm::SmallDenseSet<Root> &b) {
      return llvm::any_of(a, [&](Root x) {
        return llvm::any_of(b, [&](Root y) { return isSameMemory(x, y); });
      });
    };
    // Only a barrier resets the claim counter.
    return (since.claims && phase.claims) ||
           touches(phase.writes, since.writes) ||
           touches(phase.writes, since.reads) ||
           touches(phase.reads, since.writes);
  }

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
        if (conflict(since, accesses)) {
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
        // What the end of the body leaves open meets its beginning. A barrier
        // that this makes necessary may make a later one superfluous, so that
        // more is left open at the end: until nothing is added.
        for (Accesses tail = since;; tail = since) {
          process(*loop.getBody(), tail, /*insert=*/false);
          if (since.contains(tail))
            break;
          since.add(tail);
        }
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

  llvm::DenseMap<Root, Extent> extents;
};

} // namespace
} // namespace espalier
