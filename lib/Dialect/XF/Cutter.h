//===- Cutter.h - What the tiling of all ops shares -------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// How each op is cut. Two spaces: *rows*, where an op needs all features of a
/// row (norms, quantisation, embedding) or all rows of the call (select_rows,
/// which is cut along features instead), and *rows x features*. A tile of an op
/// is the same op on smaller operands: `xf.rows_slice` stands for the rows,
/// `first_head` moves with the features, and a weight in panels is cut between
/// panels.
///
/// Tiles of features must begin at multiples of 16 where the weight has panels
/// of 16 columns, and at multiples of the head's dimension where there are
/// heads. The pass that chooses the tiles sees to it; a constant offset that
/// breaks the rule is refused here.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_DIALECT_XF_CUTTER_H
#define ESPALIER_LIB_DIALECT_XF_CUTTER_H

#include "espalier/Dialect/XF/XF.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

namespace espalier::xf {

using namespace mlir;

using Offsets = ArrayRef<OpFoldResult>;

/// Where a dynamic size comes from: an index, or (second >= 0) a dimension of a
/// tensor that was not made here.
using SizeOrigin = std::pair<void *, int64_t>;

inline SizeOrigin originOfDim(Value tensor, int64_t dim);

inline SizeOrigin originOf(OpFoldResult size) {
  if (auto attr = dyn_cast<Attribute>(size))
    return {const_cast<void *>(attr.getAsOpaquePointer()), -1};
  Value value = cast<Value>(size);
  if (auto op = value.getDefiningOp<tensor::DimOp>())
    if (std::optional<int64_t> dim = op.getConstantIndex())
      return originOfDim(op.getSource(), *dim);
  return {value.getAsOpaquePointer(), -1};
}

/// Follows destinations, which have the shape of the results, and what loops
/// carry.
inline SizeOrigin originOfDim(Value tensor, int64_t dim) {
  if (auto op = tensor.getDefiningOp<DestinationStyleOpInterface>())
    return originOfDim(op.getTiedOpOperand(cast<OpResult>(tensor))->get(), dim);
  if (auto op = tensor.getDefiningOp<tensor::EmptyOp>())
    return originOf(op.getMixedSizes()[dim]);
  if (auto op = tensor.getDefiningOp<tensor::ExtractSliceOp>())
    if (op.getDroppedDims().none())
      return originOf(op.getMixedSizes()[dim]);
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    if (auto loop = dyn_cast_or_null<LoopLikeOpInterface>(
            argument.getOwner()->getParentOp()))
      if (OpOperand *init = loop.getTiedLoopInit(argument))
        return originOfDim(init->get(), dim);
  return {tensor.getAsOpaquePointer(), dim};
}

/// Cuts the operands of one op to a tile, collecting the slices.
class Cutter {
public:
  Cutter(OpBuilder &b, Operation *op, Offsets offsets, Offsets sizes)
      : b(b), op(op), offsets(offsets), sizes(sizes) {}

  OpFoldResult offset(unsigned dim) const { return offsets[dim]; }
  OpFoldResult size(unsigned dim) const { return sizes[dim]; }

  /// A slice of `value`; the value itself where the slice is all of it.
  Value slice(Value value, Offsets offsets, Offsets sizes) {
    bool whole = true;
    for (auto [dim, offset, size] : llvm::enumerate(offsets, sizes))
      whole &= isZeroInteger(offset) && isWhole(value, int64_t(dim), size);
    if (whole)
      return value;
    SmallVector<OpFoldResult> strides(offsets.size(), b.getIndexAttr(1));
    auto slice = tensor::ExtractSliceOp::create(b, op->getLoc(), value, offsets,
                                                sizes, strides);
    slices.push_back(slice);
    return slice;
  }

  /// Rows of the tile, all features.
  Value rows(Value value) {
    return slice(value, {offset(0), b.getIndexAttr(0)},
                 {size(0), dim(value, 1)});
  }

  /// Rows and features of the tile.
  Value block(Value value) {
    return slice(value, {offset(0), offset(1)}, {size(0), size(1)});
  }

  /// Features of the tile, of a vector.
  Value features(Value value) { return slice(value, {offset(1)}, {size(1)}); }

  /// The rows of a weight that make the tile's features; null if the tile
  /// begins inside a panel.
  Value weight(Value value) {
    unsigned columns = getEncodedMatrix(value.getType())->columns;
    std::optional<OpFoldResult> first = divide(offset(1), columns);
    if (!first)
      return {};
    AffineExpr d0 = b.getAffineDimExpr(0);
    OpFoldResult count = apply(d0.ceilDiv(columns), {size(1)});
    return slice(value, {*first, b.getIndexAttr(0)}, {count, dim(value, 1)});
  }

