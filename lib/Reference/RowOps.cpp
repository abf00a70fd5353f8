//===- RowOps.cpp - Norms and pointwise ops -------------------------------===//
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

#include "espalier/Support/Elementary.h"
#include "espalier/Support/Half.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

namespace {

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// The runs of elements that a norm works on: `size` each, and the weight's
/// first element of each.
struct Segments {
  int64_t count, size, weightStep;
};

template <typename NormOp>
Result<Segments> segmentsOf(NormOp op, const Tensor &x, const Tensor &weight) {
  int64_t width = x.shape[1];
  int64_t size = op.getSegment() ? int64_t(*op.getSegment()) : width;
  bool perColumn = weight.shape[0] == width;
  if (width % size || (!perColumn && weight.shape[0] != size))
    return Error{"x, segment and weight do not fit each other"};
  return Segments{width / size, size, perColumn ? size : 0};
}

/// Entry 8.
Status rmsNormOp(Evaluator &e, xf::RmsNormOp op) {
  TRY_LET(x, e.input(op.getX()));
  TRY_LET(weight, e.input(op.getWeight()));
  Tensor init;
  if (op.getAccumulate()) {
    TRY_LET(elements, e.input(op.getInit()));
    init = elements;
  }
  TRY_LET(y, e.output(op.getInit()));
  TRY(require(x.shape == y.shape, "x and init do not fit each other"));
  TRY_LET(segments, segmentsOf(op, x, weight));
  float eps = op.getEps().convertToFloat();
  for (int64_t i = 0; i < x.shape[0] * segments.count; ++i) {
    int64_t at = i * segments.size;
    rmsNorm(x.data() + at,
            weight.data() + i % segments.count * segments.weightStep,
            segments.size, eps, op.getAccumulate() ? init.data() + at : nullptr,
            y.data() + at);
  }
  e.set(op.getResult(0), y);
  return {};
}

/// Entry 21.
Status layerNormOp(Evaluator &e, xf::LayerNormOp op) {
  TRY_LET(x, e.input(op.getX()));
  TRY_LET(weight, e.input(op.getWeight()));
  Tensor bias;
  if (op.getBias()) {
    TRY_LET(elements, e.input(op.getBias()));
    bias = elements;
    TRY(require(bias.shape == weight.shape,
                "weight and bias do not fit each other"));
  }
  TRY_LET(y, e.output(op.getInit()));
  TRY(require(x.shape == y.shape, "x and init do not fit each other"));
  TRY_LET(segments, segmentsOf(op, x, weight));
  float eps = op.getEps().convertToFloat();
  for (int64_t i = 0; i < x.shape[0] * segments.count; ++i) {
    int64_t at = i * segments.size;
    int64_t place = i % segments.count * segments.weightStep;
    layerNorm(x.data() + at, weight.data() + place,
              op.getBias() ? bias.data() + place : nullptr, segments.size, eps,
              y.data() + at);
  }
  e.set(op.getResult(0), y);
  return {};
}

//===----------------------------------------------------------------------===//
// Pointwise
//===----------------------------------------------------------------------===//

/// Entry 12.
float activate(xf::Activation activation, float x) {
  switch (activation) {
  case xf::Activation::Silu:
    return siluExact(x);
  case xf::Activation::Gelu:
    return geluExact(x);
  case xf::Activation::GeluTanh:
    return geluTanhExact(x);
  case xf::Activation::Relu:
    return relu(x);
  case xf::Activation::ReluSquared:
    return reluSquared(x);
  }
  return x;
}

/// y[i] = function(x[i], i) of an op with one operand.
template <typename UnaryOp, typename Function>
Status unary(Evaluator &e, UnaryOp op, Function function) {
  TRY_LET(x, e.input(op.getX()));
  TRY_LET(y, e.output(op.getInit()));
  TRY(require(x.shape == y.shape, "x and init do not fit each other"));
  for (int64_t i = 0; i < x.size(); ++i)
    y.data()[i] = function(x.data()[i], i);
  e.set(op.getResult(0), y);
  return {};
}

Status activationOp(Evaluator &e, xf::ActivationOp op) {
  return unary(
      e, op, [&](float x, int64_t) { return activate(op.getActivation(), x); });
}

/// Entry 26.
Status roundOp(Evaluator &e, xf::RoundOp op) {
  TRY_LET(x, e.input(op.getX()));
  TRY_LET(y, e.output(op.getInit()));
  TRY(require(x.shape == y.shape, "x and init do not fit each other"));
  for (int64_t i = 0; i < x.size(); ++i)
    y.data<uint16_t>()[i] = floatToBf16(x.data()[i]);
  e.set(op.getResult(0), y);
  return {};
}

/// Entry 22.
Status scaleOp(Evaluator &e, xf::ScaleOp op) {
  float factor = op.getFactor().convertToFloat();
  if (!op.getAccumulate())
    return unary(e, op,
                 [&](float x, int64_t) { return scale(x, factor, nullptr); });
  TRY_LET(init, e.input(op.getInit()));
  return unary(e, op, [&](float x, int64_t i) {
    return scale(x, factor, init.data() + i);
  });
}

/// Entry 22.
Status softCapOp(Evaluator &e, xf::SoftCapOp op) {
  float cap = op.getCap().convertToFloat();
  return unary(e, op, [&](float x, int64_t) { return softCap(x, cap); });
}

/// Entry 12.
Status gluOp(Evaluator &e, xf::GluOp op) {
  TRY_LET(gate, e.input(op.getGate()));
  TRY_LET(up, e.input(op.getUp()));
  TRY_LET(y, e.output(op.getInit()));
  TRY(require(gate.shape == y.shape && up.shape == y.shape,
              "gate, up and init do not fit each other"));
  for (int64_t i = 0; i < y.size(); ++i) {
    float activated = activate(op.getActivation(), gate.data()[i]);
    y.data()[i] = activated * up.data()[i];
  }
  e.set(op.getResult(0), y);
  return {};
}

} // namespace

void reference::addRowHandlers(Handlers &handlers) {
  on<xf::ActivationOp>(handlers, activationOp);
  on<xf::GluOp>(handlers, gluOp);
  on<xf::LayerNormOp>(handlers, layerNormOp);
  on<xf::RmsNormOp>(handlers, rmsNormOp);
  on<xf::RoundOp>(handlers, roundOp);
  on<xf::ScaleOp>(handlers, scaleOp);
  on<xf::SoftCapOp>(handlers, softCapOp);
}
