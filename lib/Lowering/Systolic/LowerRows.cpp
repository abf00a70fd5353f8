//===- LowerRows.cpp - Operations on rows, but attention ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Each function emits the steps of its entry of docs/numerics.md.
///
//===----------------------------------------------------------------------===//
#include "StepLowering.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::systolic;

namespace {

uint32_t featuresOf(mlir::Value value) {
  return uint32_t(cast<ShapedType>(value.getType()).getDimSize(1));
}

std::optional<uint8_t> mapOf(xf::Activation activation) {
  switch (activation) {
  case xf::Activation::Silu:
    return ESPALIER_MAP_SILU;
  case xf::Activation::Gelu:
    return ESPALIER_MAP_GELU;
  case xf::Activation::GeluTanh:
    return ESPALIER_MAP_GELU_TANH;
  case xf::Activation::Relu:
    return ESPALIER_MAP_RELU;
  case xf::Activation::ReluSquared:
    return ESPALIER_MAP_RELU_SQUARED;
  }
  return std::nullopt;
}

uint8_t typeOf(espalier::Encoding encoding) {
  switch (encoding) {
  case espalier::Encoding::Q8_0:
    return ESPALIER_SYSTOLIC_Q8_0;
  case espalier::Encoding::Q4_0:
    return ESPALIER_SYSTOLIC_Q4_0;
  case espalier::Encoding::Q4_1:
    return ESPALIER_SYSTOLIC_Q4_1;
  default:
    return ESPALIER_SYSTOLIC_BF16;
  }
}

} // namespace

/// Entry 27.
Status StepLowering::embedding(xf::EmbeddingOp op) {
  emit.mark("embedding");
  const WeightImage &table = weight(op.getTable(), WeightImage::Form::Rows);
  uint32_t width = featuresOf(op.getInit());
  Matrix rounded = emit.allocate(bucket.rows, width, ESPALIER_SYSTOLIC_BF16);
  emit.gather(rounded,
              placeOf(table, ESPALIER_SYSTOLIC_BF16, table.rowStride()),
              ESPALIER_ARGUMENT_TOKEN);
  Matrix rows = makeResult(op.getResult(0), width, ESPALIER_SYSTOLIC_F32);
  emit.map(ESPALIER_MAP_COPY, rounded, rows);
  emit.release(rounded);
  return {};
}

/// Entry 8.
Status StepLowering::norm(xf::RmsNormOp op) {
  Matrix x = matrixOf(op.getX());
  Matrix weight = loadVector(op.getWeight());
  Matrix r = emit.allocate(bucket.rows, 1, ESPALIER_SYSTOLIC_F32);
  emit.reduce(ESPALIER_REDUCE_SQUARES, x, r);
  emit.binary(ESPALIER_BINARY_DIVIDE, r, float(x.columns), r);
  emit.binary(ESPALIER_BINARY_ADD, r, op.getEps().convertToFloat(), r);
  emit.map(ESPALIER_MAP_SQRT, r, r);
  emit.map(ESPALIER_MAP_RECIPROCAL, r, r);
  Matrix y = makeResult(op.getResult(0), x.columns, ESPALIER_SYSTOLIC_F32);
  emit.binary(ESPALIER_BINARY_MULTIPLY, x, r, y);
  emit.binary(ESPALIER_BINARY_MULTIPLY, y, weight, y);
  emit.release(r);
  emit.release(weight);
  return {};
}

/// Entry 26.
Status StepLowering::round(xf::RoundOp op) {
  Matrix x = matrixOf(op.getX());
  Matrix y = makeResult(op.getResult(0), x.columns, ESPALIER_SYSTOLIC_BF16);
  emit.map(ESPALIER_MAP_COPY, x, y);
  return {};
}

