//===- Structure.cpp - Weights, rows and taps -----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Evaluator.h"

#include <cstring>

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

namespace {

Status weightRef(Evaluator &e, xf::WeightRefOp op) {
  int64_t index = op.getLayer() ? e.integer(op.getLayer()) : 0;
  TRY(require(index >= 0, "expected a layer of the weight"));
  TRY_LET(weight, e.weight(op.getWeight(), uint64_t(index)));
  e.set(op.getResult(), weight);
  return {};
}

Status rowsCount(Evaluator &e, xf::RowsCountOp op) {
  e.set(op.getResult(), e.get<Rows>(op.getRows()).size);
  return {};
}

Status wantedCount(Evaluator &e, xf::WantedCountOp op) {
  const Rows &rows = e.get<Rows>(op.getRows());
  int64_t wanted = 0;
  for (int64_t r = 0; r < rows.size; ++r)
    wanted += rows[r].wanted;
  e.set(op.getResult(), wanted);
  return {};
}

Status rowsSlice(Evaluator &e, xf::RowsSliceOp op) {
  Rows rows = e.get<Rows>(op.getRows());
  int64_t offset = e.integer(op.getOffset()), size = e.integer(op.getSize());
  TRY(require(offset >= 0 && size >= 0 && offset + size <= rows.size,
              "the slice goes beyond the rows"));
  rows.begin += offset;
  rows.size = size;
  e.set(op.getResult(), rows);
  return {};
}

Status selectRows(Evaluator &e, xf::SelectRowsOp op) {
  const Rows &rows = e.get<Rows>(op.getRows());
  TRY_LET(x, e.input(op.getX()));
  TRY_LET(y, e.output(op.getInit()));
  TRY(require(x.shape[0] == rows.size && x.shape[1] == y.shape[1],
              "x and init do not fit the rows"));
  int64_t width = x.shape[1], next = 0;
  for (int64_t r = 0; r < rows.size; ++r) {
    if (!rows[r].wanted)
      continue;
    TRY(require(next < y.shape[0], "init has fewer rows than are wanted"));
    std::memcpy(y.data() + next++ * width, x.data() + r * width, width * 4);
  }
  TRY(require(next == y.shape[0], "init has more rows than are wanted"));
  e.set(op.getResult(0), y);
  return {};
}

Status tap(Evaluator &e, xf::TapOp op) {
  TRY(require(!e.phase() || e.phase()->tile != PhaseState::everyone,
              "every worker would write the hidden states: expected a tile"));
  const Rows &rows = e.get<Rows>(op.getRows());
  TRY_LET(x, e.input(op.getX()));
  int64_t index = e.integer(op.getIndex());
  TRY(require(index >= 0 && x.shape[0] == rows.size,
              "x does not fit the rows, or the index is negative"));
  if (!e.taps)
    return {};
  if (e.taps->states.size() <= size_t(index))
    e.taps->states.resize(index + 1);
  auto &state = e.taps->states[index];
  state.resize(e.taps->rows);
  for (int64_t r = 0; r < rows.size; ++r) {
    TRY(require(state[rows.begin + r].empty(),
                "a hidden state is written twice"));
    const float *from = x.data() + r * x.shape[1];
    state[rows.begin + r].assign(from, from + x.shape[1]);
  }
  return {};
}

} // namespace

void reference::addStructureHandlers(Handlers &handlers) {
  on<xf::WeightRefOp>(handlers, weightRef);
  on<xf::RowsCountOp>(handlers, rowsCount);
  on<xf::WantedCountOp>(handlers, wantedCount);
  on<xf::RowsSliceOp>(handlers, rowsSlice);
  on<xf::SelectRowsOp>(handlers, selectRows);
  on<xf::TapOp>(handlers, tap);
}
