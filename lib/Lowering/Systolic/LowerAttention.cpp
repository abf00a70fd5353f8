//===- LowerAttention.cpp - Entry 29 of docs/numerics.md ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "StepLowering.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::systolic;

struct StepLowering::HeadGroup {
  Place keys, values;
  float factor = 1; ///< of a product, to make it a score
  uint32_t firstHead = 0;
  std::vector<Matrix> queries; ///< rounded, of each head
  /// Of each head: scores, what they give as weights, and 1 / their sum.
  std::vector<Matrix> scores, weights, inverses;
};

/// Keys pass as tiles of the array's columns, transposed on the way into it;
/// the queries of all heads of the group stream over each. A key's elements are
/// summed in runs of the array's rows.
void StepLowering::scores(const HeadGroup &group) {
  uint32_t dim = image.headDim;
  for (uint32_t t = 0; t < bucket.context && !emit.failed();
       t += machine.columns) {
    uint32_t count = std::min(machine.columns, bucket.context - t);
    Matrix keys = emit.tile(count, dim, ESPALIER_SYSTOLIC_BF16);
    emit.loadLimited(keys, group.keys.from(uint64_t(t) * dim * 2), t);
    std::vector<Matrix> sums;
    for (size_t h = 0; h < group.queries.size(); ++h)
      sums.push_back(emit.accumulator(count));
    for (uint32_t d = 0; d < dim; d += machine.rows) {
      uint32_t run = std::min(machine.rows, dim - d);
      emit.loadWeights(keys.part(d, run), /*transposed=*/true);
      for (size_t h = 0; h < sums.size(); ++h)
        emit.multiply(group.queries[h].part(d, run), sums[h], /*swap=*/h == 0,
                      /*accumulate=*/d != 0);
    }
    for (size_t h = 0; h < sums.size(); ++h)
      emit.binary(ESPALIER_BINARY_MULTIPLY, sums[h], group.factor,
                  group.scores[h].part(t, count));
  }
}

void StepLowering::softmax(HeadGroup &group, uint32_t window) {
  for (size_t h = 0; h < group.queries.size(); ++h) {
    const Matrix &s = group.scores[h], &p = group.weights[h],
                 &column = group.inverses[h];
    emit.mask(s, s, window);
    emit.reduce(ESPALIER_REDUCE_MAXIMUM, s, column);
    emit.binary(ESPALIER_BINARY_SUBTRACT, s, column, s);
    emit.map(ESPALIER_MAP_EXP2, s, p);
    emit.reduce(ESPALIER_REDUCE_SUM, p, column);
    emit.map(ESPALIER_MAP_RECIPROCAL, column, column);
  }
}

/// Values pass as tiles of the array's rows: runs of absolute positions.
void StepLowering::weighValues(const HeadGroup &group, const Matrix &out) {
  uint32_t dim = image.headDim;
  for (uint32_t d = 0; d < dim; d += machine.columns) {
    uint32_t width = std::min(machine.columns, dim - d);
    std::vector<Matrix> sums;
    for (size_t h = 0; h < group.queries.size(); ++h)
      sums.push_back(emit.accumulator(width));
    for (uint32_t t = 0; t < bucket.context && !emit.failed();
         t += machine.rows) {
      uint32_t run = std::min(machine.rows, bucket.context - t);
      Matrix values = emit.tile(run, width, ESPALIER_SYSTOLIC_BF16);
      emit.loadLimited(values, group.values.from((uint64_t(t) * dim + d) * 2),
                       t);
      emit.loadWeights(values);
      for (size_t h = 0; h < sums.size(); ++h)
        emit.multiply(group.weights[h].part(t, run), sums[h], /*swap=*/h == 0,
                      /*accumulate=*/t != 0);
    }
    for (size_t h = 0; h < sums.size(); ++h)
      emit.binary(ESPALIER_BINARY_MULTIPLY, sums[h], group.inverses[h],
                  out.part((group.firstHead + uint32_t(h)) * dim + d, width));
  }
}

Status StepLowering::attention(xf::AttentionOp op) {
  emit.mark("attention");
  uint32_t dim = image.headDim, shared = uint32_t(op.getGroup());
  Matrix q = matrixOf(op.getQ());
  uint32_t heads = q.columns / dim;
  Matrix out = makeResult(op.getResult(0), q.columns, ESPALIER_SYSTOLIC_F32);
  // Two sums of each head, so that the next tile need not wait for the last.
  uint64_t perHead = uint64_t(bucket.rows) * (bucket.context * 6 + 64);
  uint32_t most = uint32_t(std::min<uint64_t>(
      {shared, std::max(1u, emit.accumulators() / 2),
       std::max<uint64_t>(1, emit.largestFree() / perHead)}));
  for (uint32_t h = 0; h < heads && !emit.failed();) {
    uint32_t kv = h / shared;
    uint32_t count = std::min(most, (kv + 1) * shared - h);
    HeadGroup group;
    group.keys = cachePlace(op.getLayer(), xf::CachePart::Keys, kv);
    group.values = cachePlace(op.getLayer(), xf::CachePart::Values, kv);
    group.factor = op.getScale().convertToFloat() * 0x1.715476p+0f;
    group.firstHead = h;
    for (uint32_t i = 0; i < count; ++i) {
      group.queries.push_back(q.part((h + i) * dim, dim));
      group.scores.push_back(
          emit.allocate(bucket.rows, bucket.context, ESPALIER_SYSTOLIC_F32));
      group.weights.push_back(
          emit.allocate(bucket.rows, bucket.context, ESPALIER_SYSTOLIC_BF16));
      group.inverses.push_back(
          emit.allocate(bucket.rows, 1, ESPALIER_SYSTOLIC_F32));
    }
    scores(group);
    softmax(group, op.getWindow() ? uint32_t(*op.getWindow()) : 0);
    weighValues(group, out);
    for (auto *matrices : {&group.scores, &group.weights, &group.inverses})
      for (const Matrix &matrix : *matrices)
        emit.release(matrix);
    h += count;
  }
  return {};
}
