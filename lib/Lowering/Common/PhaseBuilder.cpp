//===- PhaseBuilder.cpp - Ops of one level become a phase -----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PhaseBuilder.h"

#include <numeric>

using namespace mlir;

namespace espalier {

/// The columns of a norm's segment; nothing for other ops, and norms of rows.
static std::optional<int64_t> segmentOf(Operation *op) {
  std::optional<uint64_t> segment;
  if (auto norm = dyn_cast<xf::RmsNormOp>(op))
    segment = norm.getSegment();
  else if (auto norm = dyn_cast<xf::LayerNormOp>(op))
    segment = norm.getSegment();
  if (!segment)
    return std::nullopt;
  return int64_t(*segment);
}

std::optional<Placement> getPlacement(Operation *op) {
  if (isa<xf::RmsNormOp, xf::LayerNormOp>(op)) {
    if (segmentOf(op))
      return Placement::Pointwise;
    // What a norm adds to, it changes for all workers: they wait for it.
    return xf::readsInit(op) ? Placement::Anchor : Placement::WholeRow;
  }
  if (isa<xf::QuantizeActivationsOp, xf::SelectRowsOp, xf::AttentionMergeOp>(
          op))
    return Placement::WholeRow;
  if (isa<xf::EmbeddingOp, xf::PositionEmbeddingOp, xf::LinearOp, xf::LogitsOp,
          xf::AttentionOp, xf::AttentionPartialsOp, xf::RouterOp,
          xf::GroupedLinearOp>(op))
    return Placement::Anchor;
  if (isa<xf::RopeOp, xf::GluOp, xf::ActivationOp, xf::ScaleOp, xf::SoftCapOp,
          xf::KVAppendOp>(op))
    return Placement::Pointwise;
  if (isa<xf::TapOp>(op))
    return Placement::Observer;
  if (isa<xf::WeightRefOp, xf::RowsCountOp, xf::BlockCountOp, xf::WantedCountOp,
          tensor::EmptyOp, tensor::DimOp>(op) ||
      isa_and_nonnull<arith::ArithDialect, affine::AffineDialect>(
          op->getDialect()))
    return Placement::Auxiliary;
  return std::nullopt;
}

namespace {

bool isAuxiliary(Operation *op) {
  return getPlacement(op) == Placement::Auxiliary;
}

/// The columns that a tile of `op` may be cut at: panels are 16 wide, and heads
/// stay whole.
int64_t columnUnit(Operation *op) {
  if (auto rope = dyn_cast<xf::RopeOp>(op))
    return std::lcm(int64_t(16), int64_t(rope.getHeadDim()));
  if (auto append = dyn_cast<xf::KVAppendOp>(op))
    return std::lcm(int64_t(16), append.getCache().getType().getDim());
  if (auto attention = dyn_cast<xf::AttentionOp>(op))
    return attention.getCache().getType().getDim();
  if (std::optional<int64_t> segment = segmentOf(op))
    return std::lcm(int64_t(16), *segment);
  return 16;
}

/// The number of columns that a tiled op spans.
int64_t columnCount(Operation *op) {
  Value shaped = isa<xf::KVAppendOp>(op)
                     ? cast<xf::KVAppendOp>(op).getX()
                     : cast<DestinationStyleOpInterface>(op).getDpsInits()[0];
  return cast<ShapedType>(shaped.getType()).getDimSize(1);
}

/// What the matrices of a phase weigh, for the cost model.
struct MatrixWork {
  uint64_t bytesPerPanelColumn = 0; ///< of 16 columns, whole k, all matrices
  uint64_t bytesPerRow = 0;         ///< widest input and output of a row
  double bytesPerWeight = 0;        ///< mean
  bool int8 = false;
};

MatrixWork matrixWork(ArrayRef<Operation *> ops) {
  MatrixWork work;
  double bytes = 0, weights = 0;
  for (Operation *op : ops) {
    if (!isa<xf::LinearOp, xf::LogitsOp, xf::GroupedLinearOp>(op))
      continue;
    Type x = op->getOperand(0).getType(), weight = op->getOperand(1).getType();
    std::optional<xf::EncodedMatrix> matrix = xf::getEncodedMatrix(weight);
    uint64_t copies = 1;
    if (auto grouped = dyn_cast<xf::GroupedLinearOp>(op)) {
      matrix = xf::getEncodedExperts(weight)->matrix;
      copies =
          uint64_t(cast<ShapedType>(grouped.getIds().getType()).getDimSize(1));
    }
    if (!matrix)
      continue;
    uint64_t k = matrix->getK();
    std::optional<size_t> panel =
        panelBytes(matrix->encoding, 16, matrix->group);
    uint64_t column = panel ? *panel * (k / matrix->group) : 64 * k;
    work.bytesPerPanelColumn += copies * column;
    bytes += double(column);
    weights += 16.0 * double(k);
    work.bytesPerRow =
        std::max(work.bytesPerRow, 4 * (k + uint64_t(columnCount(op))));
    work.int8 |= isa<xf::PanelType>(cast<ShapedType>(x).getElementType());
  }
  if (weights > 0)
    work.bytesPerWeight = bytes / weights;
  return work;
}

/// Builds the phase: collects what crosses its border, fills its body, tiles
/// it.
class Builder {
public:
  Builder(RewriterBase &rewriter, ArrayRef<Operation *> ops, Operation *before,
          const TilingScheme &scheme)
      : rewriter(rewriter), ops(ops), before(before), scheme(scheme),
        members(ops.begin(), ops.end()), work(matrixWork(ops)) {}

