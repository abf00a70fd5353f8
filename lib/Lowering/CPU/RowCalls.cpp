//===- RowCalls.cpp - Norms and pointwise ops as calls ----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelPattern.h"

using namespace mlir;

namespace espalier::cpu {
namespace {

/// What the patterns of norms share.
template <typename Op> struct NormPattern : KernelPattern<Op> {
  using KernelPattern<Op>::KernelPattern;

  /// Elements of a segment; bytes from a segment's weights to the next one's.
  struct Segment {
    Value size, weightStep;
  };
  Segment segment(Op op, Value columns, Emit &emit) const {
    if (!op.getSegment())
      return {columns, emit.i64(0)};
    int64_t size = int64_t(*op.getSegment());
    int64_t weights = cast<MemRefType>(op.getWeight().getType()).getDimSize(0);
    return {emit.i64(size), emit.i64(weights == size ? 0 : 4 * size)};
  }
};

struct LowerRmsNorm : NormPattern<xf::RmsNormOp> {
  using NormPattern::NormPattern;
  LogicalResult
  matchAndRewrite(xf::RmsNormOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    auto operands = inOut(op, adaptor, emit);
    FailureOr<Value> w = vector(op, op.getWeight(), adaptor.getWeight(), emit);
    if (failed(operands) || failed(w))
      return failure();
    auto &[x, out] = *operands;
    Segment run = segment(op, out.columns, emit);
    return call(op, {Kernel::RmsNorm},
                {x.pointer, x.stride, *w, run.weightStep, out.pointer,
                 out.stride, out.rows, out.columns, run.size,
                 emit.i64(op.getAccumulate()),
                 constant(emit, op.getEps().convertToFloat())},
                rewriter);
  }
};

struct LowerLayerNorm : NormPattern<xf::LayerNormOp> {
  using NormPattern::NormPattern;
  LogicalResult
  matchAndRewrite(xf::LayerNormOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    auto operands = inOut(op, adaptor, emit);
    FailureOr<Value> w = vector(op, op.getWeight(), adaptor.getWeight(), emit);
    FailureOr<Value> bias = vector(op, op.getBias(), adaptor.getBias(), emit);
    if (failed(operands) || failed(w) || failed(bias))
      return failure();
    auto &[x, out] = *operands;
    Segment run = segment(op, out.columns, emit);
    return call(op, {Kernel::LayerNorm},
                {x.pointer, x.stride, *w, *bias, run.weightStep, out.pointer,
                 out.stride, out.rows, out.columns, run.size,
                 constant(emit, op.getEps().convertToFloat())},
                rewriter);
  }
};

Function functionOf(xf::Activation activation) {
  switch (activation) {
  case xf::Activation::Silu:
    return Function::Silu;
  case xf::Activation::Gelu:
    return Function::Gelu;
  case xf::Activation::GeluTanh:
    return Function::GeluTanh;
  case xf::Activation::Relu:
    return Function::Relu;
  case xf::Activation::ReluSquared:
    return Function::ReluSquared;
  }
  return Function::Silu;
}

struct LowerGlu : KernelPattern<xf::GluOp> {
  using KernelPattern::KernelPattern;
  LogicalResult
  matchAndRewrite(xf::GluOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    FailureOr<Rows> gate = rows(op, op.getGate(), adaptor.getGate(), emit);
    FailureOr<Rows> up = rows(op, op.getUp(), adaptor.getUp(), emit);
    FailureOr<Rows> out = rows(op, op.getInit(), adaptor.getInit(), emit);
    if (failed(gate) || failed(up) || failed(out))
      return failure();
    KernelKey key{Kernel::Glu};
    key.function = functionOf(op.getActivation());
    return call(op, key,
                {gate->pointer, gate->stride, up->pointer, up->stride,
                 out->pointer, out->stride, out->rows, out->columns},
                rewriter);
  }
};

/// What a pointwise op of one operand computes, and its constant.
struct Pointwise {
  Function function;
  float constant;
};
Pointwise pointwiseOf(xf::ActivationOp op) {
  return {functionOf(op.getActivation()), 0};
}
Pointwise pointwiseOf(xf::ScaleOp op) {
  return {op.getAccumulate() ? Function::ScaleAdd : Function::Scale,
          op.getFactor().convertToFloat()};
}
Pointwise pointwiseOf(xf::SoftCapOp op) {
  return {Function::SoftCap, op.getCap().convertToFloat()};
}

template <typename Op> struct LowerPointwise : KernelPattern<Op> {
  using KernelPattern<Op>::KernelPattern;
  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    auto operands = this->inOut(op, adaptor, emit);
    if (failed(operands))
      return failure();
    auto &[x, out] = *operands;
    Pointwise what = pointwiseOf(op);
    KernelKey key{Kernel::Pointwise};
    key.function = what.function;
    return this->call(op, key,
                      {x.pointer, x.stride, out.pointer, out.stride, out.rows,
                       out.columns, this->constant(emit, what.constant)},
                      rewriter);
  }
};

} // namespace

void populateRowCallPatterns(const LLVMTypeConverter &converter,
                             RewritePatternSet &patterns) {
  patterns.add<LowerGlu, LowerLayerNorm, LowerPointwise<xf::ActivationOp>,
               LowerPointwise<xf::ScaleOp>, LowerPointwise<xf::SoftCapOp>,
               LowerRmsNorm>(converter);
}

} // namespace espalier::cpu
