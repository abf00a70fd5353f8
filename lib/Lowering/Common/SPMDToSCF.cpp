//===- SPMDToSCF.cpp - Deals the tiles of phases to workers ---*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Lowering/Passes.h"

#include "espalier/Dialect/SPMD/SPMD.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace espalier {
#define GEN_PASS_DEF_CONVERTSPMDTOSCF
#include "espalier/Lowering/Passes.h.inc"

namespace {

/// Which worker runs the function, and of how many.
struct Worker {
  Value index, count;
};

/// A mapped loop of a phase.
struct TileLoop {
  scf::ForallOp loop;
  spmd::TilesAttr mapping;
  /// Number of tiles, known before the first loop of the phase.
  Value tiles;
};

Value constant(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

template <typename Op, typename... Args>
Value fold(OpBuilder &b, Location loc, Args... args) {
  return b.createOrFold<Op>(loc, args...);
}

Value materialize(OpBuilder &b, Location loc, OpFoldResult value) {
  if (auto attr = dyn_cast<Attribute>(value))
    return constant(b, loc, cast<IntegerAttr>(attr).getInt());
  return cast<Value>(value);
}

/// ceil(a / c) of numbers that are not negative.
Value ceilDivide(OpBuilder &b, Location loc, Value a, int64_t c) {
  if (c == 1)
    return a;
  Value up = fold<arith::AddIOp>(b, loc, a, constant(b, loc, c - 1));
  return fold<arith::DivUIOp>(b, loc, up, constant(b, loc, c));
}

/// Moves what computes `value` before `anchor`, where it stands after it in the
/// same block. Fails on ops that may not be moved.
LogicalResult makeAvailable(Value value, Operation *anchor) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != anchor->getBlock() ||
      op->isBeforeInBlock(anchor))
    return success();
  if (!isPure(op) || op->getNumRegions() != 0)
    return op->emitOpError(
        "decides how many tiles a later loop of the phase has, but cannot be "
        "computed before the first one");
  for (Value operand : op->getOperands())
    if (failed(makeAvailable(operand, anchor)))
      return failure();
  op->moveBefore(anchor);
  return success();
}

LogicalResult collectLoops(spmd::PhaseOp phase,
                           SmallVectorImpl<TileLoop> &loops) {
  for (auto loop : phase.getBody().front().getOps<scf::ForallOp>()) {
    auto mapping = loop.getMapping();
    if (!mapping || mapping->size() != 1 || loop.getRank() != 1 ||
        !isa<spmd::TilesAttr>((*mapping)[0]))
      return loop.emitOpError("in a phase needs one dimension mapped by "
                              "'#spmd.tiles'");
    if (!loop.getOutputs().empty())
      return loop.emitOpError("has shared outputs: bufferise the module first");
    loops.push_back({loop, cast<spmd::TilesAttr>((*mapping)[0]), Value()});
  }
  return success();
}

/// The number of tiles of every loop, computed before the first one.
LogicalResult countTiles(MutableArrayRef<TileLoop> loops) {
  Operation *first = loops.front().loop;
  for (TileLoop &tiles : loops) {
    for (Value operand : tiles.loop->getOperands())
      if (failed(makeAvailable(operand, first)))
        return failure();
    OpBuilder b(first);
    Location loc = tiles.loop.getLoc();
    Value low = materialize(b, loc, tiles.loop.getMixedLowerBound()[0]);
    Value high = materialize(b, loc, tiles.loop.getMixedUpperBound()[0]);
    Value step = materialize(b, loc, tiles.loop.getMixedStep()[0]);
    Value extent = fold<arith::SubIOp>(b, loc, high, low);
    Value up = fold<arith::SubIOp>(
        b, loc, Value(fold<arith::AddIOp>(b, loc, extent, step)),
        constant(b, loc, 1));
    tiles.tiles = fold<arith::DivUIOp>(b, loc, up, step);
  }
  return success();
}

/// Moves the body of `tiles` before `end`, for tile number `number`.
void moveBody(RewriterBase &rewriter, TileLoop &tiles, Operation *end,
              Value number) {
  scf::ForallOp loop = tiles.loop;
  Location loc = loop.getLoc();
  rewriter.setInsertionPoint(end);
  Value low = materialize(rewriter, loc, loop.getMixedLowerBound()[0]);
  Value step = materialize(rewriter, loc, loop.getMixedStep()[0]);
  Value induction = fold<arith::AddIOp>(
      rewriter, loc, low,
      Value(fold<arith::MulIOp>(rewriter, loc, number, step)));
  rewriter.eraseOp(loop.getTerminator());
  rewriter.inlineBlockBefore(loop.getBody(), end, induction);
  rewriter.eraseOp(loop);
}

