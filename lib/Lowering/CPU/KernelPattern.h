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

/// An operand in memory whose innermost stride is one.
class Memory {
public:
  /// `descriptor` is `value`, converted. None where it is no such memory of
  /// rank `rank`.
  static std::optional<Memory> of(Value value, Value descriptor, int64_t rank,
                                  const LLVMTypeConverter &converter,
                                  Emit &emit) {
    auto type = dyn_cast<MemRefType>(value.getType());
    SmallVector<int64_t> strides;
    int64_t offset;
    if (!type || type.getRank() != rank ||
        failed(type.getStridesAndOffset(strides, offset)) ||
        strides.back() != 1)
      return std::nullopt;
    return Memory(type, descriptor, strides, converter, emit);
  }

  Type element() const { return type.getElementType(); }
  Value pointer() {
    return descriptor.bufferPtr(emit.b, emit.loc, converter, type);
  }
  Value size(unsigned dim) {
    return type.isDynamicDim(dim) ? descriptor.size(emit.b, emit.loc, dim)
                                  : emit.i64(type.getDimSize(dim));
  }
  /// Bytes from one index of a dimension to the next.
  Value stride(unsigned dim) {
    Value elements = ShapedType::isDynamic(strides[dim])
                         ? descriptor.stride(emit.b, emit.loc, dim)
                         : emit.i64(strides[dim]);
    return emit.mul(elements,
                    emit.i64(int64_t(panelOrElementBytes(element()))));
  }

private:
  Memory(MemRefType type, Value descriptor, ArrayRef<int64_t> strides,
         const LLVMTypeConverter &converter, Emit &emit)
      : type(type), descriptor(descriptor), strides(strides),
        converter(converter), emit(emit) {}

  MemRefType type;
  MemRefDescriptor descriptor;
  SmallVector<int64_t> strides;
  const LLVMTypeConverter &converter;
  Emit &emit;
};

/// What the patterns share: addresses of operands, and the call.
template <typename Op> class KernelPattern : public ConvertOpToLLVMPattern<Op> {
public:
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;
  using Adaptor = typename Op::Adaptor;

protected:
  /// The memref `value`, converted to `descriptor`, of rank `rank`.
  FailureOr<Memory> memory(Operation *op, Value value, Value descriptor,
                           int64_t rank, Emit &emit) const {
    std::optional<Memory> memory =
        Memory::of(value, descriptor, rank, *this->getTypeConverter(), emit);
    if (!memory)
      return op->emitOpError("needs operands of rank ")
             << rank << " in memory whose innermost stride is one";
    return *memory;
  }

  /// The same of rank 2, as rows.
  FailureOr<Rows> rows(Operation *op, Value value, Value descriptor,
                       Emit &emit) const {
    FailureOr<Memory> matrix = memory(op, value, descriptor, 2, emit);
    if (failed(matrix))
      return failure();
    return Rows{matrix->pointer(), matrix->stride(0), matrix->size(0),
                matrix->size(1)};
  }

  /// Operand x and the destination of an op that has both.
  struct InOut {
    Rows x, out;
  };
  FailureOr<InOut> inOut(Op op, Adaptor adaptor, Emit &emit) const {
    FailureOr<Rows> x = rows(op, op.getX(), adaptor.getX(), emit);
    FailureOr<Rows> out = rows(op, op.getInit(), adaptor.getInit(), emit);
    if (failed(x) || failed(out))
      return failure();
    return InOut{*x, *out};
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
    FailureOr<Memory> partials = memory(op, value, descriptor, 3, emit);
    if (failed(partials))
      return failure();
    return Blocks{partials->pointer(), partials->stride(1), partials->stride(0),
                  partials->size(0)};
  }

  /// The address of a contiguous vector; null for no value.
  FailureOr<Value> vector(Operation *op, Value value, Value descriptor,
                          Emit &emit) const {
    if (!value)
      return LLVM::ZeroOp::create(emit.b, emit.loc, emit.ptr()).getResult();
    std::optional<Memory> memory =
        Memory::of(value, descriptor, 1, *this->getTypeConverter(), emit);
    if (!memory || !memory->element().isF32())
      return op->emitOpError("needs norm weights and biases to be contiguous "
                             "float32 vectors");
    return memory->pointer();
  }

  /// The address of the working memory that xf-plan-scratch gave the op.
  FailureOr<Value> scratch(Op op, Emit &emit) const {
    auto begin = op->template getAttrOfType<IntegerAttr>(scratchAttrName);
    if (!begin)
      return op.emitOpError(
          "has no scratch memory (run 'xf-plan-scratch' first)");
    return emit.at(stepArgument(op, Scratch), begin.getInt());
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

  /// The key of a kernel that reads weights, and of one that multiplies them
  /// with the rows `x`.
  KernelKey weightKey(Kernel kernel, xf::PanelType panel) const {
    KernelKey key{kernel};
    key.weights = panel.getEncoding();
    key.group = panel.getGroup();
    return key;
  }
  KernelKey productKey(Kernel kernel, xf::PanelType panel, Value x) const {
    KernelKey key = weightKey(kernel, panel);
    Type element = cast<MemRefType>(x.getType()).getElementType();
    if (auto rowPanel = dyn_cast<xf::PanelType>(element))
      key.activations = rowPanel.getEncoding();
    return key;
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
