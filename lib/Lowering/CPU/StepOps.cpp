//===- StepOps.cpp - Rows, weights, arenas and meetings -------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelPattern.h"

#include "espalier/Dialect/CPU/CPU.h"
#include "espalier/Dialect/SPMD/SPMD.h"
#include "espalier/Dialect/XF/XF.h"
#include "espalier/descriptor.h"

using namespace mlir;

namespace espalier::cpu {

Value stepArgument(Operation *op, StepArgument which) {
  return op->getParentOfType<LLVM::LLVMFuncOp>().getArgument(which);
}

Type Emit::ptr() const { return LLVM::LLVMPointerType::get(b.getContext()); }

Value Emit::i64(int64_t value) const {
  return LLVM::ConstantOp::create(b, loc, b.getI64Type(), value);
}

Value Emit::add(Value a, Value x) const {
  return b.createOrFold<LLVM::AddOp>(loc, a, x);
}

Value Emit::mul(Value a, Value x) const {
  return b.createOrFold<LLVM::MulOp>(loc, a, x);
}

Value Emit::divide(Value a, int64_t by) const {
  return LLVM::UDivOp::create(b, loc, a, i64(by));
}

Value Emit::at(Value base, Value bytes) const {
  return LLVM::GEPOp::create(b, loc, ptr(), b.getI8Type(), base,
                             ArrayRef<LLVM::GEPArg>{bytes});
}

Value Emit::at(Value base, int64_t bytes) const {
  return bytes == 0 ? base : at(base, i64(bytes));
}

Value Emit::field(Value args, size_t offset, Type type) const {
  return LLVM::LoadOp::create(b, loc, type, at(args, int64_t(offset)));
}

Value Emit::count(Value args, size_t offset) const {
  return LLVM::ZExtOp::create(b, loc, b.getI64Type(),
                              field(args, offset, b.getI32Type()));
}

Value Emit::memref(const LLVMTypeConverter &converter, MemRefType type,
                   Value pointer, ValueRange dynamicSizes) const {
  auto descriptor =
      MemRefDescriptor::poison(b, loc, converter.convertType(type));
  descriptor.setAllocatedPtr(b, loc, pointer);
  descriptor.setAlignedPtr(b, loc, pointer);
  descriptor.setConstantOffset(b, loc, 0);
  Value stride = i64(1);
  for (int64_t i = type.getRank() - 1; i >= 0; --i) {
    unsigned dynamic = type.getDynamicDimIndex(i);
    Value size =
        type.isDynamicDim(i) ? dynamicSizes[dynamic] : i64(type.getDimSize(i));
    descriptor.setSize(b, loc, i, size);
    descriptor.setStride(b, loc, i, stride);
    if (i > 0)
      stride = mul(stride, size);
  }
  return descriptor;
}

Value prefetchWindow(Operation *op, const Emit &emit) {
  if (auto at = op->getAttrOfType<IntegerAttr>(prefetchAttrName))
    return emit.at(stepArgument(op, Scratch), at.getInt());
  return LLVM::ZeroOp::create(emit.b, emit.loc, emit.ptr());
}

namespace {

struct LowerRowsCount : ConvertOpToLLVMPattern<xf::RowsCountOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(xf::RowsCountOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    // The size of a slice is known where the slice is made.
    if (auto slice = op.getRows().getDefiningOp<xf::RowsSliceOp>()) {
      rewriter.replaceOp(op, slice.getSize());
      return success();
    }
    Emit emit(rewriter, op.getLoc());
    rewriter.replaceOp(op, emit.count(stepArgument(op, Args),
                                      offsetof(espalier_step_args, rows)));
    return success();
  }
};

struct LowerBlockCount : ConvertOpToLLVMPattern<xf::BlockCountOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(xf::BlockCountOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    rewriter.replaceOp(op, emit.field(stepArgument(op, Args),
                                      offsetof(espalier_step_args, block_count),
                                      rewriter.getI64Type()));
    return success();
  }
};

struct LowerWantedCount : ConvertOpToLLVMPattern<xf::WantedCountOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(xf::WantedCountOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    rewriter.replaceOp(op,
                       emit.count(stepArgument(op, Args),
                                  offsetof(espalier_step_args, wanted_count)));
    return success();
  }
};

struct LowerRowsSlice : ConvertOpToLLVMPattern<xf::RowsSliceOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(xf::RowsSliceOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    rewriter.replaceOp(op, emit.add(adaptor.getRows(), adaptor.getOffset()));
    return success();
  }
};

struct LowerWeightRef : ConvertOpToLLVMPattern<xf::WeightRefOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(xf::WeightRefOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<MemRefType>(op.getResult().getType());
    if (!type || !type.hasStaticShape() || !type.getLayout().isIdentity())
      return rewriter.notifyMatchFailure(op, "not a static memref");
    auto layout =
        op->getParentOfType<ModuleOp>()->getAttrOfType<DictionaryAttr>(
            "xf.weight_layout");
    auto place = layout ? layout.getAs<DenseI64ArrayAttr>(op.getWeight())
                        : DenseI64ArrayAttr();
    if (!place || place.size() != 2)
      return op.emitOpError("names a weight without a place in the module's "
                            "'xf.weight_layout'");
    Emit emit(rewriter, op.getLoc());
    Value base = emit.field(stepArgument(op, Args),
                            offsetof(espalier_step_args, weights), emit.ptr());
    Value address = emit.at(base, place[0]);
    if (adaptor.getLayer())
      address =
          emit.at(address, emit.mul(adaptor.getLayer(), emit.i64(place[1])));
    rewriter.replaceOp(op, emit.memref(*getTypeConverter(), type, address, {}));
    return success();
  }
};