  FailureOr<spmd::PhaseOp> run();

private:
  bool isOutput(Value value) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      return !members.contains(user);
    });
  }
  bool isReadInside(Value value) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      return members.contains(user);
    });
  }
  void clonePrivately(Operation *op);
  void collectOutputs();
  void collectInputs(Value value);
  void fillBody(spmd::PhaseOp phase);
  Value mapValue(Value value);
  LogicalResult tileBody(spmd::PhaseOp phase);
  LogicalResult tileTerminal(Operation *op, bool overRows, bool isOnly);
  LogicalResult tilePartials(xf::AttentionPartialsOp op);
  int64_t rowsOfTile() const;
  int64_t columnsOfTile(Operation *op) const;
  /// Tiles an op that writes to the cache and has no result, which upstream's
  /// tile-and-fuse does not take, and fuses its producers.
  LogicalResult tileEffect(TilingInterface op,
                           const scf::SCFTilingOptions &tiling,
                           llvm::function_ref<bool(OpResult)> fuses);
  void wrapObserver(xf::TapOp tap);

  RewriterBase &rewriter;
  ArrayRef<Operation *> ops;
  Operation *before;
  TilingScheme scheme;
  llvm::SmallPtrSet<Operation *, 16> members;
  MatrixWork work;

  llvm::SetVector<Value> inputs;
  /// Destination of each output, and the value that it becomes. The destination
  /// of a cache is the cache before the phase's first append.
  SmallVector<Value> destinations, outputs;
  llvm::DenseMap<Value, Value> rootCache;
  IRMapping mapping;
  /// The values of `outputs` in the body. A value that is read in the body as
  /// well may have two.
  IRMapping yielded;
};

void Builder::collectOutputs() {
  llvm::MapVector<Value, Value> lastCache;
  for (Operation *op : ops) {
    if (auto append = dyn_cast<xf::KVAppendOp>(op)) {
      Value cache = append.getCache();
      Value root = rootCache.lookup(cache) ? rootCache.lookup(cache) : cache;
      rootCache[append.getResult()] = root;
      lastCache[root] = append.getResult();
      continue;
    }
    for (auto [index, result] : llvm::enumerate(op->getResults())) {
      if (!isOutput(result))
        continue;
      Value init = cast<DestinationStyleOpInterface>(op).getDpsInits()[index];
      destinations.push_back(init);
      outputs.push_back(result);
    }
  }
  for (auto [root, last] : lastCache) {
    destinations.push_back(root);
    outputs.push_back(last);
  }
}

