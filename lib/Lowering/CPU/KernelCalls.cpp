//===- KernelCalls.cpp - Compute ops as calls of micro-kernels *- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KernelPattern.h"

using namespace mlir;

namespace espalier::cpu {
namespace {

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
    auto operands = this->inOut(op, adaptor, emit);
    FailureOr<Rows> w =
        this->rows(op, op.getWeight(), adaptor.getWeight(), emit);
    FailureOr<Value> bias =
        this->vector(op, op.getBias(), adaptor.getBias(), emit);
    if (failed(operands) || failed(w) || failed(bias))
      return failure();
    auto &[x, out] = *operands;
    return this->call(op, this->productKey(Kernel::Linear, *panel, op.getX()),
                      {x.pointer, x.stride, w->pointer, w->stride, *bias,
                       out.pointer, out.stride, out.rows, out.columns,
                       w->columns, emit.i64(xf::readsInit(op))},
                      rewriter);
  }
};

/// The lookups; `last` is what their kernels take after the same arguments.
template <typename Op> struct LowerLookup : KernelPattern<Op> {
  using KernelPattern<Op>::KernelPattern;
  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    FailureOr<xf::PanelType> panel = this->panels(op, op.getTable());
    if (failed(panel))
      return failure();
    FailureOr<Rows> w = this->rows(op, op.getTable(), adaptor.getTable(), emit);
    FailureOr<Rows> out = this->rows(op, op.getInit(), adaptor.getInit(), emit);
    if (failed(w) || failed(out))
      return failure();
    Kernel kernel = Kernel::Embedding;
    Value last;
    if constexpr (std::is_same_v<Op, xf::PositionEmbeddingOp>) {
      kernel = Kernel::PositionEmbedding;
      last = emit.i64(int64_t(op.getOffset()));
    } else {
      last = emit.mul(w->rows, emit.i64(16));
    }
    return this->call(op, this->weightKey(kernel, *panel),
                      {stepArgument(op, Args), adaptor.getRows(), w->pointer,
                       w->stride, w->columns, out->pointer, out->stride,
                       out->rows, last},
                      rewriter);
  }
};

