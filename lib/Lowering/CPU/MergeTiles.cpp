//===- MergeTiles.cpp - A worker's tiles of a product as one ----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Lowering/Passes.h"

#include "espalier/Dialect/XF/XF.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace espalier {
#define GEN_PASS_DEF_MERGETILES
#include "espalier/Lowering/Passes.h.inc"

namespace {

/// Panels have so many columns.
constexpr int64_t panelColumns = 16;

class Merger {
public:
  explicit Merger(scf::ForOp loop) : loop(loop), b(loop) {}

  /// Replaces a loop over tiles that does nothing but one product, each tile
  /// next to the one before, by that product over all of its tiles.
  bool run() {
    if (loop.getNumResults() != 0 || !matchPattern(loop.getStep(), m_One()))
      return false;
    for (Operation &op : loop.getBody()->without_terminator()) {
      if (isa<xf::LinearOp, xf::LogitsOp>(op) && !product)
        product = &op;
      else if (!isPure(&op) || op.getNumRegions() != 0)
        return false;
    }
    if (auto linear = dyn_cast_or_null<xf::LinearOp>(product))
      return merge(linear);
    if (auto logits = dyn_cast_or_null<xf::LogitsOp>(product))
      return merge(logits);
    return false;
  }

private:
  /// A tile's part of `value`, whose dimension `dim` is cut by `scale` columns
  /// an element and no other is; nothing for anything else.
  memref::SubViewOp part(Value value, int64_t dim, int64_t scale) {
    auto op = value.getDefiningOp<memref::SubViewOp>();
    if (!op || op->getParentOp() != loop || !isOutside(op.getSource()) ||
        op.getType().getRank() != op.getSourceType().getRank() ||
        !op.isDynamicOffset(dim) || op.isDynamicSize(dim))
      return {};
    for (int64_t i = 0; i < op.getType().getRank(); ++i)
      if (!isConstantIntValue(op.getMixedStrides()[i], 1) ||
          (i != dim && !isConstantIntValue(op.getMixedOffsets()[i], 0)))
        return {};
    for (Value size : op.getSizes())
      if (!isOutside(size))
        return {};
    Value offset = op.getDynamicOffset(dim);
    if (scale != 1) {
      auto apply = offset.getDefiningOp<affine::AffineApplyOp>();
      if (!apply ||
          apply.getAffineMap() !=
              AffineMap::get(
                  1, 0,
                  getAffineDimExpr(0, apply.getContext()).floorDiv(scale)))
        return {};
      offset = apply.getMapOperands()[0];
    }
    auto times = offset.getDefiningOp<arith::MulIOp>();
    APInt step;
    if (!times || times.getLhs() != loop.getInductionVar() ||
        !matchPattern(times.getRhs(), m_ConstantInt(&step)) ||
        step.getSExtValue() != op.getStaticSize(dim) * scale)
      return {};
    return op;
  }

  bool isOutside(Value value) {
    return !loop->isAncestor(value.getParentRegion()->getParentOp());
  }

  /// The same part for all tiles of the loop.
  Value whole(memref::SubViewOp op, int64_t dim, Value tiles) {
    Location loc = op.getLoc();
    Value size = arith::ConstantIndexOp::create(b, loc, op.getStaticSize(dim));
    SmallVector<OpFoldResult> offsets = op.getMixedOffsets(),
                              sizes = op.getMixedSizes();
    offsets[dim] =
        arith::MulIOp::create(b, loc, loop.getLowerBound(), size).getResult();
    sizes[dim] = arith::MulIOp::create(b, loc, tiles, size).getResult();
    return memref::SubViewOp::create(b, loc, op.getSource(), offsets, sizes,
                                     op.getMixedStrides());
  }

  template <typename Op> bool merge(Op op) {
    memref::SubViewOp weight = part(op.getWeight(), 0, panelColumns);
    memref::SubViewOp init = part(op.getInit(), 1, 1), bias;
    if (op.getBias())
      bias = part(op.getBias(), 0, 1);
    if (!weight || !init || (op.getBias() && !bias) || !isOutside(op.getX()) ||
        init.getStaticSize(1) != weight.getStaticSize(0) * panelColumns ||
        (bias && bias.getStaticSize(0) != init.getStaticSize(1)))
      return false;
    Location loc = loop.getLoc();
    Value end = arith::MaxSIOp::create(b, loc, loop.getLowerBound(),
                                       loop.getUpperBound());
    Value tiles = arith::SubIOp::create(b, loc, end, loop.getLowerBound());
    IRMapping map;
    map.map(op.getWeight(), whole(weight, 0, tiles));
    map.map(op.getInit(), whole(init, 1, tiles));
    if (bias)
      map.map(op.getBias(), whole(bias, 0, tiles));
    b.clone(*op, map);
    loop.erase();
    return true;
  }

  scf::ForOp loop;
  OpBuilder b;
  Operation *product = nullptr;
};

struct MergeTiles : impl::MergeTilesBase<MergeTiles> {
  void runOnOperation() override {
    SmallVector<scf::ForOp> loops;
    getOperation().walk([&](scf::ForOp loop) { loops.push_back(loop); });
    for (scf::ForOp loop : loops)
      numMerged += Merger(loop).run();
  }
};

} // namespace
} // namespace espalier