/// Entry 28: the tiles of a panel, one run of k after the other, each added to
/// what the accumulator holds.
void StepLowering::multiplyPanels(
    const Matrix &x, const WeightImage &weight,
    llvm::function_ref<void(const Matrix &, uint32_t)> drain) {
  const PanelLayout &panels = weight.panels;
  uint8_t type = typeOf(panels.encoding());
  for (uint64_t p = 0; p < panels.panels() && !emit.failed(); ++p) {
    Matrix sum = emit.accumulator(uint32_t(panels.tile(p, 0).columns));
    for (uint64_t t = 0; t < panels.tilesOfPanel(); ++t) {
      PanelLayout::Tile tile = panels.tile(p, t);
      Matrix weights = emit.tile(uint32_t(tile.rows), uint32_t(tile.columns),
                                 ESPALIER_SYSTOLIC_BF16);
      emit.load(weights,
                placeOf(weight, type, tile.lineBytes).from(tile.offset));
      for (uint32_t k = 0; k < tile.rows; k += machine.rows) {
        uint32_t count = std::min(machine.rows, uint32_t(tile.rows) - k);
        emit.loadWeights(weights.rowsFrom(k, count));
        emit.multiply(x.part(uint32_t(tile.k) + k, count), sum, /*swap=*/true,
                      /*accumulate=*/t != 0 || k != 0);
      }
    }
    drain(sum, uint32_t(panels.tile(p, 0).n));
  }
}

/// Entry 28.
Status StepLowering::linear(xf::LinearOp op) {
  emit.mark("linear");
  const WeightImage &panels = weight(op.getWeight(), WeightImage::Form::Panels);
  std::optional<Matrix> bias, residual;
  if (op.getBias())
    bias = loadVector(op.getBias());
  Matrix y;
  if (op.getAccumulate()) {
    residual = matrixOf(op.getInit());
    y = accumulateInto(op, op.getInit(), op.getResult(0));
  } else {
    y = makeResult(op.getResult(0), featuresOf(op.getInit()),
                   ESPALIER_SYSTOLIC_F32);
  }
  multiplyPanels(
      matrixOf(op.getX()), panels, [&](const Matrix &sum, uint32_t first) {
        Matrix to = y.part(first, sum.columns);
        if (bias)
          emit.binary(ESPALIER_BINARY_ADD, sum, bias->part(first, sum.columns),
                      residual ? sum : to);
        if (residual)
          emit.binary(ESPALIER_BINARY_ADD, sum,
                      residual->part(first, sum.columns), to);
        if (!bias && !residual)
          emit.map(ESPALIER_MAP_COPY, sum, to);
      });
  if (bias)
    emit.release(*bias);
  return {};
}

/// Entry 13: each panel goes out as soon as it is there.
Status StepLowering::logits(xf::LogitsOp op) {
  emit.mark("logits");
  const WeightImage &panels = weight(op.getWeight(), WeightImage::Form::Panels);
  std::optional<Matrix> bias;
  if (op.getBias())
    bias = loadVector(op.getBias());
  Place out = placeAt("logits", RegionLogits, {0});
  out.type = ESPALIER_SYSTOLIC_F32;
  out.stride = image.vocabulary * 4;
  Matrix ring[3];
  for (Matrix &matrix : ring)
    matrix = emit.allocate(bucket.rows, machine.columns, ESPALIER_SYSTOLIC_F32);
  unsigned next = 0;
  multiplyPanels(matrixOf(op.getX()), panels,
                 [&](const Matrix &sum, uint32_t first) {
                   Matrix to = ring[next++ % 3].part(0, sum.columns);
                   if (bias)
                     emit.binary(ESPALIER_BINARY_ADD, sum,
                                 bias->part(first, sum.columns), to);
                   else
                     emit.map(ESPALIER_MAP_COPY, sum, to);
                   emit.store(to, out.from(uint64_t(first) * 4));
                 });
  for (const Matrix &matrix : ring)
    emit.release(matrix);
  if (bias)
    emit.release(*bias);
  return {};
}

/// Entry 9.
Status StepLowering::rope(xf::RopeOp op) {
  Matrix x = matrixOf(op.getX());
  Matrix table = ropeRows.lookup(op.getTable());
  Matrix y = makeResult(op.getResult(0), x.columns, ESPALIER_SYSTOLIC_F32);
  emit.rope(x, table, y, uint32_t(op.getHeadDim()), table.columns);
  return {};
}