void Builder::collectInputs(Value value) {
  Operation *def = value.getDefiningOp();
  if (def && members.contains(def))
    return;
  if (llvm::is_contained(destinations, value))
    return;
  if (def && isAuxiliary(def)) {
    for (Value operand : def->getOperands())
      collectInputs(operand);
    return;
  }
  inputs.insert(value);
}

Value Builder::mapValue(Value value) {
  if (Value mapped = mapping.lookupOrNull(value))
    return mapped;
  Operation *def = value.getDefiningOp();
  assert(def && isAuxiliary(def) && "value crosses the border of the phase");
  for (Value operand : def->getOperands())
    mapValue(operand);
  rewriter.clone(*def, mapping);
  return mapping.lookup(value);
}

/// Clones an op of whole rows for the readers inside the phase, which is not
/// the one that writes the output: nobody waits for that one.
void Builder::clonePrivately(Operation *op) {
  Value init = cast<DestinationStyleOpInterface>(op).getDpsInits()[0];
  auto type = cast<RankedTensorType>(init.getType());
  Value shared = mapping.lookup(init);
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.isDynamicDim(dim))
      sizes.push_back(
          tensor::DimOp::create(rewriter, op->getLoc(), shared, dim));
  mapping.map(init,
              tensor::EmptyOp::create(rewriter, op->getLoc(), type, sizes));
  rewriter.clone(*op, mapping);
  mapping.map(init, shared);
}

void Builder::fillBody(spmd::PhaseOp phase) {
  Block *body = &phase.getBody().front();
  for (auto [index, input] : llvm::enumerate(inputs))
    mapping.map(input, body->getArgument(index));
  for (auto [index, destination] : llvm::enumerate(destinations))
    mapping.map(destination, body->getArgument(inputs.size() + index));

  rewriter.setInsertionPointToStart(body);
  for (Operation *op : ops) {
    for (Value operand : op->getOperands())
      if (!rootCache.contains(operand))
        mapValue(operand);
    if (auto append = dyn_cast<xf::KVAppendOp>(op)) {
      // Inside a phase the cache is memory: the op has no result.
      Value root = rootCache.lookup(append.getResult());
      xf::KVAppendOp::create(
          rewriter, append.getLoc(), Type(), append.getPart(),
          mapping.lookup(append.getRows()), mapping.lookup(root),
          mapping.lookup(append.getLayer()),
          mapping.lookup(append.getFirstHead()), mapping.lookup(append.getX()));
      mapping.map(append.getResult(), mapping.lookup(root));
      yielded.map(append.getResult(), mapping.lookup(root));
      continue;
    }
    Operation *clone = rewriter.clone(*op, mapping);
    for (auto [result, cloned] :
         llvm::zip_equal(op->getResults(), clone->getResults()))
      yielded.map(result, cloned);
    if (getPlacement(op) == Placement::WholeRow && isOutput(op->getResult(0)) &&
        isReadInside(op->getResult(0)))
      clonePrivately(op);
  }
  SmallVector<Value> yields;
  for (Value output : outputs)
    yields.push_back(yielded.lookup(output));
  rewriter.setInsertionPointToEnd(body);
  spmd::YieldOp::create(rewriter, phase.getLoc(), yields);
}