/// The tiles of all loops stand one after the other; a worker runs those that
/// begin in its share of the units.
void dealTiles(RewriterBase &rewriter, MutableArrayRef<TileLoop> loops,
               Worker worker) {
  Operation *first = loops.front().loop;
  Location loc = first->getLoc();
  rewriter.setInsertionPoint(first);
  Value zero = constant(rewriter, loc, 0), one = constant(rewriter, loc, 1);
  SmallVector<Value> begins;
  Value total = zero;
  for (TileLoop &tiles : loops) {
    begins.push_back(total);
    Value units =
        fold<arith::MulIOp>(rewriter, loc, tiles.tiles,
                            constant(rewriter, loc, tiles.mapping.getCost()));
    total = fold<arith::AddIOp>(rewriter, loc, total, units);
  }
  auto share = [&](Value w) -> Value {
    Value product = fold<arith::MulIOp>(rewriter, loc, w, total);
    return fold<arith::DivUIOp>(rewriter, loc, product, worker.count);
  };
  Value low = share(worker.index);
  Value high = share(fold<arith::AddIOp>(rewriter, loc, worker.index, one));

  for (auto [tiles, begin] : llvm::zip_equal(loops, begins)) {
    rewriter.setInsertionPoint(tiles.loop);
    auto tileAt = [&](Value unit) -> Value {
      Value clamped = fold<arith::MaxUIOp>(rewriter, loc, unit, begin);
      Value offset = fold<arith::SubIOp>(rewriter, loc, clamped, begin);
      Value tile = ceilDivide(rewriter, loc, offset, tiles.mapping.getCost());
      return fold<arith::MinUIOp>(rewriter, loc, tile, tiles.tiles);
    };
    Value from =
        loops.size() == 1 && tiles.mapping.getCost() == 1 ? low : tileAt(low);
    Value to =
        loops.size() == 1 && tiles.mapping.getCost() == 1 ? high : tileAt(high);
    auto forOp =
        scf::ForOp::create(rewriter, tiles.loop.getLoc(), from, to, one);
    moveBody(rewriter, tiles, forOp.getBody()->getTerminator(),
             forOp.getInductionVar());
  }
}

/// A worker takes the next tile when it is free.
void claimTiles(RewriterBase &rewriter, TileLoop &tiles) {
  Location loc = tiles.loop.getLoc();
  rewriter.setInsertionPoint(tiles.loop);
  auto whileOp = scf::WhileOp::create(
      rewriter, loc, TypeRange{rewriter.getIndexType()}, ValueRange{},
      [&](OpBuilder &b, Location loc, ValueRange) {
        Value tile = spmd::ClaimOp::create(b, loc, b.getIndexType());
        Value more = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                           tile, tiles.tiles);
        scf::ConditionOp::create(b, loc, more, tile);
      },
      [&](OpBuilder &b, Location loc, ValueRange) {
        scf::YieldOp::create(b, loc);
      });
  moveBody(rewriter, tiles, whileOp.getAfterBody()->getTerminator(),
           whileOp.getAfterArguments()[0]);
}

LogicalResult lowerPhase(RewriterBase &rewriter, spmd::PhaseOp phase,
                         Worker worker) {
  for (Value operand : phase->getOperands())
    if (isa<TensorType>(operand.getType()))
      return phase.emitOpError("works on tensors: bufferise the module first");
  SmallVector<TileLoop> loops;
  if (failed(collectLoops(phase, loops)))
    return failure();
  if (!loops.empty() && failed(countTiles(loops)))
    return failure();
  bool claimed = llvm::any_of(loops, [](TileLoop &tiles) {
    return tiles.mapping.getSchedule() == spmd::Schedule::Claim;
  });
  if (claimed && loops.size() != 1)
    return phase.emitOpError("has a claimed loop beside others");
  // The phase is isolated, so its body first joins the function.
  Block *body = &phase.getBody().front();
  Operation *yield = body->getTerminator();
  rewriter.inlineBlockBefore(body, phase, phase->getOperands());
  rewriter.replaceOp(phase, yield->getOperands());
  rewriter.eraseOp(yield);
  if (claimed)
    claimTiles(rewriter, loops.front());
  else if (!loops.empty())
    dealTiles(rewriter, loops, worker);
  return success();
}

LogicalResult lowerFunction(func::FuncOp function) {
  SmallVector<spmd::PhaseOp> phases;
  function.walk([&](spmd::PhaseOp phase) { phases.push_back(phase); });
  if (function.isExternal() ||
      (phases.empty() && !function->hasAttr("xf.max_rows")))
    return success();
  Type index = IndexType::get(function.getContext());
  for (int i = 0; i < 2; ++i)
    if (failed(function.insertArgument(function.getNumArguments(), index,
                                       DictionaryAttr(), function.getLoc())))
      return failure();
  unsigned arguments = function.getNumArguments();
  Worker worker{function.getArgument(arguments - 2),
                function.getArgument(arguments - 1)};
  IRRewriter rewriter(function.getContext());
  for (spmd::PhaseOp phase : phases)
    if (failed(lowerPhase(rewriter, phase, worker)))
      return failure();
  return success();
}

struct ConvertSPMDToSCF : impl::ConvertSPMDToSCFBase<ConvertSPMDToSCF> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (failed(lowerFunction(function)))
        return signalPassFailure();
  }
};

} // namespace
} // namespace espalier
