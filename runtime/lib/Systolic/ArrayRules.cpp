//===- ArrayRules.cpp - When the array takes an instruction ---------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/ArrayRules.h"

using namespace espalier;
using namespace espalier::simulator;

ArrayRules::Earliest ArrayRules::earliest(const Form &form,
                                          const char *&never) const {
  Earliest result;
  auto after = [&](uint64_t cycle, const char *reason) {
    if (cycle > result.cycle)
      result = {cycle, reason};
  };
  never = nullptr;
  switch (form.opcode) {
  case ESPALIER_OP_LOAD_WEIGHTS:
    if (s.waiting.valid)
      never = "no MATMUL has taken the weights loaded before";
    after(s.loadReady, "the load path is busy");
    after(s.swapIssue, "the MATMUL that takes the weights before");
    after(s.stationaryEnd, "a MATMUL_OS is not complete");
    if (!m.shadow)
      after(s.productsEnd, "a MATMUL is not complete, and there is one plane");
    break;
  case ESPALIER_OP_MATMUL: {
    bool swap = form.flags & ESPALIER_FLAG_SWAP;
    const Tile &tile = swap ? s.waiting : s.active;
    if (!swap && !m.shadow && s.waiting.valid)
      never = "the first MATMUL after LOAD_WEIGHTS needs SWAP";
    else if (!tile.valid)
      never = swap ? "SWAP, but no weights wait" : "the array has no weights";
    else if (tile.type != form.shape.type_a)
      never = "the weights are of another type";
    else if (tile.rows != form.shape.columns)
      never = "its columns are not the rows of the tile of weights";
    else if (form.shape.extra > tile.columns)
      never = "it writes more columns than the tile of weights has";
    if (swap)
      after(s.loadReady, "the weights are not loaded");
    after(s.streamEnd, "the MATMUL before still streams");
    after(s.stationaryEnd, "a MATMUL_OS is not complete");
    break;
  }
  case ESPALIER_OP_MATMUL_OS:
    after(s.productsEnd, "a MATMUL is not complete");
    after(s.stationaryNext, "the array is busy with a MATMUL_OS");
    break;
  }
  return result;
}

void ArrayRules::issue(const Form &form, uint64_t t) {
  const espalier_systolic_shape &shape = form.shape;
  switch (form.opcode) {
  case ESPALIER_OP_LOAD_WEIGHTS: {
    bool transposed = form.flags & ESPALIER_FLAG_TRANSPOSED;
    s.waiting = {true, transposed ? shape.columns : shape.rows,
                 transposed ? shape.rows : shape.columns, shape.type_a};
    s.loadReady = t + form.busy;
    if (!m.shadow)
      s.active.valid = false;
    break;
  }
  case ESPALIER_OP_MATMUL:
    if (form.flags & ESPALIER_FLAG_SWAP) {
      s.active = s.waiting;
      s.waiting.valid = false;
      s.swapIssue = t;
    }
    s.streamEnd = t + form.busy;
    s.productsEnd = t + form.complete;
    break;
  case ESPALIER_OP_MATMUL_OS:
    s.waiting.valid = s.active.valid = false;
    s.stationaryEnd = t + form.complete;
    s.stationaryNext = t + form.busy;
    break;
  }
}
