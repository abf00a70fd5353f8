//===- PlanBuffers.cpp - Every allocation gets a place in an arena --------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BufferSize.h"
#include "espalier/Dialect/XF/XF.h"
#include "espalier/Lowering/Passes.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace espalier {
#define GEN_PASS_DEF_SPMDPLANBUFFERS
#include "espalier/Lowering/Passes.h.inc"

namespace {

/// An allocation, its size at most, and the span of program points, in the
/// order of a walk, at which it may be live.
struct Buffer {
  memref::AllocOp alloc;
  uint64_t bytes = 0;
  unsigned begin = 0, end = 0;
  uint64_t offset = 0;
};

/// Numbers the ops of a function and finds the live span of allocations outside
/// phases.
class Liveness {
public:
  explicit Liveness(func::FuncOp function) {
    unsigned next = 0;
    number(function, next);
  }

  /// Sets the span from the first to the last use, widened to each loop that a
  /// use stands in and the allocation does not.
  void span(Buffer &buffer) const {
    Operation *alloc = buffer.alloc;
    buffer.begin = buffer.end = first.lookup(alloc);
    SmallVector<Value> aliases = {buffer.alloc.getResult()};
    llvm::SmallDenseSet<Value> seen;
    while (!aliases.empty()) {
      Value value = aliases.pop_back_val();
      if (!seen.insert(value).second)
        continue;
      for (OpOperand &use : value.getUses()) {
        Operation *user = use.getOwner();
        if (isa<ViewLikeOpInterface>(user))
          llvm::append_range(aliases, user->getResults());
        if (auto loop = dyn_cast<scf::ForOp>(user)) {
          if (Value result = loop.getTiedLoopResult(&use)) {
            aliases.push_back(result);
            aliases.push_back(loop.getTiedLoopRegionIterArg(&use));
          }
        }
        if (isa<scf::YieldOp>(user))
          llvm::append_range(aliases, user->getParentOp()->getResults());
        widen(buffer, user);
      }
    }
  }

private:
  void number(Operation *op, unsigned &next) {
    first[op] = next++;
    if (!isa<spmd::PhaseOp>(op))
      for (Region &region : op->getRegions())
        for (Block &block : region)
          for (Operation &inner : block)
            number(&inner, next);
    last[op] = next++;
  }

  void widen(Buffer &buffer, Operation *user) const {
    // The outermost loop around the use that does not hold the allocation.
    Operation *whole = user;
    for (Operation *parent = user; parent; parent = parent->getParentOp()) {
      if (parent->isAncestor(buffer.alloc))
        break;
      if (isa<LoopLikeOpInterface>(parent) || !first.contains(whole))
        whole = parent;
    }
    buffer.begin = std::min(buffer.begin, first.lookup(whole));
    buffer.end = std::max(buffer.end, last.lookup(whole));
  }

  llvm::DenseMap<Operation *, unsigned> first, last;
};

/// First fit, largest first. Returns the arena's size.
uint64_t placeBuffers(MutableArrayRef<Buffer> buffers) {
  SmallVector<Buffer *> order;
  for (Buffer &buffer : buffers)
    order.push_back(&buffer);
  // Equal sizes keep their order: the same plan every time.
  llvm::sort(order, [](Buffer *a, Buffer *b) {
    return a->bytes != b->bytes ? a->bytes > b->bytes : a < b;
  });
  SmallVector<Buffer *> placed;
  uint64_t total = 0;
  for (Buffer *buffer : order) {
    buffer->offset = 0;
    // Ascending offsets: move past each neighbour in time that is in the way.
    llvm::sort(placed,
               [](Buffer *a, Buffer *b) { return a->offset < b->offset; });
    for (Buffer *other : placed) {
      bool together =
          buffer->begin <= other->end && other->begin <= buffer->end;
      bool overlaps = buffer->offset < other->offset + other->bytes &&
                      other->offset < buffer->offset + buffer->bytes;
      if (together && overlaps)
        buffer->offset = other->offset + other->bytes;
    }
    total = std::max(total, buffer->offset + buffer->bytes);
    placed.push_back(buffer);
  }
  return total;
}

void replaceAlloc(const Buffer &buffer, spmd::Space space) {
  memref::AllocOp alloc = buffer.alloc;
  OpBuilder builder(alloc);
  auto replacement =
      spmd::BufferOp::create(builder, alloc.getLoc(), alloc.getType(),
                             alloc.getDynamicSizes(), space, buffer.offset);
  for (Operation *user : llvm::make_early_inc_range(alloc->getUsers()))
    if (isa<memref::DeallocOp>(user))
      user->erase();
  alloc.replaceAllUsesWith(replacement.getResult());
  alloc.erase();
}

/// Memory that grows with the context: the outermost dimension counts blocks of
/// positions.
bool isOfBlocks(memref::AllocOp alloc) {
  return alloc.getType().getRank() > 0 && alloc.getType().isDynamicDim(0) &&
         alloc.getDynamicSizes()[0].getDefiningOp<xf::BlockCountOp>();
}

/// The most bytes of an allocation; of one block's part, where it has blocks.
FailureOr<uint64_t> bytesOf(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  if (!isOfBlocks(alloc))
    return boundedBytes(alloc, type, alloc.getDynamicSizes());
  return boundedBytes(
      alloc,
      MemRefType::get(type.getShape().drop_front(), type.getElementType()),
      alloc.getDynamicSizes().drop_front());
}

struct PlanBuffersPass : impl::SPMDPlanBuffersBase<PlanBuffersPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    Liveness liveness(function);
    SmallVector<Buffer> shared, priv, blocks;
    bool failedBound = false;
    function.walk([&](memref::AllocOp alloc) {
      FailureOr<uint64_t> bytes = bytesOf(alloc);
      if (failed(bytes)) {
        failedBound = true;
        return;
      }
      Buffer buffer{alloc, *bytes};
      if (auto phase = alloc->getParentOfType<spmd::PhaseOp>()) {
        // Private memory is dead after its phase, and lives all through it.
        buffer.begin = buffer.end = phaseNumber(phase);
        priv.push_back(buffer);
      } else {
        liveness.span(buffer);
        (isOfBlocks(alloc) ? blocks : shared).push_back(buffer);
      }
    });
    if (failedBound)
      return signalPassFailure();
    Builder builder(&getContext());
    function->setAttr("spmd.shared_bytes",
                      builder.getI64IntegerAttr(placeBuffers(shared)));
    function->setAttr("spmd.private_bytes",
                      builder.getI64IntegerAttr(placeBuffers(priv)));
    function->setAttr("spmd.block_bytes",
                      builder.getI64IntegerAttr(placeBuffers(blocks)));
    for (const Buffer &buffer : blocks)
      replaceAlloc(buffer, spmd::Space::Blocks);
    for (const Buffer &buffer : shared)
      replaceAlloc(buffer, spmd::Space::Shared);
    for (const Buffer &buffer : priv)
      replaceAlloc(buffer, spmd::Space::Private);
  }

private:
  unsigned phaseNumber(spmd::PhaseOp phase) {
    return phases.try_emplace(phase, phases.size()).first->second;
  }
  llvm::DenseMap<Operation *, unsigned> phases;
};

} // namespace
} // namespace espalier