FailureOr<spmd::PhaseOp> Builder::run() {
  collectOutputs();
  for (Operation *op : ops)
    for (Value operand : op->getOperands())
      if (!rootCache.contains(operand))
        collectInputs(operand);

  // Empty tensors that an output is written to are made outside: they are what
  // the workers share.
  rewriter.setInsertionPoint(before);
  SmallVector<Value> outside;
  for (Value destination : destinations) {
    Operation *def = destination.getDefiningOp();
    if (auto empty = dyn_cast_or_null<tensor::EmptyOp>(def))
      outside.push_back(rewriter.clone(*empty)->getResult(0));
    else
      outside.push_back(destination);
  }
  SmallVector<Type> types(ValueRange(outputs).getTypes());
  auto phase =
      spmd::PhaseOp::create(rewriter, before->getLoc(), types,
                            inputs.getArrayRef(), outside, StringAttr());
  SmallVector<Type> argumentTypes(ValueRange(inputs.getArrayRef()).getTypes());
  llvm::append_range(argumentTypes, ValueRange(outside).getTypes());
  rewriter.createBlock(
      &phase.getBody(), {}, argumentTypes,
      SmallVector<Location>(argumentTypes.size(), phase.getLoc()));
  fillBody(phase);
  for (auto [output, result] : llvm::zip_equal(outputs, phase.getResults()))
    rewriter.replaceUsesWithIf(output, result, [&](OpOperand &use) {
      return !members.contains(use.getOwner());
    });
  if (failed(tileBody(phase)))
    return failure();
  return phase;
}

LogicalResult Builder::tileBody(spmd::PhaseOp phase) {
  Block *body = &phase.getBody().front();
  Operation *yield = body->getTerminator();
  // Terminals: what is written to outputs, appended, or observed. The rest is
  // fused into their tiles.
  SmallVector<Operation *> terminals;
  // Many rows share the matrices of experts only where a tile has them all.
  bool allRows = false;
  for (Operation &op : *body) {
    allRows |= isa<xf::LogitsOp, xf::GroupedLinearOp>(op);
    bool yielded = llvm::is_contained(op.getUsers(), yield);
    if (yielded || isa<xf::KVAppendOp, xf::TapOp>(op))
      terminals.push_back(&op);
  }
  bool overRows = scheme.overRows && !allRows;
  for (Operation *terminal : terminals) {
    if (auto tap = dyn_cast<xf::TapOp>(terminal))
      wrapObserver(tap);
    else if (failed(tileTerminal(terminal, overRows,
                                 /*isOnly=*/terminals.size() == 1)))
      return failure();
  }
  // Producers that were fused into tiles are dead now.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*body)))
    if (isOpTriviallyDead(&op))
      rewriter.eraseOp(&op);
  return success();
}

int64_t Builder::rowsOfTile() const {
  if (scheme.rowBlock)
    return scheme.rowBlock;
  // Phases without a matrix share the block of those with small rows.
  uint64_t bytesPerRow = std::max<uint64_t>(work.bytesPerRow, 4);
  double bytesPerWeight = work.bytesPerWeight > 0 ? work.bytesPerWeight : 2;
  return scheme.costs.rowBlock(bytesPerRow, bytesPerWeight, work.int8);
}

int64_t Builder::columnsOfTile(Operation *op) const {
  // Heads are the natural tile; plain columns take more panels where there are
  // many.
  int64_t unit = columnUnit(op);
  // The query heads that share keys and values read them once, where they make
  // a tile and no worker has more to do for it.
  if (auto attention = dyn_cast<xf::AttentionOp>(op)) {
    int64_t group = attention.getGroup(), heads = columnCount(op) / unit;
    bool whole = heads % group == 0 &&
                 scheme.costs.largestShare(heads / group) * group <=
                     scheme.costs.largestShare(heads);
    return whole ? unit * group : unit;
  }
  if (isa<xf::RopeOp, xf::KVAppendOp>(op) || segmentOf(op))
    return unit;
  if (scheme.panelsPerTile)
    return unit * scheme.panelsPerTile;
  int64_t panels = llvm::divideCeil(columnCount(op), unit);
  // The kernels of one row take several panels of floats side by side, and
  // several runs of panels with integer products.
  unsigned atOnce = work.int8 ? 16 : 4;
  return unit *
         scheme.costs.panelsPerTile(
             panels, std::max<uint64_t>(work.bytesPerPanelColumn, 1), atOnce);
}