  /// The same part of each expert's matrix.
  Value expertWeights(Value value) {
    unsigned columns = getEncodedExperts(value.getType())->matrix.columns;
    std::optional<OpFoldResult> first = divide(offset(1), columns);
    if (!first)
      return {};
    AffineExpr d0 = b.getAffineDimExpr(0);
    OpFoldResult zero = b.getIndexAttr(0);
    OpFoldResult count = apply(d0.ceilDiv(columns), {size(1)});
    return slice(value, {zero, *first, zero},
                 {dim(value, 0), count, dim(value, 2)});
  }

  /// The tile has all rows of `reference`.
  bool hasAllRows(Value reference) const {
    return isZeroInteger(offset(0)) && isWhole(reference, 0, size(0));
  }

  /// The tile's row metadata.
  Value rowsValue(Value rows, Value reference) {
    if (hasAllRows(reference))
      return rows;
    Location loc = op->getLoc();
    return RowsSliceOp::create(
        b, loc, rows.getType(), rows,
        getValueOrCreateConstantIndexOp(b, loc, offset(0)),
        getValueOrCreateConstantIndexOp(b, loc, size(0)));
  }

  /// `first` plus the heads of `dim` elements before the tile; null if the tile
  /// begins inside a head.
  Value firstHead(Value first, int64_t dim) {
    if (isZeroInteger(offset(1)))
      return first;
    std::optional<OpFoldResult> heads = divide(offset(1), dim);
    if (!heads)
      return {};
    AffineExpr d0 = b.getAffineDimExpr(0), d1 = b.getAffineDimExpr(1);
    return getValueOrCreateConstantIndexOp(
        b, op->getLoc(), apply(d0 + d1, {OpFoldResult(first), *heads}));
  }

  /// The tile: `op` on the operands of the tile. The last ones are the
  /// destinations of the results.
  TilingResult finish(ValueRange operands) {
    SmallVector<Type> types;
    for (Value init : operands.take_back(op->getNumResults()))
      types.push_back(init.getType());
    Operation *tile = clone(b, op, types, operands);
    return TilingResult{{tile}, SmallVector<Value>(tile->getResults()), slices};
  }

  SmallVector<Operation *> takeSlices() { return std::move(slices); }

private:
  OpFoldResult dim(Value value, int64_t dim) {
    return tensor::getMixedSize(b, op->getLoc(), value, dim);
  }

  OpFoldResult apply(AffineExpr expr, ArrayRef<OpFoldResult> operands) {
    return affine::makeComposedFoldedAffineApply(b, op->getLoc(), expr,
                                                 operands);
  }

  /// `value` / `divisor`, or nothing where it is known to leave a remainder.
  std::optional<OpFoldResult> divide(OpFoldResult value, int64_t divisor) {
    if (std::optional<int64_t> constant = getConstantIntValue(value);
        constant && *constant % divisor)
      return std::nullopt;
    return apply(b.getAffineDimExpr(0).floorDiv(divisor), {value});
  }

  /// True if `size` is certainly the size of `value` along `dim`.
  static bool isWhole(Value value, int64_t dim, OpFoldResult size) {
    int64_t known = cast<RankedTensorType>(value.getType()).getDimSize(dim);
    if (ShapedType::isStatic(known))
      return getConstantIntValue(size) == known;
    return originOfDim(value, dim) == originOf(size);
  }

