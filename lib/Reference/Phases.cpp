//===- Phases.cpp - Phases and their tiles --------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// In a phase the outputs are memory that all workers share: each output tensor
/// gets a shadow, and its views say which of its elements they are. All else is
/// private to the worker, so a tile can hand on what it computed through
/// outputs only.
///
//===----------------------------------------------------------------------===//
#include "Evaluator.h"

#include "espalier/Dialect/SPMD/SPMD.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <algorithm>

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

namespace {

/// A tensor or cache of the outside as an output of a phase.
Datum makeOutput(const Datum &outside, unsigned number) {
  if (auto cache = std::get_if<Cache>(&outside)) {
    Cache inside = *cache;
    inside.inPhase = inside.writable = true;
    return inside;
  }
  if (auto tensor = std::get_if<Tensor>(&outside)) {
    Tensor inside = *tensor;
    inside.place.shadow = std::make_shared<Shadow>(
        "output " + std::to_string(number),
        std::vector<int64_t>(tensor->shape.begin(), tensor->shape.end()));
    inside.place.strides = denseStrides(tensor->shape);
    inside.place.offset = 0;
    return inside;
  }
  return outside;
}

Datum makeInput(const Datum &outside) {
  Datum inside = outside;
  if (auto cache = std::get_if<Cache>(&inside))
    cache->inPhase = true;
  return inside;
}

Status phase(Evaluator &e, spmd::PhaseOp op) {
  TRY(require(!e.phase(), "a phase inside a phase"));
  std::vector<Datum> arguments;
  for (mlir::Value input : op.getInputs()) {
    arguments.push_back(makeInput(e.get(input)));
    if (auto cache = std::get_if<Cache>(&arguments.back()))
      TRY(cache->check());
  }
  for (auto [number, output] : llvm::enumerate(op.getOutputs())) {
    arguments.push_back(makeOutput(e.get(output), number));
    if (auto cache = std::get_if<Cache>(&arguments.back()))
      TRY(cache->check());
  }
  Block &body = op.getBody().front();
  e.set(body.getArguments(), arguments);
  e.beginPhase(op.getLabel().value_or(""));
  TRY_LET(yielded, e.run(body));
  e.endPhase();

  ArrayRef<Datum> outputs =
      ArrayRef<Datum>(arguments).drop_front(op.getInputs().size());
  for (auto [result, number] : llvm::enumerate(op.getResultOutputs())) {
    Datum value = yielded[result];
    if (auto tensor = std::get_if<Tensor>(&value)) {
      const Tensor &output = std::get<Tensor>(outputs[number]);
      if (tensor->place.shadow != output.place.shadow)
        return Error{"result " + std::to_string(result) +
                     " of the phase is private memory, not its output"};
      tensor->place = {};
    } else if (auto cache = std::get_if<Cache>(&value)) {
      TRY(require(cache->storage == std::get<Cache>(outputs[number]).storage,
                  "the phase yields another cache than its output"));
      cache->inPhase = cache->writable = false;
      cache->version = ++cache->storage->version;
    }
    e.set(op.getResult(result), value);
  }
  return {};
}

/// All points of a loop's space, shuffled.
std::vector<Sizes> shuffledPoints(Evaluator &e, ArrayRef<int64_t> lower,
                                  ArrayRef<int64_t> upper,
                                  ArrayRef<int64_t> step) {
  std::vector<Sizes> points = {Sizes()};
  for (size_t i = 0; i < lower.size(); ++i) {
    std::vector<Sizes> longer;
    for (const Sizes &point : points)
      for (int64_t at = lower[i]; at < upper[i]; at += step[i]) {
        longer.push_back(point);
        longer.back().push_back(at);
      }
    points = std::move(longer);
  }
  return points;
}

Status forall(Evaluator &e, scf::ForallOp op) {
  PhaseState *phase = e.phase();
  TRY(require(!phase || phase->tile == PhaseState::everyone,
              "a loop of tiles inside a tile"));
  // Results are shared memory: the output as it is, in memory of its own, so
  // that what the phase was given stays.
  std::vector<Datum> results;
  for (mlir::Value output : op.getOutputs()) {
    const Tensor &init = e.get<Tensor>(output);
    TRY(require(!phase || init.place.shadow,
                "its result would leave the tiles through private memory: "
                "expected an output of the phase"));
    Tensor shared = init.copy();
    shared.place = init.place;
    results.push_back(shared);
  }
  std::vector<Sizes> points = shuffledPoints(
      e, e.integers(op.getMixedLowerBound()),
      e.integers(op.getMixedUpperBound()), e.integers(op.getMixedStep()));
  std::vector<uint32_t> order(points.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = uint32_t(i);
  std::shuffle(order.begin(), order.end(), e.random);

  uint32_t begin = 0;
  if (phase) {
    begin = phase->nextTile;
    phase->loopBegins.push_back(begin);
    phase->nextTile += uint32_t(points.size());
  }
  for (uint32_t tile : order) {
    if (phase)
      phase->tile = begin + tile;
    for (auto [variable, value] :
         llvm::zip_equal(op.getInductionVars(), points[tile]))
      e.set(variable, value);
    e.set(op.getRegionIterArgs(), results);
    TRY(e.run(*op.getBody()));
    for (Operation &yielding : op.getTerminator().getYieldingOps())
      TRY(e.execute(&yielding));
  }
  if (phase)
    phase->tile = PhaseState::everyone;
  e.set(op.getResults(), results);
  return {};
}

} // namespace

void reference::addPhaseHandlers(Handlers &handlers) {
  on<spmd::PhaseOp>(handlers, phase);
  on<scf::ForallOp>(handlers, forall);
}
