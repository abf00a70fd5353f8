//===- KernelPattern.h - An op as a call of a micro-kernel ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The parameters of each call stand in the order of the table in
/// MicroKernels.h.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_LOWERING_CPU_KERNELPATTERN_H
#define ESPALIER_LIB_LOWERING_CPU_KERNELPATTERN_H

#include "Patterns.h"

#include "espalier/Dialect/XF/XF.h"

namespace espalier::cpu {

using namespace mlir;

/// A memref operand as a kernel sees it.
struct Rows {
  Value pointer;
  /// Bytes from one row (or panel row) to the next.
  Value stride;
  Value rows, columns;
};

/// Partial results [blocks][rows][elements]; or rows alone, without the block's
/// fields.
struct Blocks {
  Value pointer;
  /// Bytes from one row, and from one block, to the next.
  Value stride, blockStride;
  Value blocks;
};

inline uint64_t panelOrElementBytes(Type type) {
  if (auto panel = dyn_cast<xf::PanelType>(type))
    return panel.getBytes();
  return type.getIntOrFloatBitWidth() / 8;
}

/// What the patterns share: addresses of operands, and the call.
template <typename Op> class KernelPattern : public ConvertOpToLLVMPattern<Op> {
public:
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;
  using Adaptor = typename Op::Adaptor;

protected:
  /// The memref `value`, converted to `descriptor`, of rank 2. Fails where its
  /// rows are not contiguous.
  FailureOr<Rows> rows(Operation *op, Value value, Value descriptor,
                       Emit &emit) const {
    auto type = dyn_cast<MemRefType>(value.getType());
    SmallVector<int64_t> strides;
    int64_t offset;
    if (!type || type.getRank() != 2 ||
        failed(type.getStridesAndOffset(strides, offset)) || strides[1] != 1)
      return op->emitOpError("needs operands of rank 2 in memory whose "
                             "innermost stride is one");
    MemRefDescriptor memory(descriptor);
    Value bytes = emit.i64(int64_t(panelOrElementBytes(type.getElementType())));
    auto size = [&](unsigned i) {
      return type.isDynamicDim(i) ? memory.size(emit.b, emit.loc, i)
                                  : emit.i64(type.getDimSize(i));
    };
    Value stride = ShapedType::isDynamic(strides[0])
                       ? memory.stride(emit.b, emit.loc, 0)
                       : emit.i64(strides[0]);
    return Rows{
        memory.bufferPtr(emit.b, emit.loc, *this->getTypeConverter(), type),
        emit.mul(stride, bytes), size(0), size(1)};
  }

  /// The memref `value`, converted to `descriptor`, of rank 2 or 3.
  FailureOr<Blocks> blocks(Operation *op, Value value, Value descriptor,
                           Emit &emit) const {
    auto type = dyn_cast<MemRefType>(value.getType());
    if (type && type.getRank() == 2) {
      FailureOr<Rows> matrix = rows(op, value, descriptor, emit);
      if (failed(matrix))
        return failure();
      return Blocks{matrix->pointer, matrix->stride, Value(), Value()};
    }
    SmallVector<int64_t> strides;
    int64_t offset;
    if (!type || type.getRank() != 3 ||
        failed(type.getStridesAndOffset(strides, offset)) || strides[2] != 1)
      return op->emitOpError("needs partial results of rank 3 in memory whose "
                             "innermost stride is one");
    MemRefDescriptor memory(descriptor);
    Value bytes = emit.i64(int64_t(panelOrElementBytes(type.getElementType())));
    auto stride = [&](unsigned i) {
      Value elements = ShapedType::isDynamic(strides[i])
                           ? memory.stride(emit.b, emit.loc, i)
                           : emit.i64(strides[i]);
      return emit.mul(elements, bytes);
    };
    Value count = type.isDynamicDim(0) ? memory.size(emit.b, emit.loc, 0)
                                       : emit.i64(type.getDimSize(0));
    return Blocks{
        memory.bufferPtr(emit.b, emit.loc, *this->getTypeConverter(), type),
        stride(1), stride(0), count};
  }

  /// The address of a contiguous vector; null for no value.
  FailureOr<Value> vector(Operation *op, Value value, Value descriptor,
                          Emit &emit) const {
    if (!value)
      return LLVM::ZeroOp::create(emit.b, emit.loc, emit.ptr()).getResult();
    auto type = dyn_cast<MemRefType>(value.getType());
    SmallVector<int64_t> strides;
    int64_t offset;
    if (!type || type.getRank() != 1 || !type.getElementType().isF32() ||
        failed(type.getStridesAndOffset(strides, offset)) || strides[0] != 1)
      return op->emitOpError("needs norm weights and biases to be contiguous "
                             "float32 vectors");
    return MemRefDescriptor(descriptor)
        .bufferPtr(emit.b, emit.loc, *this->getTypeConverter(), type);
  }

  /// The panel type of a weight matrix.
  FailureOr<xf::PanelType> panels(Operation *op, Value weight) const {
    auto type = dyn_cast<MemRefType>(weight.getType());
    auto panel =
        type ? dyn_cast<xf::PanelType>(type.getElementType()) : xf::PanelType();
    if (!panel || panel.getColumns() != 16)
      return op->emitOpError("needs weights in panels of 16 columns, got ")
             << weight.getType() << " (run 'xf-pack-weights' first)";
    return panel;
  }

  Value constant(Emit &emit, float value) const {
    return LLVM::ConstantOp::create(emit.b, emit.loc, emit.b.getF32Type(),
                                    emit.b.getF32FloatAttr(value));
  }

  LogicalResult call(Op op, const KernelKey &key, ArrayRef<Value> arguments,
                     ConversionPatternRewriter &rewriter) const {
    auto module = op->template getParentOfType<ModuleOp>();
    LLVM::LLVMFuncOp kernel = declareKernel(rewriter, module, key);
    LLVM::CallOp::create(rewriter, op.getLoc(), kernel, arguments);
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace espalier::cpu

#endif // ESPALIER_LIB_LOWERING_CPU_KERNELPATTERN_H
