//===- AttentionTiling.cpp - Tiles of attention, also along positions -----===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// `xf.attention` has the space rows x features x blocks of 64 positions, and is
// a reduction along the last. Tiles of rows and features see all blocks; tiles
// of blocks are upstream's partial reductions. The partial results have one
// place for each block, not one for each tile: the chain that merges them is
// then the same however the blocks were cut, and so are the bits.

#include "Cutter.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::xf;

//===----------------------------------------------------------------------===//
// attention
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> AttentionOp::getLoopIteratorTypes() {
  SmallVector<utils::IteratorType> types = parallel(2);
  types.push_back(utils::IteratorType::reduction);
  return types;
}

SmallVector<Range> AttentionOp::getIterationDomain(OpBuilder &b) {
  SmallVector<Range> ranges = rangesOf(b, getQ(), {0, 1});
  Value blocks = BlockCountOp::create(b, getLoc(), getRows());
  ranges.push_back({b.getIndexAttr(0), blocks, b.getIndexAttr(1)});
  return ranges;
}

LogicalResult
AttentionOp::getResultTilePosition(OpBuilder &, unsigned, Offsets offsets,
                                   Offsets sizes,
                                   SmallVector<OpFoldResult> &outOffsets,
                                   SmallVector<OpFoldResult> &outSizes) {
  outOffsets.assign(offsets.begin(), offsets.begin() + 2);
  outSizes.assign(sizes.begin(), sizes.begin() + 2);
  return success();
}

LogicalResult AttentionOp::getIterationDomainTileFromResultTile(
    OpBuilder &b, unsigned, Offsets offsets, Offsets sizes,
    SmallVectorImpl<OpFoldResult> &domainOffsets,
    SmallVectorImpl<OpFoldResult> &domainSizes) {
  domainOffsets.assign(offsets.begin(), offsets.end());
  domainSizes.assign(sizes.begin(), sizes.end());
  domainOffsets.push_back(b.getIndexAttr(0));
  domainSizes.push_back(
      BlockCountOp::create(b, getLoc(), getRows()).getResult());
  return success();
}

FailureOr<TilingResult> AttentionOp::generateResultTileValue(OpBuilder &b,
                                                             unsigned number,
                                                             Offsets offsets,
                                                             Offsets sizes) {
  return tileForResult(*this, b, number, offsets, sizes);
}

FailureOr<TilingResult> AttentionOp::getTiledImplementation(OpBuilder &b,
                                                            Offsets offsets,
                                                            Offsets sizes) {
  // A part of the blocks gives partial results: tileToPartialReduction.
  if (!onTensors(*this) || (offsets.size() > 2 && !isZeroInteger(offsets[2])))
    return failure();
  Cutter cut(b, *this, offsets, sizes);
  Value first = cut.firstHead(getFirstHead(), getCache().getType().getDim());
  if (!first)
    return failure();
  Value rows = cut.rowsValue(getRows(), getQ());
  Value q = cut.block(getQ());
  return cut.finish(
      {rows, getCache(), getLayer(), first, q, cut.block(getInit())});
}

//===----------------------------------------------------------------------===//
// attention, reduced in parts
//===----------------------------------------------------------------------===//

namespace {

OpFoldResult affineOf(OpBuilder &b, Location loc, AffineExpr expr,
                      OpFoldResult value) {
  return affine::makeComposedFoldedAffineApply(b, loc, expr, {value});
}

/// The elements of partial results that belong to features; heads stay whole.
OpFoldResult ofFeatures(OpBuilder &b, Location loc, OpFoldResult features,
                        int64_t dim) {
  return affineOf(b, loc,
                  b.getAffineDimExpr(0).floorDiv(dim) *
                      AttentionPartialsOp::getStride(dim),
                  features);
}

/// The slice of partial results of a tile of rows, features and blocks.
void positionOf(OpBuilder &b, Location loc, int64_t dim, Offsets offsets,
                Offsets sizes, SmallVectorImpl<OpFoldResult> &outOffsets,
                SmallVectorImpl<OpFoldResult> &outSizes) {
  outOffsets.assign(
      {offsets[2], offsets[0], ofFeatures(b, loc, offsets[1], dim)});
  outSizes.assign({sizes[2], sizes[0], ofFeatures(b, loc, sizes[1], dim)});
}

bool isAlongBlocks(const SetVector<unsigned> &reductionDims) {
  return reductionDims.size() == 1 && reductionDims.contains(2);
}

} // namespace

