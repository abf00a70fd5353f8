//===- KernelCalls.cpp - Compute ops as calls of micro-kernels *- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The parameters of each call stand in the order of the table in
// MicroKernels.h.

#include "Patterns.h"

#include "espalier/Dialect/XF/XF.h"

using namespace mlir;

namespace espalier::cpu {
namespace {

/// A memref operand as a kernel sees it.
struct Rows {
  Value pointer;
  /// Bytes from one row (or panel row) to the next.
  Value stride;
  Value rows, columns;
};

uint64_t elementBytes(Type type) {
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
    Value bytes = emit.i64(int64_t(elementBytes(type.getElementType())));
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

  LogicalResult call(Op op, const KernelKey &key, ArrayRef<Value> arguments,
                     ConversionPatternRewriter &rewriter) const {
    auto module = op->template getParentOfType<ModuleOp>();
    LLVM::LLVMFuncOp kernel = declareKernel(rewriter, module, key);
    LLVM::CallOp::create(rewriter, op.getLoc(), kernel, arguments);
    rewriter.eraseOp(op);
    return success();
  }
};

/// Linear and logits.
template <typename Op> struct LowerProduct : KernelPattern<Op> {
  using KernelPattern<Op>::KernelPattern;
  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    FailureOr<xf::PanelType> panel = this->panels(op, op.getWeight());
    if (failed(panel))
      return failure();
    FailureOr<Rows> x = this->rows(op, op.getX(), adaptor.getX(), emit);
    FailureOr<Rows> w =
        this->rows(op, op.getWeight(), adaptor.getWeight(), emit);
    FailureOr<Rows> out = this->rows(op, op.getInit(), adaptor.getInit(), emit);
    if (failed(x) || failed(w) || failed(out))
      return failure();
    Value biasValue, biasDescriptor;
    bool accumulate = false;
    if constexpr (std::is_same_v<Op, xf::LinearOp>) {
      biasValue = op.getBias();
      biasDescriptor = adaptor.getBias();
      accumulate = op.getAccumulate();
    }
    FailureOr<Value> bias = this->vector(op, biasValue, biasDescriptor, emit);
    if (failed(bias))
      return failure();
    KernelKey key{Kernel::Linear};
    key.weights = panel->getEncoding();
    key.group = panel->getGroup();
    auto element = cast<MemRefType>(op.getX().getType()).getElementType();
    if (auto rowPanel = dyn_cast<xf::PanelType>(element))
      key.activations = rowPanel.getEncoding();
    return this->call(op, key,
                      {x->pointer, x->stride, w->pointer, w->stride, *bias,
                       out->pointer, out->stride, out->rows, out->columns,
                       w->columns, emit.i64(accumulate)},
                      rewriter);
  }
};

struct LowerEmbedding : KernelPattern<xf::EmbeddingOp> {
  using KernelPattern::KernelPattern;
  LogicalResult
  matchAndRewrite(xf::EmbeddingOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    FailureOr<xf::PanelType> panel = panels(op, op.getTable());
    if (failed(panel))
      return failure();
    FailureOr<Rows> w = rows(op, op.getTable(), adaptor.getTable(), emit);
    FailureOr<Rows> out = rows(op, op.getInit(), adaptor.getInit(), emit);
    if (failed(w) || failed(out))
      return failure();
    KernelKey key{Kernel::Embedding};
    key.weights = panel->getEncoding();
    key.group = panel->getGroup();
    return call(op, key,
                {stepArgument(op, Args), adaptor.getRows(), w->pointer,
                 w->stride, w->columns, out->pointer, out->stride, out->rows,
                 emit.mul(w->rows, emit.i64(16))},
                rewriter);
  }
};

struct LowerRmsNorm : KernelPattern<xf::RmsNormOp> {
  using KernelPattern::KernelPattern;
  LogicalResult
  matchAndRewrite(xf::RmsNormOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    FailureOr<Rows> x = rows(op, op.getX(), adaptor.getX(), emit);
    FailureOr<Rows> out = rows(op, op.getInit(), adaptor.getInit(), emit);
    FailureOr<Value> w = vector(op, op.getWeight(), adaptor.getWeight(), emit);
    if (failed(x) || failed(out) || failed(w))
      return failure();
    Value eps = LLVM::ConstantOp::create(
        rewriter, op.getLoc(), rewriter.getF32Type(), op.getEpsAttr());
    return call(op, {Kernel::RmsNorm},
                {x->pointer, x->stride, *w, out->pointer, out->stride,
                 out->rows, out->columns, eps},
                rewriter);
  }
};

struct LowerQuantize : KernelPattern<xf::QuantizeActivationsOp> {
  using KernelPattern::KernelPattern;
  LogicalResult
  matchAndRewrite(xf::QuantizeActivationsOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    FailureOr<Rows> x = rows(op, op.getX(), adaptor.getX(), emit);
    FailureOr<Rows> out = rows(op, op.getInit(), adaptor.getInit(), emit);
    if (failed(x) || failed(out))
      return failure();
    return call(op, {Kernel::Quantize},
                {x->pointer, x->stride, out->pointer, out->stride, out->rows,
                 out->columns},
                rewriter);
  }
};

struct LowerRope : KernelPattern<xf::RopeOp> {
  using KernelPattern::KernelPattern;
  LogicalResult
  matchAndRewrite(xf::RopeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    auto table = op->getParentOfType<ModuleOp>().lookupSymbol<xf::RopeTableOp>(
        op.getTable());
    if (!table)
      return op.emitOpError("names no 'xf.rope_table'");
    FailureOr<Rows> x = rows(op, op.getX(), adaptor.getX(), emit);
    FailureOr<Rows> out = rows(op, op.getInit(), adaptor.getInit(), emit);
    if (failed(x) || failed(out))
      return failure();
    int64_t dim = int64_t(op.getHeadDim());
    return call(op, {Kernel::Rope},
                {stepArgument(op, Args), adaptor.getRows(), x->pointer,
                 x->stride, out->pointer, out->stride, out->rows,
                 emit.divide(out->columns, dim), emit.i64(dim),
                 emit.i64(2 * int64_t(table.getFrequencies().size()))},
                rewriter);
  }
};

/// The encoding of a cache's elements.
Encoding cacheEncoding(xf::KVCacheType cache) {
  return cache.getElementType().isF32()    ? Encoding::F32
         : cache.getElementType().isBF16() ? Encoding::BF16
                                           : Encoding::F16;
}

LogicalResult checkCache(Operation *op, xf::KVCacheType cache) {
  if (cache.getLayout() != xf::KVLayout::Tiles16)
    return op->emitOpError("needs a cache in layout tiles16 (run "
                           "'xf-select-kv-layout' first)");
  return success();
}

struct LowerAppend : KernelPattern<xf::KVAppendOp> {
  using KernelPattern::KernelPattern;
  LogicalResult
  matchAndRewrite(xf::KVAppendOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    auto cache = cast<xf::KVCacheType>(op.getCache().getType());
    FailureOr<Rows> x = rows(op, op.getX(), adaptor.getX(), emit);
    if (failed(x) || failed(checkCache(op, cache)))
      return failure();
    KernelKey key{op.getPart() == xf::CachePart::Keys ? Kernel::AppendKeys
                                                      : Kernel::AppendValues};
    key.cache = cacheEncoding(cache);
    if (op.getResult())
      rewriter.replaceAllUsesWith(op.getResult(), adaptor.getCache());
    return call(op, key,
                {stepArgument(op, Args), adaptor.getRows(), x->pointer,
                 x->stride, x->rows, adaptor.getFirstHead(),
                 emit.divide(x->columns, cache.getDim()), adaptor.getLayer(),
                 emit.i64(cache.getHeads()), emit.i64(cache.getDim())},
                rewriter);
  }
};

struct LowerAttention : KernelPattern<xf::AttentionOp> {
  using KernelPattern::KernelPattern;
  LogicalResult
  matchAndRewrite(xf::AttentionOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    auto cache = cast<xf::KVCacheType>(op.getCache().getType());
    auto scratch = op->getAttrOfType<IntegerAttr>(scratchAttrName);
    if (!scratch)
      return op.emitOpError("has no scratch memory (run "
                            "'xf-plan-attention-scratch' first)");
    FailureOr<Rows> q = rows(op, op.getQ(), adaptor.getQ(), emit);
    FailureOr<Rows> out = rows(op, op.getInit(), adaptor.getInit(), emit);
    if (failed(q) || failed(out) || failed(checkCache(op, cache)))
      return failure();
    KernelKey key{Kernel::Attention};
    key.cache = cacheEncoding(cache);
    // Scores are powers of two: docs/numerics.md, attention.
    float scale = op.getScale().convertToFloat() * 0x1.715476p+0f;
    Value scaleValue =
        LLVM::ConstantOp::create(rewriter, op.getLoc(), rewriter.getF32Type(),
                                 rewriter.getF32FloatAttr(scale));
    return call(op, key,
                {stepArgument(op, Args), adaptor.getRows(), q->pointer,
                 q->stride, out->pointer, out->stride, out->rows,
                 adaptor.getFirstHead(),
                 emit.divide(out->columns, cache.getDim()), adaptor.getLayer(),
                 emit.i64(cache.getHeads()), emit.i64(int64_t(op.getGroup())),
                 emit.i64(cache.getDim()), scaleValue,
                 emit.at(stepArgument(op, Scratch), scratch.getInt())},
                rewriter);
  }
};

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
    return call(op, {Kernel::Glu},
                {gate->pointer, gate->stride, up->pointer, up->stride,
                 out->pointer, out->stride, out->rows, out->columns},
                rewriter);
  }
};