/// A tile is one block of positions and the query heads of one key/value head,
/// which read its keys and values together. The tiles of a block follow each
/// other.
LogicalResult Builder::tilePartials(xf::AttentionPartialsOp op) {
  Location loc = op.getLoc();
  rewriter.setInsertionPoint(op);
  auto q = cast<RankedTensorType>(op.getQ().getType());
  int64_t features = int64_t(op.getGroup()) * op.getCache().getType().getDim();
  if (q.isDynamicDim(1) || q.getDimSize(1) % features ||
      getConstantIntValue(op.getFirstHead()) != 0)
    return op.emitOpError("cannot be tiled: expected all heads of the cache");
  int64_t groups = q.getDimSize(1) / features;
  OpFoldResult zero = rewriter.getIndexAttr(0), one = rewriter.getIndexAttr(1);
  AffineExpr d0 = rewriter.getAffineDimExpr(0);
  auto apply = [&](AffineExpr expr, OpFoldResult value) {
    return affine::makeComposedFoldedAffineApply(rewriter, loc, expr, {value});
  };
  OpFoldResult tiles =
      apply(d0 * groups, tensor::getMixedSize(rewriter, loc, op.getInit(), 0));
  auto mapping = rewriter.getArrayAttr({spmd::TilesAttr::get(
      rewriter.getContext(), spmd::Schedule::Static, /*cost=*/1)});
  auto loop =
      scf::ForallOp::create(rewriter, loc, ArrayRef(zero), ArrayRef(tiles),
                            ArrayRef(one), ValueRange{op.getInit()}, mapping);
  rewriter.setInsertionPointToStart(loop.getBody());
  OpFoldResult tile = loop.getInductionVar(0);
  BlockArgument init = loop.getRegionIterArgs()[0];
  IRMapping destination;
  destination.map(op.getInit(), init);
  auto whole = cast<xf::AttentionPartialsOp>(rewriter.clone(*op, destination));
  SmallVector<OpFoldResult> offsets = {apply(d0.floorDiv(groups), tile), zero,
                                       apply((d0 % groups) * features, tile)};
  SmallVector<OpFoldResult> sizes = {
      one, tensor::getMixedSize(rewriter, loc, op.getQ(), 0),
      rewriter.getIndexAttr(features)};
  FailureOr<TilingResult> tiled =
      whole.getTiledImplementation(rewriter, offsets, sizes);
  SmallVector<OpFoldResult> at, extent;
  if (failed(tiled) || failed(whole.getResultTilePosition(rewriter, 0, offsets,
                                                          sizes, at, extent)))
    return op.emitOpError("cannot be tiled");
  rewriter.eraseOp(whole);
  rewriter.setInsertionPointToEnd(loop.getTerminator().getBody());
  SmallVector<OpFoldResult> strides(3, one);
  tensor::ParallelInsertSliceOp::create(rewriter, loc, tiled->tiledValues[0],
                                        init, at, extent, strides);
  rewriter.replaceOp(op, loop.getResults());
  return success();
}

