//===- Bufferize.cpp - One-shot bufferisation -----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// On memrefs the ops are the same, without results. `init` is read only where
// the result is added to it; weights are never written, so a write to one would
// be a write to a copy.

#include "espalier/Dialect/XF/XF.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace espalier;
using namespace espalier::xf;

namespace {

/// The operands of `op`, the tensors among them as buffers.
FailureOr<SmallVector<Value>>
getOperandBuffers(Operation *op, RewriterBase &rewriter,
                  const BufferizationOptions &opts, BufferizationState &state) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    if (isa<TensorType>(operand.getType())) {
      FailureOr<Value> buffer = getBuffer(rewriter, operand, opts, state);
      if (failed(buffer))
        return failure();
      operand = *buffer;
    }
    operands.push_back(operand);
  }
  return operands;
}

/// An op that writes its result to `init`.
template <typename OpTy>
struct DestinationModel
    : DstBufferizableOpInterfaceExternalModel<DestinationModel<OpTy>, OpTy> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand) ||
           readsInit(op);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    FailureOr<SmallVector<Value>> operands =
        getOperandBuffers(op, rewriter, options, state);
    if (failed(operands))
      return failure();
    unsigned init = cast<OpTy>(op).getDpsInitOperand(0)->getOperandNumber();
    clone(rewriter, op, TypeRange(), *operands);
    replaceOpWithBufferizedValues(rewriter, op, (*operands)[init]);
    return success();
  }
};

/// Two results, two destinations.
struct RouterModel
    : DstBufferizableOpInterfaceExternalModel<RouterModel, RouterOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    FailureOr<SmallVector<Value>> operands =
        getOperandBuffers(op, rewriter, options, state);
    if (failed(operands))
      return failure();
    clone(rewriter, op, TypeRange(), *operands);
    replaceOpWithBufferizedValues(rewriter, op,
                                  ArrayRef(*operands).take_back(2));
    return success();
  }
};

/// An op that only reads its tensors and gives none.
template <typename OpTy>
struct ReaderModel
    : BufferizableOpInterface::ExternalModel<ReaderModel<OpTy>, OpTy> {
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
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    FailureOr<SmallVector<Value>> operands =
        getOperandBuffers(op, rewriter, options, state);
    if (failed(operands))
      return failure();
    Operation *onBuffers = clone(rewriter, op, op->getResultTypes(), *operands);
    rewriter.replaceOp(op, onBuffers->getResults());
    return success();
  }
};

struct WeightRefModel
    : BufferizableOpInterface::ExternalModel<WeightRefModel, WeightRefOp> {
  bool isWritable(Operation *, Value, const AnalysisState &) const {
    return false;
  }
  FailureOr<BufferLikeType> getBufferType(Operation *, Value value,
                                          const BufferizationOptions &,
                                          const BufferizationState &,
                                          SmallVector<Value> &) const {
    return cast<BufferLikeType>(getMemRefTypeWithStaticIdentityLayout(
        cast<TensorType>(value.getType())));
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &,
                          BufferizationState &) const {
    auto ref = cast<WeightRefOp>(op);
    Type type = getMemRefTypeWithStaticIdentityLayout(
        cast<TensorType>(ref.getResult().getType()));
    replaceOpWithNewBufferizedOp<WeightRefOp>(
        rewriter, op, type, ref.getWeightAttr(), ref.getLayer());
    return success();
  }
};

template <template <typename> class Model, typename... Ops>
void attach(MLIRContext *context) {
  (Ops::template attachInterface<Model<Ops>>(*context), ...);
}

} // namespace

void xf::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, XFDialect *) {
    attach<DestinationModel, ActivationOp, AttentionMergeOp, AttentionOp,
           AttentionPartialsOp, EmbeddingOp, GluOp, GroupedLinearOp,
           LayerNormOp, LinearOp, LogitsOp, PositionEmbeddingOp,
           QuantizeActivationsOp, RmsNormOp, RopeOp, RoundOp, ScaleOp,
           SelectRowsOp, SoftCapOp>(context);
    attach<ReaderModel, KVAppendOp, KVCommitOp, TapOp>(context);
    RouterOp::attachInterface<RouterModel>(*context);
    WeightRefOp::attachInterface<WeightRefModel>(*context);
  });
}
