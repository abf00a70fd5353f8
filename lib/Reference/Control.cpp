//===- Control.cpp - Loops and branches -----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Evaluator.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

namespace {

Status forLoop(Evaluator &e, scf::ForOp op) {
  int64_t begin = e.integer(op.getLowerBound());
  int64_t end = e.integer(op.getUpperBound()), step = e.integer(op.getStep());
  TRY(require(step > 0, "expected a positive step"));
  std::vector<Datum> carried = e.getAll(op.getInitArgs());
  for (int64_t i = begin; i < end; i += step) {
    e.set(op.getInductionVar(), i);
    e.set(op.getRegionIterArgs(), carried);
    TRY_LET(yielded, e.run(*op.getBody()));
    carried = yielded;
  }
  e.set(op.getResults(), carried);
  return {};
}

Status runRegion(Evaluator &e, Operation *op, Region &region) {
  if (region.empty())
    return {};
  TRY_LET(yielded, e.run(region.front()));
  e.set(op->getResults(), yielded);
  return {};
}

Status branch(Evaluator &e, scf::IfOp op) {
  return runRegion(e, op,
                   e.integer(op.getCondition()) ? op.getThenRegion()
                                                : op.getElseRegion());
}

Status indexSwitch(Evaluator &e, scf::IndexSwitchOp op) {
  int64_t value = e.integer(op.getArg());
  for (auto [number, region] :
       llvm::zip_equal(op.getCases(), op.getCaseRegions()))
    if (number == value)
      return runRegion(e, op, region);
  return runRegion(e, op, op.getDefaultRegion());
}

/// Each layer runs the region of its kind; the second argument counts the
/// layers of that kind.
Status repeat(Evaluator &e, xf::RepeatOp op) {
  std::vector<Datum> carried = e.getAll(op.getInits());
  std::vector<int64_t> seen(op.getBodies().size());
  for (auto [layer, kind] : llvm::enumerate(op.getKinds())) {
    Block &body = op.getBodies()[kind].front();
    e.set(body.getArgument(0), int64_t(layer));
    e.set(body.getArgument(1), seen[kind]++);
    e.set(body.getArguments().drop_front(2), carried);
    TRY_LET(yielded, e.run(body));
    carried = yielded;
  }
  e.set(op.getResults(), carried);
  return {};
}

} // namespace

void reference::addControlHandlers(Handlers &handlers) {
  on<scf::ForOp>(handlers, forLoop);
  on<scf::IfOp>(handlers, branch);
  on<scf::IndexSwitchOp>(handlers, indexSwitch);
  on<xf::RepeatOp>(handlers, repeat);
}