struct LowerQuantize : KernelPattern<xf::QuantizeActivationsOp> {
  using KernelPattern::KernelPattern;
  LogicalResult
  matchAndRewrite(xf::QuantizeActivationsOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    auto operands = inOut(op, adaptor, emit);
    if (failed(operands))
      return failure();
    auto &[x, out] = *operands;
    return call(op, {Kernel::Quantize},
                {x.pointer, x.stride, out.pointer, out.stride, out.rows,
                 out.columns, prefetchWindow(op, emit)},
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
    auto operands = inOut(op, adaptor, emit);
    if (failed(operands))
      return failure();
    auto &[x, out] = *operands;
    int64_t dim = int64_t(op.getHeadDim());
    // A position's row holds all tables, in the module's order.
    int64_t width = 0, column = 0;
    for (auto other :
         op->getParentOfType<ModuleOp>().getOps<xf::RopeTableOp>()) {
      if (other == table)
        column = width;
      width += 2 * int64_t(other.getFrequencies().size());
    }
    return call(op, {Kernel::Rope},
                {stepArgument(op, Args), adaptor.getRows(), x.pointer, x.stride,
                 out.pointer, out.stride, out.rows,
                 emit.divide(out.columns, dim), emit.i64(dim),
                 emit.i64(2 * int64_t(table.getFrequencies().size())),
                 emit.i64(width), emit.i64(column)},
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

/// The address of the slopes times `factor`, a constant of the module.
Value alibiTable(Operation *op, ArrayRef<float> modelSlopes, float factor,
                 ConversionPatternRewriter &rewriter) {
  SmallVector<float> slopes(modelSlopes);
  for (float &slope : slopes)
    slope = slope * factor;
  auto values = DenseElementsAttr::get(
      RankedTensorType::get({int64_t(slopes.size())}, rewriter.getF32Type()),
      ArrayRef<float>(slopes));
  auto module = op->getParentOfType<ModuleOp>();
  // Attention ops of one model have one table, or very few.
  LLVM::GlobalOp table;
  unsigned count = 0;
  for (auto global : module.getOps<LLVM::GlobalOp>())
    if (global.getSymName().starts_with("alibi_slopes")) {
      ++count;
      if (global.getValueOrNull() == values)
        table = global;
    }
  if (!table) {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(module.getBody());
    auto type = LLVM::LLVMArrayType::get(rewriter.getF32Type(), slopes.size());
    table =
        LLVM::GlobalOp::create(rewriter, op->getLoc(), type,
                               /*isConstant=*/true, LLVM::Linkage::Internal,
                               "alibi_slopes_" + std::to_string(count), values);
  }
  return LLVM::AddressOfOp::create(rewriter, op->getLoc(), table);
}

constexpr int64_t noWindow = int64_t(1) << 40;

/// `xf.attention` and `xf.attention_partials`.
template <typename Op> struct LowerAttention : KernelPattern<Op> {
  using KernelPattern<Op>::KernelPattern;
  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    auto cache = cast<xf::KVCacheType>(op.getCache().getType());
    FailureOr<Value> workspace = this->scratch(op, emit);
    FailureOr<Rows> q = this->rows(op, op.getQ(), adaptor.getQ(), emit);
    FailureOr<Blocks> out =
        this->blocks(op, op.getInit(), adaptor.getInit(), emit);
    if (failed(workspace) || failed(q) || failed(out) ||
        failed(checkCache(op, cache)))
      return failure();
    constexpr bool isPartial = std::is_same_v<Op, xf::AttentionPartialsOp>;
    KernelKey key{isPartial ? Kernel::AttentionPartials : Kernel::Attention};
    key.cache = cacheEncoding(cache);
    // Scores are powers of two: docs/numerics.md, attention.
    constexpr float log2e = 0x1.715476p+0f;
    float scale = op.getScale().convertToFloat(), cap = 0;
    key.softCap = bool(op.getSoftCap());
    if (key.softCap) {
      cap = op.getSoftCap()->convertToFloat();
      scale = scale / cap;
      cap = cap * log2e;
    } else {
      scale = scale * log2e;
    }
    Value slopes = LLVM::ZeroOp::create(rewriter, op.getLoc(), emit.ptr());
    key.alibi = bool(op.getAlibi());
    if (key.alibi)
      slopes = alibiTable(op, *op.getAlibi(), log2e, rewriter);
    int64_t window = op.getWindow() ? int64_t(*op.getWindow()) : noWindow;
    SmallVector<Value> arguments = {stepArgument(op, Args),
                                    adaptor.getRows(),
                                    q->pointer,
                                    q->stride,
                                    out->pointer,
                                    out->stride,
                                    q->rows,
                                    adaptor.getFirstHead(),
                                    emit.divide(q->columns, cache.getDim()),
                                    adaptor.getLayer(),
                                    emit.i64(cache.getHeads()),
                                    emit.i64(int64_t(op.getGroup())),
                                    emit.i64(cache.getDim()),
                                    this->constant(emit, scale),
                                    emit.i64(window),
                                    this->constant(emit, cap),
                                    slopes,
                                    *workspace,
                                    prefetchWindow(op, emit)};
    if constexpr (isPartial)
      arguments.append(
          {out->blockStride, adaptor.getFirstBlock(), out->blocks});
    return this->call(op, key, arguments, rewriter);
  }
};

struct LowerAttentionMerge : KernelPattern<xf::AttentionMergeOp> {
  using KernelPattern::KernelPattern;
  LogicalResult
  matchAndRewrite(xf::AttentionMergeOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Emit emit(rewriter, op.getLoc());
    FailureOr<Blocks> partials =
        blocks(op, op.getPartials(), adaptor.getPartials(), emit);
    FailureOr<Rows> out = rows(op, op.getInit(), adaptor.getInit(), emit);
    if (failed(partials) || failed(out))
      return failure();
    int64_t dim = int64_t(op.getHeadDim());
    int64_t window = op.getWindow() ? int64_t(*op.getWindow()) : noWindow;
    return call(op, {Kernel::AttentionMerge},
                {stepArgument(op, Args), adaptor.getRows(), partials->pointer,
                 partials->blockStride, partials->stride, out->pointer,
                 out->stride, out->rows, emit.divide(out->columns, dim),
                 emit.i64(dim), emit.i64(window)},
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
    auto operands = inOut(op, adaptor, emit);
    if (failed(operands) || failed(checkWholeCall(op, op.getRows())))
      return failure();
    auto &[x, out] = *operands;
    return call(op, {Kernel::SelectRows},
                {stepArgument(op, Args), x.pointer, x.stride, out.pointer,
                 out.stride, out.columns},
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
  patterns.add<LowerProduct<xf::LinearOp>, LowerProduct<xf::LogitsOp>,
               LowerLookup<xf::EmbeddingOp>,
               LowerLookup<xf::PositionEmbeddingOp>, LowerQuantize, LowerRope,
               LowerAppend, LowerAttention<xf::AttentionOp>,
               LowerAttention<xf::AttentionPartialsOp>, LowerAttentionMerge,
               LowerSelectRows, LowerTap>(converter);
}

} // namespace espalier::cpu