FailureOr<SmallVector<Value>>
AttentionOp::generateInitialTensorForPartialReduction(
    OpBuilder &b, Location loc, ArrayRef<OpFoldResult>,
    const SetVector<unsigned> &reductionDims) {
  auto type = dyn_cast<RankedTensorType>(getInit().getType());
  if (!type || type.isDynamicDim(1) || !isAlongBlocks(reductionDims))
    return failure();
  int64_t dim = getCache().getType().getDim();
  Value blocks = BlockCountOp::create(b, loc, getRows());
  // What the destination was made with is a bounded number of rows.
  OpFoldResult rows = tensor::getMixedSize(b, loc, getInit(), 0);
  if (auto empty = getInit().getDefiningOp<tensor::EmptyOp>())
    rows = empty.getMixedSizes()[0];
  OpFoldResult elements = b.getIndexAttr(type.getDimSize(1) / dim *
                                         AttentionPartialsOp::getStride(dim));
  // No element is read before it is written, so none needs a first value.
  Value init = tensor::EmptyOp::create(
      b, loc, {OpFoldResult(blocks), rows, elements}, type.getElementType());
  return SmallVector<Value>{init};
}

LogicalResult AttentionOp::getPartialResultTilePosition(
    OpBuilder &b, unsigned, ReductionTilingStrategy, Offsets offsets,
    Offsets sizes, const SetVector<unsigned> &reductionDims,
    ArrayRef<OpFoldResult>, SmallVector<OpFoldResult> &outOffsets,
    SmallVector<OpFoldResult> &outSizes) {
  if (!isAlongBlocks(reductionDims))
    return failure();
  positionOf(b, getLoc(), getCache().getType().getDim(), offsets, sizes,
             outOffsets, outSizes);
  return success();
}

FailureOr<TilingResult> AttentionOp::tileToPartialReduction(
    OpBuilder &b, Location loc, ReductionTilingStrategy, ValueRange init,
    Offsets offsets, Offsets sizes, const SetVector<unsigned> &reductionDims,
    ArrayRef<OpFoldResult>) {
  if (!onTensors(*this) || init.size() != 1 || !isAlongBlocks(reductionDims))
    return failure();
  int64_t dim = getCache().getType().getDim();
  Cutter cut(b, *this, offsets, sizes);
  Value first = cut.firstHead(getFirstHead(), dim);
  if (!first)
    return failure();
  Value rows = cut.rowsValue(getRows(), getQ());
  Value q = cut.block(getQ());
  SmallVector<OpFoldResult> initOffsets, initSizes;
  positionOf(b, loc, dim, offsets, sizes, initOffsets, initSizes);
  Value destination = cut.slice(init[0], initOffsets, initSizes);
  Value block = getValueOrCreateConstantIndexOp(b, loc, offsets[2]);
  auto partials = AttentionPartialsOp::create(
      b, loc, destination.getType(), rows, getCache(), getLayer(), first, block,
      q, destination, getGroupAttr(), getScaleAttr(), getWindowAttr(),
      getSoftCapAttr(), getAlibiAttr());
  return TilingResult{
      {partials}, SmallVector<Value>(partials->getResults()), cut.takeSlices()};
}

FailureOr<MergeResult>
AttentionOp::mergeReductions(OpBuilder &b, Location loc, ValueRange partials,
                             const SetVector<unsigned> &reductionDims) {
  if (partials.size() != 1 || !isAlongBlocks(reductionDims))
    return failure();
  auto merge = AttentionMergeOp::create(
      b, loc, getInit().getType(), getRows(), partials[0], getInit(),
      b.getI64IntegerAttr(getCache().getType().getDim()), getWindowAttr());
  return MergeResult{{merge}, SmallVector<Value>(merge->getResults())};
}