struct LowerBuffer : ConvertOpToLLVMPattern<spmd::BufferOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(spmd::BufferOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    Value arena = stepArgument(op, Scratch);
    Value args = stepArgument(op, Args);
    Value offset = emit.i64(int64_t(op.getOffset()));
    if (op.getSpace() == spmd::Space::Shared)
      arena =
          emit.field(args, offsetof(espalier_step_args, shared), emit.ptr());
    if (op.getSpace() == spmd::Space::Blocks) {
      arena =
          emit.field(args, offsetof(espalier_step_args, blocks), emit.ptr());
      Value rows = emit.field(args, offsetof(espalier_step_args, kv_capacity),
                              rewriter.getI64Type());
      offset = emit.mul(emit.divide(rows, 64), offset);
    }
    rewriter.replaceOp(op,
                       emit.memref(*getTypeConverter(),
                                   cast<MemRefType>(op.getResult().getType()),
                                   emit.at(arena, offset), adaptor.getSizes()));
    return success();
  }
};

struct LowerBarrier : ConvertOpToLLVMPattern<spmd::BarrierOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(spmd::BarrierOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    Value args = stepArgument(op, Args);
    Value barrier =
        emit.field(args, offsetof(espalier_step_args, barrier), emit.ptr());
    Value context = emit.field(
        args, offsetof(espalier_step_args, barrier_context), emit.ptr());
    auto type =
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(getContext()),
                                    {emit.ptr(), rewriter.getI32Type()});
    LLVM::CallOp::create(
        rewriter, op.getLoc(), type,
        ValueRange{barrier, context, stepArgument(op, WorkerIndex)});
    rewriter.eraseOp(op);
    return success();
  }
};

/// The window becomes what the first matrix that is not empty holds; its first
/// lines are prefetched here.
struct LowerExpect : ConvertOpToLLVMPattern<ExpectOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(ExpectOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    Type i64 = rewriter.getI64Type();
    Value at, end;
    for (auto [panels, converted] :
         llvm::reverse(llvm::zip_equal(op.getPanels(), adaptor.getPanels()))) {
      auto type = cast<MemRefType>(panels.getType());
      MemRefDescriptor memory(converted);
      Value begin = LLVM::PtrToIntOp::create(
          rewriter, op.getLoc(), i64,
          memory.bufferPtr(rewriter, op.getLoc(), *getTypeConverter(), type));
      int64_t rowBytes = type.getDimSize(1) *
                         int64_t(panelOrElementBytes(type.getElementType()));
      Value rows = memory.size(rewriter, op.getLoc(), 0);
      Value stop = emit.add(begin, emit.mul(rows, emit.i64(rowBytes)));
      Value some = LLVM::ICmpOp::create(rewriter, op.getLoc(),
                                        LLVM::ICmpPredicate::ne, begin, stop);
      auto choose = [&](Value first, Value other) -> Value {
        return other ? LLVM::SelectOp::create(rewriter, op.getLoc(), some,
                                              first, other)
                           .getResult()
                     : first;
      };
      at = choose(begin, at);
      end = choose(stop, end);
    }
    int64_t bytes = int64_t(op.getLines()) * 64;
    Value pointer =
        LLVM::IntToPtrOp::create(rewriter, op.getLoc(), emit.ptr(), at);
    for (int64_t i = 0; i < bytes; i += 64)
      LLVM::Prefetch::create(rewriter, op.getLoc(), emit.at(pointer, i), 0, 3,
                             1);
    Value window = emit.at(stepArgument(op, Scratch), int64_t(op.getWindow()));
    LLVM::StoreOp::create(rewriter, op.getLoc(), emit.add(at, emit.i64(bytes)),
                          window);
    LLVM::StoreOp::create(rewriter, op.getLoc(), end,
                          emit.at(window, int64_t(8)));
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerClaim : ConvertOpToLLVMPattern<spmd::ClaimOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(spmd::ClaimOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    Value counter = emit.field(stepArgument(op, Args),
                               offsetof(espalier_step_args, claim), emit.ptr());
    // Relaxed: the barriers around the phase order everything else.
    Value one = LLVM::ConstantOp::create(rewriter, op.getLoc(),
                                         rewriter.getI32Type(), 1);
    Value taken = LLVM::AtomicRMWOp::create(
        rewriter, op.getLoc(), LLVM::AtomicBinOp::add, counter, one,
        LLVM::AtomicOrdering::monotonic);
    rewriter.replaceOp(op, LLVM::ZExtOp::create(rewriter, op.getLoc(),
                                                rewriter.getI64Type(), taken)
                               .getResult());
    return success();
  }
};

} // namespace

void populateStepOpPatterns(const LLVMTypeConverter &converter,
                            RewritePatternSet &patterns) {
  patterns
      .add<LowerRowsCount, LowerBlockCount, LowerWantedCount, LowerRowsSlice,
           LowerWeightRef, LowerBuffer, LowerBarrier, LowerExpect, LowerClaim>(
          converter);
}

} // namespace espalier::cpu
