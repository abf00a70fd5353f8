//===- Experts.cpp - Mixtures of experts ----------------------------------===//
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

#include <cstring>

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

namespace {

/// The outputs that a view of a weight of experts covers, in each of them.
struct ExpertsView {
  std::vector<std::shared_ptr<const DecodedMatrix>> matrices;
  uint64_t first = 0;
};

/// A weight, or a plain tensor of floats. Views are cut along the outputs only.
Result<ExpertsView> viewExperts(Evaluator &e, mlir::Value value) {
  const Tensor &tensor = e.get<Tensor>(value);
  ExpertsView view;
  if (!tensor.storage->experts.empty()) {
    int64_t groups = tensor.strides[1];
    if (tensor.shape[0] != int64_t(tensor.storage->experts.size()) ||
        tensor.shape[2] != groups || tensor.strides[2] != 1 ||
        tensor.offset % groups != 0 || tensor.offset >= tensor.strides[0])
      return Error{"the weight is not cut along its outputs"};
    view.matrices = tensor.storage->experts;
    view.first = uint64_t(tensor.offset / groups) * tensor.storage->columns;
    return view;
  }
  std::optional<Encoding> encoding = xf::getElementEncoding(tensor.elementType);
  if (!encoding || isBlockEncoding(*encoding) ||
      isa<xf::PanelType>(tensor.elementType))
    return Error{"expected a weight, or matrices of floats"};
  TRY_LET(elements, e.input(value));
  int64_t size = elements.shape[1] * elements.shape[2];
  for (int64_t i = 0; i < elements.shape[0]; ++i)
    view.matrices.push_back(std::make_shared<DecodedMatrix>(
        decodeMatrix(*encoding, 1, 1, elements.shape[1], elements.shape[2],
                     elements.element(i * size), e.options.threads)));
  return view;
}

/// Entry 24.
Status router(Evaluator &e, xf::RouterOp op) {
  TRY_LET(scores, e.input(op.getScores()));
  TRY_LET(ids, e.output(op.getIds()));
  TRY_LET(weights, e.output(op.getInit()));
  TRY(require(ids.shape == weights.shape && ids.shape[0] == scores.shape[0] &&
                  ids.shape[1] <= scores.shape[1],
              "scores and destinations do not fit each other"));
  int64_t choices = ids.shape[1], experts = scores.shape[1];
  for (int64_t r = 0; r < scores.shape[0]; ++r)
    route(scores.data() + r * experts, size_t(experts), size_t(choices),
          op.getRenormalize(), ids.data<int32_t>() + r * choices,
          weights.data() + r * choices);
  e.set(op.getResult(0), ids);
  e.set(op.getResult(1), weights);
  return {};
}

/// Entry 25: y[p] for each row and choice.
Status multiply(Evaluator &e, xf::GroupedLinearOp op, const Tensor &x,
                const Tensor &ids, const ExpertsView &weight, int64_t width,
                std::vector<float> &y) {
  int64_t choices = ids.shape[1], pairs = ids.size();
  size_t rowSize = size_t(x.shape[1]) * elementBytes(x.elementType);
  bool quantized = !x.elementType.isF32();
  TRY(require(x.shape[0] == (op.getCombine() ? pairs : ids.shape[0]) &&
                  uint64_t(x.shape[1]) * (quantized ? 32 : 1) ==
                      weight.matrices[0]->k &&
                  weight.first + uint64_t(width) <= weight.matrices[0]->n,
              "x, weight, ids and init do not fit each other"));
  std::vector<std::vector<int64_t>> byExpert(weight.matrices.size());
  for (int64_t p = 0; p < pairs; ++p) {
    int32_t id = ids.data<int32_t>()[p];
    TRY(require(id >= 0 && size_t(id) < byExpert.size(), "no such expert"));
    byExpert[size_t(id)].push_back(p);
  }
  y.resize(size_t(pairs * width));
  for (auto [expert, mine] : llvm::enumerate(byExpert)) {
    std::vector<uint8_t> rows(mine.size() * rowSize);
    std::vector<float> out(mine.size() * size_t(width));
    for (auto [i, p] : llvm::enumerate(mine)) {
      int64_t row = op.getCombine() ? p : p / choices;
      std::memcpy(rows.data() + i * rowSize, x.element(row * x.shape[1]),
                  rowSize);
    }
    LinearCall call;
    call.weight = weight.matrices[expert].get();
    call.rows = mine.size();
    call.first = weight.first;
    call.n = size_t(width);
    if (quantized)
      call.quantized = rows.data();
    else
      call.x = reinterpret_cast<const float *>(rows.data());
    call.y = out.data();
    linear(call, e.options.threads);
    for (auto [i, p] : llvm::enumerate(mine))
      std::memcpy(y.data() + p * width, out.data() + i * size_t(width),
                  size_t(width) * 4);
  }
  return {};
}

Status groupedLinear(Evaluator &e, xf::GroupedLinearOp op) {
  TRY(e.requireCpuOrder());
  TRY_LET(x, e.input(op.getX()));
  TRY_LET(ids, e.input(op.getIds()));
  TRY_LET(weight, viewExperts(e, op.getWeight()));
  Tensor combine, residual;
  if (op.getCombine()) {
    TRY_LET(elements, e.input(op.getCombine()));
    combine = elements;
    TRY(require(combine.shape == ids.shape, "ids and combine differ"));
  }
  if (op.getAccumulate()) {
    TRY_LET(elements, e.input(op.getInit()));
    residual = elements;
  }
  TRY_LET(out, e.output(op.getInit()));
  int64_t width = out.shape[1], choices = ids.shape[1];
  TRY(require(out.shape[0] == (op.getCombine() ? ids.shape[0] : ids.size()),
              "ids and init do not fit each other"));
  std::vector<float> y;
  TRY(multiply(e, op, x, ids, weight, width, y));
  if (!op.getCombine()) {
    std::copy(y.begin(), y.end(), out.data());
  } else {
    for (int64_t r = 0; r < out.shape[0]; ++r)
      combineExperts(y.data() + r * choices * width,
                     combine.data() + r * choices, size_t(choices),
                     size_t(width), out.data() + r * width);
    if (op.getAccumulate())
      for (int64_t i = 0; i < out.size(); ++i)
        out.data()[i] = out.data()[i] + residual.data()[i];
  }
  e.set(op.getResult(0), out);
  return {};
}

} // namespace

void reference::addExpertHandlers(Handlers &handlers) {
  on<xf::RouterOp>(handlers, router);
  on<xf::GroupedLinearOp>(handlers, groupedLinear);
}
