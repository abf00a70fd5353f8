//===- Tiling.cpp - The tiling interface ----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Cutter.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::xf;

//===----------------------------------------------------------------------===//
// Ops cut along rows
//===----------------------------------------------------------------------===//

TILED_IN(EmbeddingOp, TileSpace{getInit()})
TILED_IN(PositionEmbeddingOp, TileSpace{getInit()})
TILED_IN(QuantizeActivationsOp, TileSpace{getX()})

FailureOr<TilingResult> EmbeddingOp::getTiledImplementation(OpBuilder &b,
                                                            Offsets offsets,
                                                            Offsets sizes) {
  if (!onTensors(*this))
    return failure();
  Cutter cut(b, *this, offsets, sizes);
  Value rows = cut.rowsValue(getRows(), getInit());
  return cut.finish({rows, getTable(), cut.rows(getInit())});
}

FailureOr<TilingResult>
PositionEmbeddingOp::getTiledImplementation(OpBuilder &b, Offsets offsets,
                                            Offsets sizes) {
  if (!onTensors(*this))
    return failure();
  Cutter cut(b, *this, offsets, sizes);
  Value rows = cut.rowsValue(getRows(), getInit());
  return cut.finish({rows, getTable(), cut.rows(getInit())});
}

FailureOr<TilingResult>
QuantizeActivationsOp::getTiledImplementation(OpBuilder &b, Offsets offsets,
                                              Offsets sizes) {
  if (!onTensors(*this))
    return failure();
  Cutter cut(b, *this, offsets, sizes);
  Value x = cut.rows(getX());
  return cut.finish({x, cut.rows(getInit())});
}

//===----------------------------------------------------------------------===//
// select_rows: cut along features, since a tile of wanted rows reads any rows
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> SelectRowsOp::getLoopIteratorTypes() {
  return parallel(1);
}

SmallVector<Range> SelectRowsOp::getIterationDomain(OpBuilder &b) {
  return rangesOf(b, getX(), {1});
}

FailureOr<TilingResult> SelectRowsOp::getTiledImplementation(OpBuilder &b,
                                                             Offsets offsets,
                                                             Offsets sizes) {
  if (!onTensors(*this))
    return failure();
  Location loc = getLoc();
  OpFoldResult zero = b.getIndexAttr(0);
  Cutter cut(b, *this, offsets, sizes);
  Value x = cut.slice(getX(), {zero, offsets[0]},
                      {tensor::getMixedSize(b, loc, getX(), 0), sizes[0]});
  Value init =
      cut.slice(getInit(), {zero, offsets[0]},
                {tensor::getMixedSize(b, loc, getInit(), 0), sizes[0]});
  return cut.finish({getRows(), x, init});
}

LogicalResult
SelectRowsOp::getResultTilePosition(OpBuilder &b, unsigned, Offsets offsets,
                                    Offsets sizes,
                                    SmallVector<OpFoldResult> &outOffsets,
                                    SmallVector<OpFoldResult> &outSizes) {
  outOffsets = {b.getIndexAttr(0), offsets[0]};
  outSizes = {tensor::getMixedSize(b, getLoc(), getInit(), 0), sizes[0]};
  return success();
}

LogicalResult SelectRowsOp::getIterationDomainTileFromResultTile(
    OpBuilder &b, unsigned, Offsets offsets, Offsets sizes,
    SmallVectorImpl<OpFoldResult> &domainOffsets,
    SmallVectorImpl<OpFoldResult> &domainSizes) {
  // All wanted rows or nothing.
  if (!isZeroInteger(offsets[0]) ||
      originOfDim(getInit(), 0) != originOf(sizes[0]))
    return failure();
  domainOffsets.assign(1, offsets[1]);
  domainSizes.assign(1, sizes[1]);
  return success();
}

FailureOr<TilingResult> SelectRowsOp::generateResultTileValue(OpBuilder &b,
                                                              unsigned number,
                                                              Offsets offsets,
                                                              Offsets sizes) {
  return tileForResult(*this, b, number, offsets, sizes);
}

//===----------------------------------------------------------------------===//
// Ops cut along rows and features
//===----------------------------------------------------------------------===//

TILED_IN(LinearOp, TileSpace{getX(), getInit()})
TILED_IN(LogitsOp, TileSpace{getX(), getInit()})
TILED_IN(RopeOp, TileSpace{getX(), getInit()})

FailureOr<TilingResult>
LinearOp::getTiledImplementation(OpBuilder &b, Offsets offsets, Offsets sizes) {
  if (!onTensors(*this))
    return failure();
  Cutter cut(b, *this, offsets, sizes);
  SmallVector<Value> operands = {cut.rows(getX()), cut.weight(getWeight())};
  if (!operands.back())
    return failure();
  if (getBias())
    operands.push_back(cut.features(getBias()));
  operands.push_back(cut.block(getInit()));
  return cut.finish(operands);
}

FailureOr<TilingResult>
LogitsOp::getTiledImplementation(OpBuilder &b, Offsets offsets, Offsets sizes) {
  if (!onTensors(*this))
    return failure();
  Cutter cut(b, *this, offsets, sizes);
  SmallVector<Value> operands = {cut.rows(getX()), cut.weight(getWeight())};
  if (!operands.back())
    return failure();
  if (getBias())
    operands.push_back(cut.features(getBias()));
  operands.push_back(cut.block(getInit()));
  return cut.finish(operands);
}

FailureOr<TilingResult>
RopeOp::getTiledImplementation(OpBuilder &b, Offsets offsets, Offsets sizes) {
  std::optional<int64_t> first = getConstantIntValue(offsets[1]);
  if (!onTensors(*this) || (first && *first % getHeadDim()))
    return failure();
  Cutter cut(b, *this, offsets, sizes);
  Value rows = cut.rowsValue(getRows(), getX());
  Value x = cut.block(getX());
  return cut.finish({rows, x, cut.block(getInit())});
}

//===----------------------------------------------------------------------===//
// kv_append: a consumer without a result
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> KVAppendOp::getLoopIteratorTypes() {
  return parallel(2);
}

SmallVector<Range> KVAppendOp::getIterationDomain(OpBuilder &b) {
  return rangesOf(b, getX(), {0, 1});
}

FailureOr<TilingResult> KVAppendOp::getTiledImplementation(OpBuilder &b,
                                                           Offsets offsets,
                                                           Offsets sizes) {
  // A cache is one value: tiles of it cannot be put together.
  if (!onTensors(*this) || getResult())
    return failure();
  Cutter cut(b, *this, offsets, sizes);
  Value first = cut.firstHead(getFirstHead(), getCache().getType().getDim());
  if (!first)
    return failure();
  Value rows = cut.rowsValue(getRows(), getX());
  return cut.finish({rows, getCache(), getLayer(), first, cut.block(getX())});
}

LogicalResult KVAppendOp::getResultTilePosition(OpBuilder &, unsigned, Offsets,
                                                Offsets,
                                                SmallVector<OpFoldResult> &,
                                                SmallVector<OpFoldResult> &) {
  return failure();
}