  OpBuilder &b;
  Operation *op;
  Offsets offsets, sizes;
  SmallVector<Operation *> slices;
};

//===----------------------------------------------------------------------===//
// Iteration spaces
//===----------------------------------------------------------------------===//

/// The ranges of the dimensions `dims` of `value`.
inline SmallVector<Range> rangesOf(OpBuilder &b, Value value,
                                   ArrayRef<int64_t> dims) {
  return llvm::map_to_vector(dims, [&](int64_t dim) {
    return Range{b.getIndexAttr(0),
                 tensor::getMixedSize(b, value.getLoc(), value, dim),
                 b.getIndexAttr(1)};
  });
}

inline SmallVector<utils::IteratorType> parallel(unsigned loops) {
  return SmallVector<utils::IteratorType>(loops, utils::IteratorType::parallel);
}

/// The space in which an op is cut: the rows of a value, and, unless null, the
/// features of one. Without, a tile has all features.
struct TileSpace {
  Value rows, features = {};
};

inline SmallVector<utils::IteratorType> iteratorTypes(TileSpace space) {
  return parallel(space.features ? 2 : 1);
}

inline SmallVector<Range> domainOf(OpBuilder &b, TileSpace space) {
  SmallVector<Range> domain = rangesOf(b, space.rows, {0});
  if (space.features)
    domain.append(rangesOf(b, space.features, {1}));
  return domain;
}

/// Where the tile of an op lies in its result.
inline LogicalResult tilePosition(OpBuilder &b, Operation *op, TileSpace space,
                                  Offsets offsets, Offsets sizes,
                                  SmallVector<OpFoldResult> &outOffsets,
                                  SmallVector<OpFoldResult> &outSizes) {
  outOffsets.assign(offsets.begin(), offsets.end());
  outSizes.assign(sizes.begin(), sizes.end());
  if (!space.features) {
    outOffsets.push_back(b.getIndexAttr(0));
    outSizes.push_back(
        tensor::getMixedSize(b, op->getLoc(), op->getResult(0), 1));
  }
  return success();
}

/// The tile that makes a slice of the op's result; where tiles have all
/// features, the slice must.
inline LogicalResult
tileFromResult(Operation *op, TileSpace space, Offsets offsets, Offsets sizes,
               SmallVectorImpl<OpFoldResult> &domainOffsets,
               SmallVectorImpl<OpFoldResult> &domainSizes) {
  domainOffsets.assign(offsets.begin(), offsets.end());
  domainSizes.assign(sizes.begin(), sizes.end());
  if (space.features)
    return success();
  int64_t features = cast<ShapedType>(op->getResult(0).getType()).getDimSize(1);
  if (!isZeroInteger(offsets[1]) || ShapedType::isDynamic(features) ||
      getConstantIntValue(sizes[1]) != features)
    return failure();
  domainOffsets.pop_back();
  domainSizes.pop_back();
  return success();
}

/// The tile of `op` that makes the slice of its result.
template <typename OpTy>
FailureOr<TilingResult> tileForResult(OpTy op, OpBuilder &b, unsigned number,
                                      Offsets offsets, Offsets sizes) {
  SmallVector<OpFoldResult> domainOffsets, domainSizes;
  if (failed(op.getIterationDomainTileFromResultTile(
          b, number, offsets, sizes, domainOffsets, domainSizes)))
    return failure();
  return op.getTiledImplementation(b, domainOffsets, domainSizes);
}

/// Tiling works on tensors.
inline bool onTensors(Operation *op) {
  return llvm::none_of(op->getOperandTypes(),
                       [](Type type) { return isa<BaseMemRefType>(type); });
}

} // namespace espalier::xf

/// What all ops that are cut in a TileSpace share, except the tile itself.
#define TILED_IN(OP, ...)                                                      \
  SmallVector<utils::IteratorType> OP::getLoopIteratorTypes() {                \
    return iteratorTypes(__VA_ARGS__);                                         \
  }                                                                            \
  SmallVector<Range> OP::getIterationDomain(OpBuilder &b) {                    \
    return domainOf(b, __VA_ARGS__);                                           \
  }                                                                            \
  LogicalResult OP::getResultTilePosition(                                     \
      OpBuilder &b, unsigned, Offsets offsets, Offsets sizes,                  \
      SmallVector<OpFoldResult> &outOffsets,                                   \
      SmallVector<OpFoldResult> &outSizes) {                                   \
    return tilePosition(b, *this, __VA_ARGS__, offsets, sizes, outOffsets,     \
                        outSizes);                                             \
  }                                                                            \
  LogicalResult OP::getIterationDomainTileFromResultTile(                      \
      OpBuilder &, unsigned, Offsets offsets, Offsets sizes,                   \
      SmallVectorImpl<OpFoldResult> &domainOffsets,                            \
      SmallVectorImpl<OpFoldResult> &domainSizes) {                            \
    return tileFromResult(*this, __VA_ARGS__, offsets, sizes, domainOffsets,   \
                          domainSizes);                                        \
  }                                                                            \
  FailureOr<TilingResult> OP::generateResultTileValue(                         \
      OpBuilder &b, unsigned number, Offsets offsets, Offsets sizes) {         \
    return tileForResult(*this, b, number, offsets, sizes);                    \
  }

#endif // ESPALIER_LIB_DIALECT_XF_CUTTER_H