/// Ops whose kernels work on all rows of the call.
LogicalResult checkWholeCall(Operation *op, Value rows) {
  if (rows.getDefiningOp<xf::RowsSliceOp>())
    return op->emitOpError("works on all rows of the call, not on a tile");
  return success();
}

struct LowerSelectRows : KernelPattern<xf::SelectRowsOp> {
  using KernelPattern::KernelPattern;
  LogicalResult
  matchAndRewrite(xf::SelectRowsOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    FailureOr<Rows> x = rows(op, op.getX(), adaptor.getX(), emit);
    FailureOr<Rows> out = rows(op, op.getInit(), adaptor.getInit(), emit);
    if (failed(x) || failed(out) || failed(checkWholeCall(op, op.getRows())))
      return failure();
    return call(op, {Kernel::SelectRows},
                {stepArgument(op, Args), x->pointer, x->stride, out->pointer,
                 out->stride, out->columns},
                rewriter);
  }
};

struct LowerTap : KernelPattern<xf::TapOp> {
  using KernelPattern::KernelPattern;
  LogicalResult
  matchAndRewrite(xf::TapOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    FailureOr<Rows> x = rows(op, op.getX(), adaptor.getX(), emit);
    if (failed(x) || failed(checkWholeCall(op, op.getRows())))
      return failure();
    return call(op, {Kernel::Tap},
                {stepArgument(op, Args), x->pointer, x->stride,
                 adaptor.getIndex(), x->columns},
                rewriter);
  }
};

} // namespace

void populateKernelCallPatterns(const LLVMTypeConverter &converter,
                                RewritePatternSet &patterns) {
  patterns
      .add<LowerProduct<xf::LinearOp>, LowerProduct<xf::LogitsOp>,
           LowerEmbedding, LowerRmsNorm, LowerQuantize, LowerRope, LowerAppend,
           LowerAttention, LowerGlu, LowerSelectRows, LowerTap>(converter);
}

} // namespace espalier::cpu
