//===- Partition.cpp - Split a step into phases and tiles -----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// `xf-partition`: finds the earliest phase of each op. PhaseBuilder.cpp makes
/// and tiles the phases.
///
//===----------------------------------------------------------------------===//

#include "PhaseBuilder.h"
#include "espalier/Hardware/TargetSpec.h"
#include "espalier/Lowering/Passes.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"

#include <limits>

using namespace mlir;

namespace espalier {
#define GEN_PASS_DEF_XFPARTITION
#include "espalier/Lowering/Passes.h.inc"

namespace {

/// True when the op that reads `operand` may stand in the phase of `producer`,
/// which makes it: the worker that needs the value has made it itself. What an
/// op adds to comes from an earlier phase, which is why it can be the output's
/// memory.
bool sharesPhase(Operation *producer, OpOperand &operand) {
  Operation *op = operand.getOwner();
  if (auto destination = dyn_cast<DestinationStyleOpInterface>(op);
      destination && destination.isDpsInit(&operand))
    return false;
  return getPlacement(producer) == Placement::WholeRow ||
         getPlacement(op) == Placement::Pointwise;
}

/// The ops of one level, in order.
using Levels = SmallVector<SmallVector<Operation *>>;

using LevelOf = llvm::DenseMap<Operation *, unsigned>;

/// The latest level at which an op of whole rows may stand: that of its first
/// reader, and before what it reads is written over.
unsigned latestLevel(Operation *op, const LevelOf &level) {
  if (op->use_empty())
    return level.lookup(op);
  unsigned latest = std::numeric_limits<unsigned>::max();
  for (Operation *user : op->getUsers())
    if (auto found = level.find(user); found != level.end())
      latest = std::min(latest, found->second);
    else
      return level.lookup(op); // read by another segment, or returned
  for (Value operand : op->getOperands())
    for (OpOperand &use : operand.getUses()) {
      auto writer = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
      auto found = level.find(use.getOwner());
      if (writer && writer != op && writer.isDpsInit(&use) &&
          found != level.end() && found->second > 0)
        latest = std::min(latest, found->second - 1);
    }
  return latest;
}

/// Assigns each op of `segment` (a run of a block without `xf.repeat`) the
/// earliest level at which it may stand; ops of whole rows go on to the level
/// of their readers, so that they need no loop and no memory of their own.
FailureOr<Levels> assignLevels(ArrayRef<Operation *> segment) {
  LevelOf level;
  SmallVector<Operation *> placed;
  for (Operation *op : segment) {
    std::optional<Placement> placement = getPlacement(op);
    if (!placement)
      return op->emitOpError(
          "cannot stand in a step: no rule places it in a phase");
    if (*placement == Placement::Auxiliary)
      continue;
    unsigned at = 0;
    for (OpOperand &operand : op->getOpOperands()) {
      Operation *producer = operand.get().getDefiningOp();
      auto found = level.find(producer);
      if (!producer || found == level.end())
        continue;
      at = std::max(at,
                    found->second + (sharesPhase(producer, operand) ? 0 : 1));
    }
    level[op] = at;
    placed.push_back(op);
  }
  for (Operation *op : llvm::reverse(placed))
    if (getPlacement(op) == Placement::WholeRow)
      level[op] = std::max(level[op], latestLevel(op, level));
  Levels levels;
  for (Operation *op : placed) {
    if (levels.size() <= level[op])
      levels.resize(level[op] + 1);
    levels[level[op]].push_back(op);
  }
  return levels;
}

class Partitioner {
public:
  Partitioner(MLIRContext *context, const TilingScheme &scheme)
      : rewriter(context), scheme(scheme) {}

  LogicalResult partition(func::FuncOp step) {
    SmallVector<xf::RepeatOp> repeats(step.getBody().getOps<xf::RepeatOp>());
    for (xf::RepeatOp repeat : repeats)
      for (Region &body : repeat.getBodies())
        if (failed(partitionBlock(body.front())))
          return failure();
    return partitionBlock(step.getBody().front());
  }
  unsigned phases = 0;

private:
  LogicalResult partitionBlock(Block &block) {
    SmallVector<SmallVector<Operation *>> segments(1);
    SmallVector<Operation *> ends;
    for (Operation &op : block) {
      if (isa<xf::RepeatOp>(op) || op.hasTrait<OpTrait::IsTerminator>()) {
        ends.push_back(&op);
        segments.emplace_back();
        continue;
      }
      segments.back().push_back(&op);
    }
    for (auto &&[segment, end] : llvm::zip(segments, ends))
      if (failed(partitionSegment(segment, end)))
        return failure();
    return success();
  }

  /// Gives every use of an empty tensor one of its own, so that a destination
  /// names one output.
  void separateEmptyTensors(SmallVectorImpl<Operation *> &segment) {
    SmallVector<Operation *> clones;
    for (Operation *op : segment) {
      auto empty = dyn_cast<tensor::EmptyOp>(op);
      if (!empty || empty->use_empty())
        continue;
      for (OpOperand &use :
           llvm::make_early_inc_range(llvm::drop_begin(empty->getUses()))) {
        rewriter.setInsertionPointAfter(empty);
        Operation *clone = rewriter.clone(*empty);
        use.set(clone->getResult(0));
        clones.push_back(clone);
      }
    }
    llvm::append_range(segment, clones);
  }

