//===- ExpertOps.cpp - Mixtures of experts --------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// Verifiers, effects and tiling. The numbers in the comments are those of the
// ops' descriptions.

#include "Cutter.h"
#include "OpSupport.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::xf;

DESTINATION_EFFECTS(RouterOp)
DESTINATION_EFFECTS(GroupedLinearOp)

/// `count` rows for each of `rows`, where both are known.
static int64_t timesRows(int64_t rows, int64_t count) {
  if (ShapedType::isDynamic(rows) || ShapedType::isDynamic(count))
    return ShapedType::kDynamic;
  return rows * count;
}

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

LogicalResult RouterOp::verify() {
  // router_c1
  int64_t experts =
      isMatrix(getScores()) ? featuresOf(getScores()) : ShapedType::kDynamic;
  if (ShapedType::isDynamic(experts) || experts < 1 || experts > 1024)
    return emitOpError("scores must be [R, E] of f32 with E of 1 to 1024, but "
                       "are ")
           << getScores().getType();
  // router_c2
  int64_t choices =
      isMatrix(getIds()) ? featuresOf(getIds()) : ShapedType::kDynamic;
  if (ShapedType::isDynamic(choices) || choices < 1 || choices > experts ||
      !sameMatrix(getIds(), getInit()) ||
      !sameSize(rowsOf(getIds()), rowsOf(getScores())))
    return emitOpError("the destinations must be [R, k] with the R of scores "
                       "and k of 1 to ")
           << experts << ", but are " << getIds().getType() << " and "
           << getInit().getType();
  return success();
}

LogicalResult GroupedLinearOp::verify() {
  // grouped_linear_c1
  std::optional<EncodedExperts> weight =
      getEncodedExperts(getWeight().getType());
  if (!weight || weight->matrix.encoding == Encoding::A8)
    return emitOpError("the weight must be [E, N, K] of f32, f16, bf16 or "
                       "weight panels, but is ")
           << getWeight().getType();
  const EncodedMatrix &matrix = weight->matrix;
  if (isMatrix(getInit()) && !matrix.coversN(featuresOf(getInit())))
    return emitOpError("the weight has ")
           << matrix.getPaddedN() << " columns in panels of " << matrix.columns
           << ", which is not what init's " << featuresOf(getInit()) << " need";
  // grouped_linear_c2
  int64_t choices =
      isMatrix(getIds()) ? featuresOf(getIds()) : ShapedType::kDynamic;
  if (ShapedType::isDynamic(choices) || choices < 1 ||
      choices > weight->experts)
    return emitOpError("ids must be [R, k] of i32 with k of 1 to ")
           << weight->experts << ", but are " << getIds().getType();
  // grouped_linear_c3
  if (getCombine() && !sameMatrix(getCombine(), getIds()))
    return emitOpError("combine must be [R, k] like ids, but is ")
           << getCombine().getType();
  // grouped_linear_c4
  int64_t rows = rowsOf(getIds()), expanded = timesRows(rows, choices);
  std::optional<EncodedMatrix> x = getEncodedMatrix(getX().getType());
  bool isQuantized = x && x->encoding == Encoding::A8;
  if (!x || (!isQuantized && (x->isPanels || x->encoding != Encoding::F32)) ||
      !sameSize(x->panelRows, getCombine() ? expanded : rows))
    return emitOpError("x must be [R, K] of f32 or [R, K/32] of a8 panels, "
                       "with combine of R * k rows, but is ")
           << getX().getType();
  if (!sameSize(x->getK(), matrix.getK()))
    return emitOpError("x has K = ")
           << x->getK() << ", but the weight has K = " << matrix.getK();
  // grouped_linear_c5
  if (isQuantized && !isBlockEncoding(matrix.encoding))
    return emitOpError("quantised rows need a weight in q8_0, q4_0 or q4_1, "
                       "but it is ")
           << StringRef(encodingName(matrix.encoding));
  // grouped_linear_c6
  if (!isMatrix(getInit()) ||
      !sameSize(rowsOf(getInit()), getCombine() ? rows : expanded))
    return emitOpError("init must be [R * k, N] of f32, with combine [R, N], "
                       "but is ")
           << getInit().getType();
  // grouped_linear_c7
  if (getAccumulate() && !getCombine())
    return emitOpError("'accumulate' needs combine");
  return success();
}

//===----------------------------------------------------------------------===//
// Tiling
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> RouterOp::getLoopIteratorTypes() {
  return iteratorTypes({getScores()});
}

SmallVector<Range> RouterOp::getIterationDomain(OpBuilder &b) {
  return domainOf(b, {getScores()});
}

LogicalResult
RouterOp::getResultTilePosition(OpBuilder &b, unsigned, Offsets offsets,
                                Offsets sizes,
                                SmallVector<OpFoldResult> &outOffsets,
                                SmallVector<OpFoldResult> &outSizes) {
  return tilePosition(b, *this, {getScores()}, offsets, sizes, outOffsets,
                      outSizes);
}

LogicalResult RouterOp::getIterationDomainTileFromResultTile(
    OpBuilder &, unsigned, Offsets offsets, Offsets sizes,
    SmallVectorImpl<OpFoldResult> &domainOffsets,
    SmallVectorImpl<OpFoldResult> &domainSizes) {
  return tileFromResult(*this, {getScores()}, offsets, sizes, domainOffsets,
                        domainSizes);
}

FailureOr<TilingResult> RouterOp::generateResultTileValue(OpBuilder &b,
                                                          unsigned number,
                                                          Offsets offsets,
                                                          Offsets sizes) {
  FailureOr<TilingResult> tile =
      tileForResult(*this, b, number, offsets, sizes);
  if (failed(tile))
    return failure();
  tile->tiledValues = {tile->tiledValues[number]};
  return tile;
}

FailureOr<TilingResult>
RouterOp::getTiledImplementation(OpBuilder &b, Offsets offsets, Offsets sizes) {
  if (!onTensors(*this))
    return failure();
  Cutter cut(b, *this, offsets, sizes);
  Value scores = cut.rows(getScores());
  Value ids = cut.rows(getIds());
  return cut.finish({scores, ids, cut.rows(getInit())});
}

TILED_IN(GroupedLinearOp, TileSpace{getInit(), getInit()})

FailureOr<TilingResult> GroupedLinearOp::getTiledImplementation(OpBuilder &b,
                                                                Offsets offsets,
                                                                Offsets sizes) {
  Cutter cut(b, *this, offsets, sizes);
  if (!onTensors(*this) || !cut.hasAllRows(getInit()))
    return failure();
  SmallVector<Value> operands = {getX(), cut.expertWeights(getWeight()),
                                 getIds()};
  if (!operands[1])
    return failure();
  if (getCombine())
    operands.push_back(getCombine());
  operands.push_back(cut.block(getInit()));
  return cut.finish(operands);
}
