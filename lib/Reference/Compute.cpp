//===- Compute.cpp - What layers compute, but for the cache ---------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Each function cites the entry of docs/numerics.md that it executes.
///
//===----------------------------------------------------------------------===//
#include "Evaluator.h"

#include "espalier/Support/DynamicRope.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

namespace {

/// The outputs of a weight matrix that a view of it covers.
struct MatrixView {
  std::shared_ptr<const DecodedMatrix> matrix;
  uint64_t first = 0;
};

/// A weight, or a plain tensor of floats, as a matrix. Views are cut along the
/// first dimension only.
Result<MatrixView> viewMatrix(Evaluator &e, mlir::Value value) {
  const Tensor &tensor = e.get<Tensor>(value);
  if (const auto &matrix = tensor.storage->matrix) {
    int64_t groups = tensor.strides[0];
    if (tensor.offset % groups != 0 || tensor.shape[1] != groups ||
        tensor.strides[1] != 1)
      return Error{"the weight is not cut along its outputs"};
    return MatrixView{matrix, uint64_t(tensor.offset / groups) *
                                  tensor.storage->columns};
  }
  std::optional<Encoding> encoding = xf::getElementEncoding(tensor.elementType);
  if (!encoding || isBlockEncoding(*encoding) ||
      isa<xf::PanelType>(tensor.elementType))
    return Error{"expected a weight, or a matrix of floats"};
  TRY_LET(elements, e.input(value));
  return MatrixView{std::make_shared<DecodedMatrix>(decodeMatrix(
                        *encoding, 1, 1, elements.shape[0], elements.shape[1],
                        elements.element(0), e.options.threads)),
                    0};
}

/// Entries 2, 3 and 23: each row's entry of the table, added to `y` or put
/// there. `index` gives the entry of a row, `what` names it.
template <typename Index>
Status lookUp(Evaluator &e, const Rows &rows, mlir::Value tableValue,
              const char *what, Index index, bool add, Tensor &y) {
  TRY_LET(table, viewMatrix(e, tableValue));
  int64_t width = y.shape[1];
  TRY(require(y.shape[0] == rows.size && uint64_t(width) == table.matrix->k &&
                  table.first == 0,
              "init does not fit the rows or the table"));
  for (int64_t r = 0; r < rows.size; ++r) {
    int64_t entry = index(rows[r]);
    if (entry < 0 || uint64_t(entry) >= table.matrix->n)
      return Error{"row " + std::to_string(rows.begin + r) + ": expected a " +
                   what + " of 0 to " + std::to_string(table.matrix->n - 1) +
                   ", got " + std::to_string(entry)};
    for (int64_t i = 0; i < width; ++i) {
      float &to = y.data()[r * width + i];
      float value = table.matrix->at(entry, i);
      to = add ? to + value : value;
    }
  }
  return {};
}

Status embedding(Evaluator &e, xf::EmbeddingOp op) {
  TRY_LET(y, e.output(op.getInit()));
  TRY(lookUp(
      e, e.get<Rows>(op.getRows()), op.getTable(), "token",
      [](const Row &row) { return int64_t(row.token); }, /*add=*/false, y));
  e.set(op.getResult(0), y);
  return {};
}

Status positionEmbedding(Evaluator &e, xf::PositionEmbeddingOp op) {
  TRY_LET(init, e.input(op.getInit()));
  TRY_LET(y, e.output(op.getInit()));
  std::copy(init.data(), init.data() + init.size(), y.data());
  int64_t offset = op.getOffset();
  TRY(lookUp(
      e, e.get<Rows>(op.getRows()), op.getTable(), "position",
      [&](const Row &row) { return row.position + offset; }, /*add=*/true, y));
  e.set(op.getResult(0), y);
  return {};
}

/// Entry 26.
Status decodeWeight(Evaluator &e, xf::DecodeWeightOp op) {
  TRY_LET(view, viewMatrix(e, op.getWeight()));
  auto type = cast<RankedTensorType>(op.getResult().getType());
  std::optional<xf::EncodedMatrix> to = xf::getEncodedMatrix(type);
  TRY(require(type.hasStaticShape() && view.first == 0 &&
                  view.matrix->n <= uint64_t(to->getPaddedN()) &&
                  view.matrix->n + to->columns > uint64_t(to->getPaddedN()),
              "expected a whole matrix"));
  Tensor y;
  y.elementType = type.getElementType();
  y.shape.assign(type.getShape().begin(), type.getShape().end());
  y.strides = denseStrides(y.shape);
  y.storage = std::make_shared<Storage>();
  y.storage->matrix = e.rounded(view.matrix);
  y.storage->columns = to->columns;
  e.set(op.getResult(), y);
  return {};
}

/// Entries 4 to 6 and 28, for `xf.linear` and `xf.logits`.
Status product(Evaluator &e, mlir::Value x, mlir::Value weight,
               mlir::Value bias, mlir::Value init, bool accumulate,
               mlir::Value result) {
  TRY_LET(input, e.inputFloats(x));
  TRY_LET(matrix, viewMatrix(e, weight));
  TRY(e.checkProduct(cast<ShapedType>(x.getType()).getElementType(),
                     matrix.matrix->encoding));
  LinearCall call;
  call.run = e.run();
  call.weight = matrix.matrix.get();
  call.first = matrix.first;
  Tensor biasElements, residual;
  if (bias) {
    TRY_LET(elements, e.input(bias));
    biasElements = elements;
    call.bias = biasElements.data();
  }
  if (accumulate) {
    TRY_LET(elements, e.input(init));
    residual = elements;
    call.residual = residual.data();
  }
  TRY_LET(y, e.output(init));
  call.rows = y.shape[0];
  call.n = y.shape[1];
  call.y = y.data();
  uint64_t k = input.shape[1];
  if (input.elementType.isF32()) {
    call.x = input.data();
  } else {
    k *= 32;
    call.quantized = input.element(0);
    TRY(require(isBlockEncoding(matrix.matrix->encoding),
                "quantised rows need a weight in blocks"));
  }
  TRY(require(k == matrix.matrix->k && input.shape[0] == y.shape[0] &&
                  call.first + call.n <= matrix.matrix->n &&
                  (!bias || biasElements.shape[0] == y.shape[1]),
              "x, weight, bias and init do not fit each other"));
  linear(call, e.options.threads);
  e.set(result, y);
  return {};
}

Status linearOp(Evaluator &e, xf::LinearOp op) {
  return product(e, op.getX(), op.getWeight(), op.getBias(), op.getInit(),
                 op.getAccumulate(), op.getResult(0));
}

/// Entry 13.
Status logits(Evaluator &e, xf::LogitsOp op) {
  return product(e, op.getX(), op.getWeight(), op.getBias(), op.getInit(),
                 /*accumulate=*/false, op.getResult(0));
}

/// Entry 7.
Status quantize(Evaluator &e, xf::QuantizeActivationsOp op) {
  TRY(e.requireCpuOrder());
  TRY_LET(x, e.input(op.getX()));
  TRY_LET(y, e.output(op.getInit()));
  TRY(require(x.shape[0] == y.shape[0] && x.shape[1] == y.shape[1] * 32,
              "x and init do not fit each other"));
  for (int64_t g = 0; g < y.size(); ++g)
    quantizeActivations(x.data() + g * 32, y.element(g));
  e.set(op.getResult(0), y);
  return {};
}

/// Entry 9: the frequencies that count for the context.
Result<std::vector<float>> chosenFrequencies(xf::RopeTableOp table,
                                             uint32_t context) {
  std::vector<float> frequencies = table.getFrequencies().vec();
  if (!table.getSwitchPosition() || context <= *table.getSwitchPosition())
    return frequencies;
  if (auto beyond = table.getLongFrequencies())
    return beyond->vec();
  dynamicRopeFrequencies(table.getDynamicTheta()->convertToDouble(),
                         table.getDynamicFactor()->convertToDouble(),
                         uint32_t(*table.getSwitchPosition()), context,
                         frequencies.size(), frequencies.data());
  return frequencies;
}

/// Entry 9.
Status ropeOp(Evaluator &e, xf::RopeOp op) {
  const Rows &rows = e.get<Rows>(op.getRows());
  TRY_LET(x, e.input(op.getX()));
  TRY_LET(y, e.output(op.getInit()));
  auto table = e.lookup<xf::RopeTableOp>(op.getTable());
  TRY_LET(frequencies, chosenFrequencies(table, e.options.context));
  int64_t dim = op.getHeadDim(), pairs = frequencies.size();
  TRY(require(x.shape == y.shape && x.shape[0] == rows.size &&
                  x.shape[1] % dim == 0,
              "x and init do not fit the rows or the heads"));
  for (int64_t r = 0; r < rows.size; ++r) {
    if (table.getSwitchPosition() &&
        rows[r].position >=
            std::max<int64_t>(e.options.context, *table.getSwitchPosition()))
      return Error{"position " + std::to_string(rows[r].position) +
                   " needs a larger context, for which the frequencies of the "
                   "rotation are others"};
    std::vector<float> angles =
        ropeTable(rows[r].position, frequencies.data(), pairs,
                  table.getFactor().convertToFloat());
    for (int64_t at = r * x.shape[1]; at < (r + 1) * x.shape[1]; at += dim)
      rope(x.data() + at, dim, angles.data(), pairs, y.data() + at);
  }
  e.set(op.getResult(0), y);
  return {};
}

} // namespace

void reference::addComputeHandlers(Handlers &handlers) {
  on<xf::DecodeWeightOp>(handlers, decodeWeight);
  on<xf::EmbeddingOp>(handlers, embedding);
  on<xf::PositionEmbeddingOp>(handlers, positionEmbedding);
  on<xf::LinearOp>(handlers, linearOp);
  on<xf::LogitsOp>(handlers, logits);
  on<xf::QuantizeActivationsOp>(handlers, quantize);
  on<xf::RopeOp>(handlers, ropeOp);
}
