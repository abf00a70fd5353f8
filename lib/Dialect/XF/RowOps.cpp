//===- RowOps.cpp - Verifiers of norms and pointwise ops ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The numbers in the comments are those of the ops' descriptions.

#include "OpSupport.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::xf;

DESTINATION_EFFECTS(ActivationOp)
DESTINATION_EFFECTS(GluOp)
DESTINATION_EFFECTS(LayerNormOp)
DESTINATION_EFFECTS(RmsNormOp)
DESTINATION_EFFECTS(RoundOp)
DESTINATION_EFFECTS(ScaleOp)
DESTINATION_EFFECTS(SoftCapOp)

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// Constraints C1 to C4 of `xf.rms_norm` and `xf.layer_norm`.
template <typename NormOp> static LogicalResult verifyNorm(NormOp op) {
  // rms_norm_c1, layer_norm_c1
  if (!sameMatrix(op.getX(), op.getInit()))
    return op.emitOpError("x and init must be [R, K] of the same shape, but "
                          "are ")
           << op.getX().getType() << " and " << op.getInit().getType();
  // rms_norm_c4, layer_norm_c4
  std::optional<int64_t> segment;
  if (op.getSegment())
    segment = int64_t(*op.getSegment());
  if (segment && (*segment < 1 || !isWholeHeads(op.getX(), *segment)))
    return op.emitOpError("segment must be positive and divide K = ")
           << featuresOf(op.getX()) << ", but is " << *segment;
  // rms_norm_c2, layer_norm_c2
  if (!isVector(op.getWeight(), featuresOf(op.getX())) &&
      !(segment && isVector(op.getWeight(), *segment)))
    return op.emitOpError("the weight must be f32 [K] with the K of x")
           << (segment ? ", or [segment]" : "") << ", but is "
           << op.getWeight().getType();
  // rms_norm_c3, layer_norm_c3
  if (!isPositive(op.getEps()))
    return op.emitOpError("eps must be finite and positive, but is ")
           << op.getEps().convertToFloat();
  return success();
}

LogicalResult RmsNormOp::verify() { return verifyNorm(*this); }

LogicalResult LayerNormOp::verify() {
  if (failed(verifyNorm(*this)))
    return failure();
  // layer_norm_c5
  if (getBias() && (!isVector(getBias(), ShapedType::kDynamic) ||
                    !sameSize(rowsOf(getBias()), rowsOf(getWeight()))))
    return emitOpError("the bias must be f32 of the weight's size, but is ")
           << getBias().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Pointwise
//===----------------------------------------------------------------------===//

LogicalResult GluOp::verify() {
  // glu_c1
  if (!sameMatrix(getGate(), getUp()) || !sameMatrix(getGate(), getInit()))
    return emitOpError(
               "gate, up and init must be [R, N] of the same shape, but are ")
           << getGate().getType() << ", " << getUp().getType() << " and "
           << getInit().getType();
  return success();
}

/// activation_c1, scale_c1, soft_cap_c1
static LogicalResult verifyUnary(Operation *op, Value x, Value init) {
  if (!sameMatrix(x, init))
    return op->emitOpError(
               "x and init must be [R, N] of the same shape, but are ")
           << x.getType() << " and " << init.getType();
  return success();
}

LogicalResult ActivationOp::verify() {
  return verifyUnary(*this, getX(), getInit());
}

LogicalResult RoundOp::verify() {
  // round_c1
  if (!shapedType(getInit()).getElementType().isBF16())
    return emitOpError("init must be of bf16, but is ") << getInit().getType();
  return verifyUnary(*this, getX(), getInit());
}

LogicalResult ScaleOp::verify() {
  // scale_c2
  if (!getFactor().isFinite())
    return emitOpError("factor must be finite, but is ")
           << getFactor().convertToFloat();
  return verifyUnary(*this, getX(), getInit());
}

LogicalResult SoftCapOp::verify() {
  // soft_cap_c2
  if (!isPositive(getCap()))
    return emitOpError("cap must be finite and positive, but is ")
           << getCap().convertToFloat();
  return verifyUnary(*this, getX(), getInit());
}
