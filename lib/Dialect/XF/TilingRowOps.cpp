//===- TilingRowOps.cpp - The tiling of norms and pointwise ops -----------===//
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
// Pointwise
//===----------------------------------------------------------------------===//

TILED_IN(GluOp, TileSpace{getGate(), getInit()})
TILED_IN(ActivationOp, TileSpace{getX(), getInit()})
TILED_IN(ScaleOp, TileSpace{getX(), getInit()})
TILED_IN(SoftCapOp, TileSpace{getX(), getInit()})
TILED_IN(RoundOp, TileSpace{getX(), getInit()})

/// All operands are cut to the same block.
static FailureOr<TilingResult> tilePointwise(Operation *op, OpBuilder &b,
                                             Offsets offsets, Offsets sizes) {
  if (!onTensors(op))
    return failure();
  Cutter cut(b, op, offsets, sizes);
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(cut.block(operand));
  return cut.finish(operands);
}

#define POINTWISE_TILE(OP)                                                     \
  FailureOr<TilingResult> OP::getTiledImplementation(                          \
      OpBuilder &b, Offsets offsets, Offsets sizes) {                          \
    return tilePointwise(*this, b, offsets, sizes);                            \
  }
POINTWISE_TILE(GluOp)
POINTWISE_TILE(ActivationOp)
POINTWISE_TILE(RoundOp)
POINTWISE_TILE(ScaleOp)
POINTWISE_TILE(SoftCapOp)

//===----------------------------------------------------------------------===//
// Norms: cut along rows, and between segments where there are some
//===----------------------------------------------------------------------===//

/// A norm's segment as a signed number, if it has one.
template <typename NormOp> static std::optional<int64_t> segmentOf(NormOp op) {
  if (std::optional<uint64_t> segment = op.getSegment())
    return int64_t(*segment);
  return std::nullopt;
}

template <typename NormOp>
static FailureOr<TilingResult> tileNorm(NormOp op, Value bias, OpBuilder &b,
                                        Offsets offsets, Offsets sizes) {
  if (!onTensors(op))
    return failure();
  std::optional<int64_t> segment = segmentOf(op);
  Cutter cut(b, op, offsets, sizes);
  auto matrix = [&](Value value) {
    return segment ? cut.block(value) : cut.rows(value);
  };
  if (segment)
    if (std::optional<int64_t> first = getConstantIntValue(offsets[1]);
        first && *first % *segment)
      return failure();
  // A weight of one segment serves every tile.
  auto vector = [&](Value value) {
    bool perColumn =
        segment && cast<ShapedType>(value.getType()).getDimSize(0) != *segment;
    return perColumn ? cut.features(value) : value;
  };
  SmallVector<Value> operands = {matrix(op.getX()), vector(op.getWeight())};
  if (bias)
    operands.push_back(vector(bias));
  operands.push_back(matrix(op.getInit()));
  return cut.finish(operands);
}

/// Without segments a norm needs whole rows.
template <typename NormOp> static TileSpace spaceOf(NormOp op) {
  Value x = op.getX();
  return {x, op.getSegment() ? x : Value()};
}

TILED_IN(RmsNormOp, spaceOf(*this))
TILED_IN(LayerNormOp, spaceOf(*this))

FailureOr<TilingResult> RmsNormOp::getTiledImplementation(OpBuilder &b,
                                                          Offsets offsets,
                                                          Offsets sizes) {
  return tileNorm(*this, Value(), b, offsets, sizes);
}

FailureOr<TilingResult> LayerNormOp::getTiledImplementation(OpBuilder &b,
                                                            Offsets offsets,
                                                            Offsets sizes) {
  return tileNorm(*this, getBias(), b, offsets, sizes);
}