  LogicalResult partitionSegment(SmallVectorImpl<Operation *> &segment,
                                 Operation *end) {
    separateEmptyTensors(segment);
    FailureOr<Levels> levels = assignLevels(segment);
    if (failed(levels))
      return failure();
    for (ArrayRef<Operation *> level : *levels) {
      if (failed(buildPhase(rewriter, level, end, scheme)))
        return failure();
      ++phases;
    }
    for (Operation *op : llvm::reverse(segment))
      if (op->use_empty())
        rewriter.eraseOp(op);
    return success();
  }

  IRRewriter rewriter;
  TilingScheme scheme;
};

/// Replaces an attention by its partial results of all blocks and their merge.
LogicalResult splitAttention(RewriterBase &rewriter, xf::AttentionOp op) {
  rewriter.setInsertionPoint(op);
  Location loc = op.getLoc();
  SetVector<unsigned> reduced;
  reduced.insert(2);
  OpFoldResult zero = rewriter.getIndexAttr(0);
  FailureOr<SmallVector<Value>> init =
      op.generateInitialTensorForPartialReduction(rewriter, loc, {}, reduced);
  if (failed(init))
    return op.emitOpError("cannot be split along the positions");
  SmallVector<OpFoldResult> offsets(3, zero);
  SmallVector<OpFoldResult> sizes = {
      tensor::getMixedSize(rewriter, loc, op.getQ(), 0),
      tensor::getMixedSize(rewriter, loc, op.getQ(), 1),
      tensor::getMixedSize(rewriter, loc, (*init)[0], 0)};
  FailureOr<TilingResult> partials = op.tileToPartialReduction(
      rewriter, loc, ReductionTilingStrategy::PartialReductionOuterParallel,
      *init, offsets, sizes, reduced, {zero});
  if (failed(partials))
    return op.emitOpError("cannot be split along the positions");
  FailureOr<MergeResult> merged =
      op.mergeReductions(rewriter, loc, partials->tiledValues, reduced);
  if (failed(merged))
    return op.emitOpError("cannot be merged");
  rewriter.replaceOp(op, merged->replacements);
  return success();
}

struct PartitionPass : impl::XFPartitionBase<PartitionPass> {
  using XFPartitionBase::XFPartitionBase;

  /// Whether attention is split along the positions where rows are fewest.
  bool isSplit(xf::AttentionOp op, const hardware::CostModel &costs) const {
    xf::KVCacheType cache = op.getCache().getType();
    auto q = cast<ShapedType>(op.getQ().getType());
    uint64_t heads = op.getGroup() * uint64_t(cache.getHeads());
    if (uint64_t(q.getDimSize(1)) != heads * uint64_t(cache.getDim()))
      return false;
    unsigned bytes = cache.getElementType().getIntOrFloatBitWidth() / 8;
    return alwaysSplit ||
           costs.splitsAttention({heads, uint64_t(cache.getHeads()),
                                  uint64_t(cache.getDim()), bytes});
  }

  LogicalResult makeVariant(func::FuncOp step, StringRef name, int64_t maxRows,
                            bool overRows, bool split,
                            const hardware::CostModel &costs) {
    IRRewriter builder(step);
    auto variant = cast<func::FuncOp>(builder.clone(*step));
    variant.setName(name);
    variant->setAttr("xf.max_rows", builder.getI64IntegerAttr(maxRows));
    SmallVector<xf::AttentionOp> attentions;
    if (split)
      variant.walk([&](xf::AttentionOp op) {
        if (isSplit(op, costs))
          attentions.push_back(op);
      });
    for (xf::AttentionOp op : attentions)
      if (failed(splitAttention(builder, op)))
        return failure();
    Partitioner partitioner(&getContext(),
                            {overRows, rowBlock, panelsPerTile, costs});
    if (failed(partitioner.partition(variant)))
      return failure();
    numPhases += partitioner.phases;
    return success();
  }

  void runOnOperation() override {
    auto step = getOperation().lookupSymbol<func::FuncOp>("step");
    if (!step) {
      getOperation().emitError("expected a function @step to partition");
      return signalPassFailure();
    }
    if (fewRows < 1 || manyRows < fewRows || splitRows < 0 || rowBlock < 0 ||
        panelsPerTile < 0) {
      getOperation().emitError("expected 1 <= few-rows <= many-rows, and no "
                               "negative split-rows, row-block or "
                               "panels-per-tile");
      return signalPassFailure();
    }
    FailureOr<hardware::Machine> machine = hardware::machineOf(getOperation());
    if (failed(machine))
      return signalPassFailure();
    hardware::CostModel costs(*machine);
    bool splits = false;
    step.walk([&](xf::AttentionOp op) { splits |= isSplit(op, costs); });
    if ((splits && splitRows > 0 && splitRows < fewRows &&
         failed(makeVariant(step, "step_split", splitRows, /*overRows=*/false,
                            /*split=*/true, costs))) ||
        failed(makeVariant(step, "step_few", fewRows, /*overRows=*/false,
                           /*split=*/false, costs)) ||
        failed(makeVariant(step, "step_many", manyRows, /*overRows=*/true,
                           /*split=*/false, costs)))
      return signalPassFailure();
    step.erase();
    foldEmptyTensors();
  }

  /// A tile of an empty tensor is an empty tensor of the tile's size: what a
  /// worker computes on the way takes a tile's memory, not the whole tensor's.
  void foldEmptyTensors() {
    RewritePatternSet patterns(&getContext());
    tensor::populateFoldTensorEmptyPatterns(patterns);
    affine::AffineApplyOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace espalier