/// Entry 10: one transfer for each head, a row of it for each row.
Status StepLowering::append(xf::KVAppendOp op) {
  Matrix x = matrixOf(op.getX());
  Matrix rounded =
      emit.allocate(bucket.rows, x.columns, ESPALIER_SYSTOLIC_BF16);
  emit.map(ESPALIER_MAP_COPY, x, rounded);
  for (uint32_t h = 0; h < x.columns / image.headDim; ++h)
    emit.scatter(rounded.part(h * image.headDim, image.headDim),
                 cachePlace(op.getLayer(), op.getPart(), h),
                 ESPALIER_ARGUMENT_CACHE_ROW);
  emit.release(rounded);
  return {};
}

/// Entry 12.
Status StepLowering::glu(xf::GluOp op) {
  Matrix gate = matrixOf(op.getGate()), up = matrixOf(op.getUp());
  Matrix y = makeResult(op.getResult(0), gate.columns, ESPALIER_SYSTOLIC_F32);
  emit.map(*mapOf(op.getActivation()), gate, y);
  emit.binary(ESPALIER_BINARY_MULTIPLY, y, up, y);
  return {};
}

/// Entry 12.
Status StepLowering::activation(xf::ActivationOp op) {
  Matrix x = matrixOf(op.getX());
  Matrix y = makeResult(op.getResult(0), x.columns, ESPALIER_SYSTOLIC_F32);
  emit.map(*mapOf(op.getActivation()), x, y);
  return {};
}

/// Entry 22.
Status StepLowering::scale(xf::ScaleOp op) {
  Matrix x = matrixOf(op.getX());
  float factor = op.getFactor().convertToFloat();
  if (!op.getAccumulate()) {
    Matrix y = makeResult(op.getResult(0), x.columns, ESPALIER_SYSTOLIC_F32);
    emit.binary(ESPALIER_BINARY_MULTIPLY, x, factor, y);
    return {};
  }
  Matrix init = matrixOf(op.getInit());
  Matrix product = emit.allocate(bucket.rows, x.columns, ESPALIER_SYSTOLIC_F32);
  emit.binary(ESPALIER_BINARY_MULTIPLY, x, factor, product);
  Matrix y = accumulateInto(op, op.getInit(), op.getResult(0));
  emit.binary(ESPALIER_BINARY_ADD, init, product, y);
  emit.release(product);
  return {};
}

/// Rows are chosen on the way through memory: the array of arguments that says
/// which ones is read by transfers only.
Status StepLowering::selectRows(xf::SelectRowsOp op) {
  Matrix x = matrixOf(op.getX());
  Place place = placeAt("selected", RegionSelected, {0});
  place.type = ESPALIER_SYSTOLIC_F32;
  place.stride = x.columns * 4;
  emit.store(x, place);
  Matrix y = makeResult(op.getResult(0), x.columns, ESPALIER_SYSTOLIC_F32);
  emit.gather(y, place, ESPALIER_ARGUMENT_WANTED);
  return {};
}

Status StepLowering::tap(xf::TapOp op) {
  Matrix x = matrixOf(op.getX());
  uint64_t bytes = uint64_t(bucket.rows) * x.columns * 4;
  std::vector<uint64_t> offsets;
  std::string name = "hidden";
  if (std::optional<int64_t> constant = getConstantIntValue(op.getIndex())) {
    offsets.push_back(uint64_t(*constant) * bytes);
    name += "_" + std::to_string(*constant);
  } else {
    for (uint32_t layer = 0; layer < image.layers; ++layer)
      offsets.push_back(layer * bytes);
  }
  Place place = placeAt(name, RegionHidden, offsets);
  place.type = ESPALIER_SYSTOLIC_F32;
  place.stride = x.columns * 4;
  emit.store(x, place);
  return {};
}
