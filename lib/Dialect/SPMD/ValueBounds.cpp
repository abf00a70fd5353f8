//===- ValueBounds.cpp - Bounds through the borders of a phase ------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Dialect/SPMD/SPMD.h"

#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace espalier::spmd;

namespace {

/// A block argument is the operand, a result the output that it replaces.
struct PhaseModel : ValueBoundsOpInterface::ExternalModel<PhaseModel, PhaseOp> {
  void populateBoundsForIndexValue(Operation *op, Value value,
                                   ValueBoundsConstraintSet &cstr) const {
    cstr.bound(value) == cstr.getExpr(source(cast<PhaseOp>(op), value));
  }
  void populateBoundsForShapedValueDim(Operation *op, Value value, int64_t dim,
                                       ValueBoundsConstraintSet &cstr) const {
    cstr.bound(value)[dim] ==
        cstr.getExpr(source(cast<PhaseOp>(op), value), dim);
  }

private:
  static Value source(PhaseOp phase, Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return phase->getOperand(argument.getArgNumber());
    unsigned output =
        phase.getResultOutputs()[cast<OpResult>(value).getResultNumber()];
    return phase.getOutputs()[output];
  }
};

} // namespace

void espalier::spmd::registerValueBoundsOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, SPMDDialect *) {
    PhaseOp::attachInterface<PhaseModel>(*context);
  });
}