LogicalResult Builder::tileTerminal(Operation *op, bool overRows, bool isOnly) {
  if (auto partials = dyn_cast<xf::AttentionPartialsOp>(op))
    return tilePartials(partials);
  auto tileable = cast<TilingInterface>(op);
  SmallVector<OpFoldResult> sizes;
  int64_t cost;
  spmd::Schedule schedule = spmd::Schedule::Static;
  bool onlyRows = tileable.getLoopIteratorTypes().size() == 1;
  if (overRows || onlyRows) {
    sizes.push_back(rewriter.getIndexAttr(overRows ? rowsOfTile() : 1));
    cost = onlyRows ? 1 : columnCount(op);
    // Later rows see more keys. Tiles are claimed where nothing else is tiled.
    if (isa<xf::AttentionOp>(op) && overRows && isOnly)
      schedule = spmd::Schedule::Claim;
  } else {
    cost = columnsOfTile(op);
    sizes = {rewriter.getIndexAttr(0), rewriter.getIndexAttr(cost)};
  }
  scf::SCFTilingOptions tiling;
  tiling.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
  tiling.setTileSizes(sizes);
  tiling.setMapping(
      {spmd::TilesAttr::get(rewriter.getContext(), schedule, cost)});
  auto fuses = [&](OpResult producer) {
    return overRows || getPlacement(producer.getOwner()) != Placement::WholeRow;
  };
  rewriter.setInsertionPoint(op);
  if (op->getNumResults() == 0)
    return tileEffect(tileable, tiling, fuses);

  scf::SCFTileAndFuseOptions options;
  options.setTilingOptions(tiling);
  options.setFusionControlFn(
      [&](tensor::ExtractSliceOp, OpResult producer,
          bool) -> std::optional<scf::SCFTileAndFuseOptions::ControlFnResult> {
        if (!fuses(producer))
          return std::nullopt;
        return scf::SCFTileAndFuseOptions::ControlFnResult{};
      });
  FailureOr<scf::SCFTileAndFuseResult> result =
      scf::tileConsumerAndFuseProducersUsingSCF(rewriter, tileable, options);
  if (failed(result))
    return op->emitOpError("cannot be tiled");
  for (OpResult value : op->getResults())
    if (Value replacement = result->replacements.lookup(value))
      rewriter.replaceAllUsesWith(value, replacement);
  if (op->use_empty())
    rewriter.eraseOp(op);
  return success();
}

LogicalResult Builder::tileEffect(TilingInterface op,
                                  const scf::SCFTilingOptions &tiling,
                                  llvm::function_ref<bool(OpResult)> fuses) {
  FailureOr<scf::SCFTilingResult> result =
      scf::tileUsingSCF(rewriter, op, tiling);
  if (failed(result))
    return op->emitOpError("cannot be tiled");
  SmallVector<Operation *> slices(result->generatedSlices);
  while (!slices.empty()) {
    auto slice = dyn_cast<tensor::ExtractSliceOp>(slices.pop_back_val());
    auto producer = slice ? dyn_cast<OpResult>(slice.getSource()) : OpResult();
    if (!producer || !isa<TilingInterface>(producer.getOwner()) ||
        !fuses(producer))
      continue;
    auto fused =
        scf::tileAndFuseProducerOfSlice(rewriter, slice, result->loops);
    if (!fused)
      return producer.getOwner()->emitOpError("cannot be fused into a tile");
    rewriter.replaceOp(slice, fused->tiledAndFusedProducer);
    llvm::append_range(slices, fused->generatedSlices);
  }
  rewriter.eraseOp(op);
  return success();
}

void Builder::wrapObserver(xf::TapOp tap) {
  rewriter.setInsertionPoint(tap);
  OpFoldResult zero = rewriter.getIndexAttr(0), one = rewriter.getIndexAttr(1);
  auto loop = scf::ForallOp::create(
      rewriter, tap.getLoc(), ArrayRef(zero), ArrayRef(one), ArrayRef(one),
      ValueRange(),
      rewriter.getArrayAttr({spmd::TilesAttr::get(
          rewriter.getContext(), spmd::Schedule::Static, /*cost=*/1)}));
  rewriter.moveOpBefore(tap, loop.getTerminator());
}

} // namespace

FailureOr<spmd::PhaseOp> buildPhase(RewriterBase &rewriter,
                                    ArrayRef<Operation *> ops,
                                    Operation *before,
                                    const TilingScheme &scheme) {
  return Builder(rewriter, ops, before, scheme).run();
}

} // namespace espalier