//===----------------------------------------------------------------------===//
// attention_partials: blocks, rows, features of q
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> AttentionPartialsOp::getLoopIteratorTypes() {
  return parallel(3);
}

SmallVector<Range> AttentionPartialsOp::getIterationDomain(OpBuilder &b) {
  SmallVector<Range> ranges = rangesOf(b, getInit(), {0});
  llvm::append_range(ranges, rangesOf(b, getQ(), {0, 1}));
  return ranges;
}

LogicalResult AttentionPartialsOp::getResultTilePosition(
    OpBuilder &b, unsigned, Offsets offsets, Offsets sizes,
    SmallVector<OpFoldResult> &outOffsets,
    SmallVector<OpFoldResult> &outSizes) {
  positionOf(b, getLoc(), getCache().getType().getDim(),
             {offsets[1], offsets[2], offsets[0]},
             {sizes[1], sizes[2], sizes[0]}, outOffsets, outSizes);
  return success();
}

LogicalResult AttentionPartialsOp::getIterationDomainTileFromResultTile(
    OpBuilder &, unsigned, Offsets, Offsets, SmallVectorImpl<OpFoldResult> &,
    SmallVectorImpl<OpFoldResult> &) {
  return failure();
}

FailureOr<TilingResult>
AttentionPartialsOp::generateResultTileValue(OpBuilder &, unsigned, Offsets,
                                             Offsets) {
  return failure();
}

FailureOr<TilingResult>
AttentionPartialsOp::getTiledImplementation(OpBuilder &b, Offsets offsets,
                                            Offsets sizes) {
  if (!onTensors(*this))
    return failure();
  int64_t dim = getCache().getType().getDim();
  // The cutter's order; it keeps references.
  OpFoldResult ofQ[] = {offsets[1], offsets[2]},
               sizesOfQ[] = {sizes[1], sizes[2]};
  Cutter cut(b, *this, ofQ, sizesOfQ);
  Value firstHead = cut.firstHead(getFirstHead(), dim);
  if (!firstHead)
    return failure();
  Value firstBlock = getFirstBlock();
  if (!isZeroInteger(offsets[0])) {
    AffineExpr d0 = b.getAffineDimExpr(0), d1 = b.getAffineDimExpr(1);
    firstBlock = getValueOrCreateConstantIndexOp(
        b, getLoc(),
        affine::makeComposedFoldedAffineApply(
            b, getLoc(), d0 + d1, {OpFoldResult(firstBlock), offsets[0]}));
  }
  Value rows = cut.rowsValue(getRows(), getQ());
  Value q = cut.block(getQ());
  SmallVector<OpFoldResult> initOffsets, initSizes;
  positionOf(b, getLoc(), dim, {offsets[1], offsets[2], offsets[0]},
             {sizes[1], sizes[2], sizes[0]}, initOffsets, initSizes);
  Value init = cut.slice(getInit(), initOffsets, initSizes);
  return cut.finish(
      {rows, getCache(), getLayer(), firstHead, firstBlock, q, init});
}

//===----------------------------------------------------------------------===//
// attention_merge: rows
//===----------------------------------------------------------------------===//

TILED_IN(AttentionMergeOp, TileSpace{getInit()})

FailureOr<TilingResult>
AttentionMergeOp::getTiledImplementation(OpBuilder &b, Offsets offsets,
                                         Offsets sizes) {
  if (!onTensors(*this))
    return failure();
  Cutter cut(b, *this, offsets, sizes);
  OpFoldResult zero = b.getIndexAttr(0);
  auto size = [&](int64_t dim) {
    return tensor::getMixedSize(b, getLoc(), getPartials(), dim);
  };
  Value rows = cut.rowsValue(getRows(), getInit());
  Value partials = cut.slice(getPartials(), {zero, offsets[0], zero},
                             {size(0), sizes[0], size(2)});
  return cut.finish({rows, partials, cut.rows(getInit())});
}
