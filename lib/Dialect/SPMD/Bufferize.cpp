//===- Bufferize.cpp - One-shot bufferisation -----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// A phase is bufferised as a loop is: its outputs are written in place, block
// arguments are definitions of their own, and what it yields must be the buffer
// of the output. Tensor results disappear: after the phase the output holds
// them.

#include "espalier/Dialect/SPMD/SPMD.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace espalier::spmd;

namespace {

struct PhaseModel
    : BufferizableOpInterface::ExternalModel<PhaseModel, PhaseOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &state) const {
    return state.isValueRead(argument(op, operand));
  }

  bool bufferizesToMemoryWrite(Operation *op, OpOperand &operand,
                               const AnalysisState &) const {
    return isOutput(op, operand);
  }

  AliasingValueList getAliasingValues(Operation *op, OpOperand &operand,
                                      const AnalysisState &) const {
    auto phase = cast<PhaseOp>(op);
    if (!isOutput(op, operand))
      return {};
    unsigned output = operand.getOperandNumber() - phase.getInputs().size();
    for (auto [result, number] :
         llvm::zip_equal(phase.getResults(), phase.getResultOutputs()))
      if (number == output)
        return {{result, BufferRelation::Equivalent}};
    return {};
  }

  /// Inputs are read only: a write to one goes to a copy of the worker's own.
  bool isWritable(Operation *op, Value value, const AnalysisState &) const {
    auto argument = dyn_cast<BlockArgument>(value);
    return !argument ||
           argument.getArgNumber() >= cast<PhaseOp>(op).getInputs().size();
  }

  FailureOr<BufferLikeType>
  getBufferType(Operation *op, Value value, const BufferizationOptions &options,
                const BufferizationState &state,
                SmallVector<Value> &invocationStack) const {
    auto phase = cast<PhaseOp>(op);
    Value operand;
    if (auto argument = dyn_cast<BlockArgument>(value))
      operand = phase->getOperand(argument.getArgNumber());
    else
      operand =
          phase.getOutputs()[phase.getResultOutputs()[cast<OpResult>(value)
                                                          .getResultNumber()]];
    if (auto type = dyn_cast<BufferLikeType>(operand.getType()))
      return type;
    return bufferization::getBufferType(operand, options, state,
                                        invocationStack);
  }

  LogicalResult verifyAnalysis(Operation *op,
                               const AnalysisState &state) const {
    auto phase = cast<PhaseOp>(op);
    Operation *yield = phase.getBody().front().getTerminator();
    for (auto [value, number] :
         llvm::zip_equal(yield->getOperands(), phase.getResultOutputs()))
      if (isa<TensorType>(value.getType()) &&
          !state.areEquivalentBufferizedValues(value,
                                               phase.getOutputArgument(number)))
        return yield->emitOpError("value of output #")
               << number << " is not the buffer of the output: it must be "
               << "written in place";
    return success();
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto phase = cast<PhaseOp>(op);
    SmallVector<Value> operands;
    for (Value operand : phase->getOperands()) {
      if (isa<TensorType>(operand.getType())) {
        FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
        if (failed(buffer))
          return failure();
        operand = *buffer;
      }
      operands.push_back(operand);
    }
    unsigned inputs = phase.getInputs().size();
    SmallVector<Type> resultTypes;
    for (Type type : phase.getResultTypes())
      if (!isa<TensorType>(type))
        resultTypes.push_back(type);

    Location loc = phase.getLoc();
    auto onBuffers = PhaseOp::create(
        rewriter, loc, resultTypes, ArrayRef(operands).take_front(inputs),
        ArrayRef(operands).drop_front(inputs), phase.getLabelAttr());
    onBuffers->setDiscardableAttrs(phase->getDiscardableAttrDictionary());

    // Inside, tensors are read back from the new arguments until the ops that
    // use them are bufferised in turn.
    SmallVector<Location> locs(operands.size(), loc);
    Block *body = rewriter.createBlock(&onBuffers.getBody(), {},
                                       TypeRange(ValueRange(operands)), locs);
    SmallVector<Value> arguments;
    for (auto [before, after] : llvm::zip_equal(phase.getBody().getArguments(),
                                                body->getArguments())) {
      if (isa<TensorType>(before.getType()))
        arguments.push_back(
            ToTensorOp::create(rewriter, loc, before.getType(), after));
      else
        arguments.push_back(after);
    }
    rewriter.mergeBlocks(&phase.getBody().front(), body, arguments);

    SmallVector<Value> results;
    auto kept = onBuffers.getResults().begin();
    for (auto [result, number] :
         llvm::zip_equal(phase.getResults(), phase.getResultOutputs()))
      results.push_back(isa<TensorType>(result.getType())
                            ? operands[inputs + number]
                            : Value(*kept++));
    replaceOpWithBufferizedValues(rewriter, op, results);
    return success();
  }

private:
  static BlockArgument argument(Operation *op, OpOperand &operand) {
    return cast<PhaseOp>(op).getBody().getArgument(operand.getOperandNumber());
  }
  static bool isOutput(Operation *op, OpOperand &operand) {
    return operand.getOperandNumber() >= cast<PhaseOp>(op).getInputs().size();
  }
};

struct YieldModel
    : BufferizableOpInterface::ExternalModel<YieldModel, YieldOp> {
  bool bufferizesToMemoryRead(Operation *, OpOperand &,
                              const AnalysisState &) const {
    return true;
  }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &,
                               const AnalysisState &) const {
    return false;
  }
  AliasingValueList getAliasingValues(Operation *, OpOperand &,
                                      const AnalysisState &) const {
    return {};
  }
  bool mustBufferizeInPlace(Operation *, OpOperand &,
                            const AnalysisState &) const {
    return true;
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &,
                          BufferizationState &) const {
    SmallVector<Value> kept;
    for (Value value : op->getOperands())
      if (!isa<TensorType>(value.getType()))
        kept.push_back(value);
    rewriter.replaceOpWithNewOp<YieldOp>(op, kept);
    return success();
  }
};

} // namespace

void espalier::spmd::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, SPMDDialect *) {
    PhaseOp::attachInterface<PhaseModel>(*context);
    YieldOp::attachInterface<YieldModel>(*context);
  });
}
