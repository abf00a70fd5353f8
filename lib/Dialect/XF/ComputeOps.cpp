//===- ComputeOps.cpp - Verifiers and effects of what layers compute ------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The numbers in the comments are those of the ops' descriptions.

#include "OpSupport.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace espalier;
using namespace espalier::xf;

namespace {

/// Where the caller's hidden states lie.
struct TapResource : SideEffects::Resource::Base<TapResource> {
  StringRef getName() final { return "xf.tap"; }
};

/// Where `x` is divided into heads, its number of heads, if known.
std::optional<int64_t> headsOf(Value x, int64_t dim) {
  int64_t features = featuresOf(x);
  if (ShapedType::isDynamic(features))
    return std::nullopt;
  return features / dim;
}

/// Constraints C1 to C3 of `xf.linear`, which `xf.logits` shares.
LogicalResult verifyProduct(Operation *op, Value x, Value weight, Value init) {
  // linear_c1, logits_c1
  std::optional<EncodedMatrix> matrix = getEncodedMatrix(weight.getType());
  if (!matrix || matrix->encoding == Encoding::A8)
    return op->emitOpError("the weight must be a matrix of f32, f16, bf16 or "
                           "weight panels, but is ")
           << weight.getType();
  if (isMatrix(init) && !matrix->coversN(featuresOf(init)))
    return op->emitOpError("the weight has ")
           << matrix->getPaddedN() << " columns in panels of "
           << matrix->columns << ", which is not what init's "
           << featuresOf(init) << " need";
  // linear_c2, logits_c2
  std::optional<EncodedMatrix> rows = getEncodedMatrix(x.getType());
  bool isFloat = rows && !rows->isPanels && rows->encoding == Encoding::F32;
  bool isRounded = rows && !rows->isPanels && rows->encoding == Encoding::BF16;
  bool isQuantized = rows && rows->encoding == Encoding::A8;
  if (!isFloat && !isRounded && !isQuantized)
    return op->emitOpError("x must be [R, K] of f32 or bf16, or [R, K/32] of "
                           "a8 panels, but is ")
           << x.getType();
  if (!sameSize(rows->getK(), matrix->getK()))
    return op->emitOpError("x has K = ")
           << rows->getK() << ", but the weight has K = " << matrix->getK();
  // linear_c3, logits_c3
  if (isQuantized && !isBlockEncoding(matrix->encoding))
    return op->emitOpError(
               "quantised rows need a weight in q8_0, q4_0 or q4_1, "
               "but it is ")
           << StringRef(encodingName(matrix->encoding));
  if (isRounded && matrix->encoding != Encoding::BF16)
    return op->emitOpError("rounded rows need a weight in bf16, but it is ")
           << StringRef(encodingName(matrix->encoding));
  return success();
}

} // namespace

/// A list of float32 numbers with as many digits as give the same bits when it
/// is read again; an array attribute prints six and loses the rest.
static void printExactFloats(OpAsmPrinter &p, Operation *,
                             DenseF32ArrayAttr values) {
  p << "[";
  llvm::interleaveComma(values.asArrayRef(), p, [&](float value) {
    p.printFloat(llvm::APFloat(value));
  });
  p << "]";
}

static ParseResult parseExactFloats(OpAsmParser &p, DenseF32ArrayAttr &values) {
  SmallVector<float> list;
  auto element = [&]() -> ParseResult {
    llvm::APFloat value(0.0f);
    if (p.parseFloat(llvm::APFloat::IEEEsingle(), value))
      return failure();
    list.push_back(value.convertToFloat());
    return success();
  };
  if (p.parseCommaSeparatedList(AsmParser::Delimiter::Square, element))
    return failure();
  values = DenseF32ArrayAttr::get(p.getContext(), list);
  return success();
}

static void printOptionalExactFloats(OpAsmPrinter &p, Operation *op,
                                     DenseF32ArrayAttr values) {
  if (values)
    printExactFloats(p, op, values);
}

static ParseResult parseOptionalExactFloats(OpAsmParser &p,
                                            DenseF32ArrayAttr &values) {
  SmallVector<float> list;
  bool given = false;
  auto element = [&]() -> ParseResult {
    llvm::APFloat value(0.0f);
    given = true;
    if (p.parseFloat(llvm::APFloat::IEEEsingle(), value))
      return failure();
    list.push_back(value.convertToFloat());
    return success();
  };
  if (p.parseCommaSeparatedList(AsmParser::Delimiter::OptionalSquare, element))
    return failure();
  if (given)
    values = DenseF32ArrayAttr::get(p.getContext(), list);
  return success();
}

#define GET_OP_CLASSES
#include "XF/XFOps.cpp.inc"

void XFDialect::registerOperations() {
  addOperations<
#define GET_OP_LIST
#include "XF/XFOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Effects
//===----------------------------------------------------------------------===//

bool xf::readsInit(Operation *op) {
  return isa<PositionEmbeddingOp>(op) || op->hasAttr("accumulate");
}

void xf::addDestinationEffects(DestinationStyleOpInterface op,
                               EffectList &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    bool isInit = op.isDpsInit(&operand);
    if (!isInit || readsInit(op))
      effects.emplace_back(MemoryEffects::Read::get(), &operand,
                           SideEffects::DefaultResource::get());
    if (isInit)
      effects.emplace_back(MemoryEffects::Write::get(), &operand,
                           SideEffects::DefaultResource::get());
  }
}

DESTINATION_EFFECTS(AttentionMergeOp)
DESTINATION_EFFECTS(EmbeddingOp)
DESTINATION_EFFECTS(LinearOp)
DESTINATION_EFFECTS(LogitsOp)
DESTINATION_EFFECTS(PositionEmbeddingOp)
DESTINATION_EFFECTS(QuantizeActivationsOp)
DESTINATION_EFFECTS(RopeOp)
DESTINATION_EFFECTS(SelectRowsOp)

void AttentionOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  addDestinationEffects(*this, effects);
  // In a tile the cache is memory that an append without a result may write.
  effects.emplace_back(MemoryEffects::Read::get(), &getCacheMutable(),
                       SideEffects::DefaultResource::get());
}

void AttentionPartialsOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  addDestinationEffects(*this, effects);
  effects.emplace_back(MemoryEffects::Read::get(), &getCacheMutable(),
                       SideEffects::DefaultResource::get());
}

void KVAppendOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  if (isa<MemRefType>(getX().getType()))
    effects.emplace_back(MemoryEffects::Read::get(), &getXMutable(),
                         SideEffects::DefaultResource::get());
  if (!getResult())
    effects.emplace_back(MemoryEffects::Write::get(), &getCacheMutable(),
                         SideEffects::DefaultResource::get());
}

void TapOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  if (isa<MemRefType>(getX().getType()))
    effects.emplace_back(MemoryEffects::Read::get(), &getXMutable(),
                         SideEffects::DefaultResource::get());
  effects.emplace_back(MemoryEffects::Write::get(), TapResource::get());
}

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

/// Constraints C1 and C2 of `xf.embedding` and `xf.position_embedding`.
static LogicalResult verifyLookup(Operation *op, Value tableValue, Value init) {
  // embedding_c1, position_embedding_c1
  std::optional<EncodedMatrix> table = getEncodedMatrix(tableValue.getType());
  if (!table || table->encoding == Encoding::A8)
    return op->emitOpError("the table must be a matrix of f32, f16, bf16 or "
                           "weight panels, but is ")
           << tableValue.getType();
  // embedding_c2, position_embedding_c2
  if (!isMatrix(init) || !sameSize(featuresOf(init), table->getK()))
    return op->emitOpError("init must be [R, ")
           << table->getK() << "] of f32, but is " << init.getType();
  return success();
}

LogicalResult EmbeddingOp::verify() {
  return verifyLookup(*this, getTable(), getInit());
}

LogicalResult PositionEmbeddingOp::verify() {
  if (failed(verifyLookup(*this, getTable(), getInit())))
    return failure();
  // position_embedding_c3
  int64_t entries = getEncodedMatrix(getTable().getType())->getPaddedN();
  int64_t offset = int64_t(getOffset());
  if (offset < 0 || (ShapedType::isStatic(entries) && offset >= entries))
    return emitOpError("offset must be an entry of the table, 0 to ")
           << entries - 1 << ", but is " << offset;
  return success();
}

LogicalResult LinearOp::verify() {
  if (failed(verifyProduct(*this, getX(), getWeight(), getInit())))
    return failure();
  // linear_c5
  if (!isMatrix(getInit()) || !sameSize(rowsOf(getInit()), rowsOf(getX())))
    return emitOpError("init must be [R, N] of f32 with the R of x, but is ")
           << getInit().getType();
  // linear_c4
  if (getBias() && !isVector(getBias(), featuresOf(getInit())))
    return emitOpError("the bias must be f32 [N] with the N of init, but is ")
           << getBias().getType();
  return success();
}

LogicalResult LogitsOp::verify() {
  if (failed(verifyProduct(*this, getX(), getWeight(), getInit())))
    return failure();
  // logits_c4
  if (!isMatrix(getInit()) || !sameSize(rowsOf(getInit()), rowsOf(getX())))
    return emitOpError("init must be [R, N] of f32 with the R of x, but is ")
           << getInit().getType();
  // logits_c5
  if (getBias() && !isVector(getBias(), featuresOf(getInit())))
    return emitOpError("the bias must be f32 [N] with the N of init, but is ")
           << getBias().getType();
  return success();
}

LogicalResult QuantizeActivationsOp::verify() {
  // quantize_activations_c1
  int64_t features =
      isMatrix(getX()) ? featuresOf(getX()) : ShapedType::kDynamic;
  if (!isMatrix(getX()) || ShapedType::isDynamic(features) || features % 32)
    return emitOpError("x must be [R, K] of f32, K a multiple of 32, but is ")
           << getX().getType();
  // quantize_activations_c2
  std::optional<EncodedMatrix> rows = getEncodedMatrix(getInit().getType());
  if (!rows || rows->encoding != Encoding::A8 ||
      !sameSize(rows->getK(), features) ||
      !sameSize(rows->panelRows, rowsOf(getX())))
    return emitOpError("init must be [R, ")
           << features / 32
           << "] of !xf.panel<1 x 32, a8> with the R of x, but "
           << "is " << getInit().getType();
  return success();
}

LogicalResult RopeOp::verify() {
  // rope_c1
  int64_t dim = getHeadDim();
  if (dim < 1)
    return emitOpError("head_dim must be positive, but is ") << dim;
  if (!sameMatrix(getX(), getInit()))
    return emitOpError("x and init must be [R, N] of the same shape, but are ")
           << getX().getType() << " and " << getInit().getType();
  if (!isWholeHeads(getX(), dim))
    return emitOpError("N must be a multiple of head_dim = ")
           << dim << ", but is " << featuresOf(getX());
  return success();
}

LogicalResult RopeOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // rope_c2
  auto table =
      symbols.lookupNearestSymbolFrom<RopeTableOp>(*this, getTableAttr());
  if (!table)
    return emitOpError("'") << getTable() << "' is no xf.rope_table";
  int64_t frequencies = table.getFrequencies().size();
  if (frequencies > static_cast<int64_t>(getHeadDim()) / 2)
    return emitOpError("heads of ")
           << getHeadDim() << " elements have " << getHeadDim() / 2
           << " pairs, but '" << getTable() << "' has " << frequencies
           << " frequencies";
  return success();
}

/// attention_c4, kv_append_c4
static LogicalResult verifyLayer(Operation *op, Value layer,
                                 KVCacheType cache) {
  auto range = getLayerRange(layer);
  if (range && (range->first < 0 || range->second >= cache.getLayers()))
    return op->emitOpError("the layer goes from ")
           << range->first << " to " << range->second << ", but the cache has "
           << cache.getLayers() << " layers";
  return success();
}

/// What `xf.attention` and `xf.attention_partials` share: C2 to C7, and that
/// the features of q are whole heads.
template <typename OpTy> static LogicalResult verifyAttention(OpTy op) {
  KVCacheType cache = op.getCache().getType();
  // attention_c1, attention_partials_c1
  if (!isWholeHeads(op.getQ(), cache.getDim()))
    return op.emitOpError("N must be a multiple of the cache's dim = ")
           << cache.getDim() << ", but is " << featuresOf(op.getQ());
  // attention_c2, attention_partials_c2
  int64_t group = op.getGroup();
  if (group < 1)
    return op.emitOpError("group must be positive, but is ") << group;
  std::optional<int64_t> first = getConstantIntValue(op.getFirstHead());
  std::optional<int64_t> heads = headsOf(op.getQ(), cache.getDim());
  if ((first && *first < 0) ||
      first.value_or(0) + heads.value_or(0) > group * cache.getHeads())
    return op.emitOpError("query heads ")
           << first.value_or(0) << " to "
           << first.value_or(0) + heads.value_or(0) - 1
           << " go beyond group * heads of the cache = "
           << group * cache.getHeads();
  // attention_c3, attention_partials_c3
  if (!isPositive(op.getScale()))
    return op.emitOpError("scale must be finite and positive, but is ")
           << op.getScale().convertToFloat();
  // attention_c5, attention_partials_c5
  if (op.getWindow() && int64_t(*op.getWindow()) < 1)
    return op.emitOpError("window must be positive, but is ")
           << int64_t(*op.getWindow());
  // attention_c6, attention_partials_c6
  if (op.getSoftCap() && !isPositive(*op.getSoftCap()))
    return op.emitOpError("soft_cap must be finite and positive, but is ")
           << op.getSoftCap()->convertToFloat();
  // attention_c7, attention_partials_c7
  if (std::optional<ArrayRef<float>> slopes = op.getAlibi()) {
    if (int64_t(slopes->size()) != group * cache.getHeads())
      return op.emitOpError("alibi must have a slope for each of ")
             << group * cache.getHeads() << " query heads, but has "
             << slopes->size();
    for (float slope : *slopes)
      if (!std::isfinite(slope))
        return op.emitOpError("alibi must have finite slopes, but has ")
               << slope;
  }
  // attention_c4, attention_partials_c4
  return verifyLayer(op, op.getLayer(), cache);
}

LogicalResult AttentionOp::verify() {
  // attention_c1
  if (!sameMatrix(getQ(), getInit()))
    return emitOpError("q and init must be [R, N] of the same shape, but are ")
           << getQ().getType() << " and " << getInit().getType();
  return verifyAttention(*this);
}

/// [B, R, N / dim * P] of f32, where [R, N] is the shape of `rows`.
static bool arePartials(Value partials, Value rows, int64_t dim) {
  auto type = dyn_cast<ShapedType>(partials.getType());
  auto matrix = cast<ShapedType>(rows.getType());
  if (!type || !type.hasRank() || type.getRank() != 3 ||
      !sameSize(type.getDimSize(1), matrix.getDimSize(0)))
    return false;
  std::optional<int64_t> heads = headsOf(rows, dim);
  return !heads || sameSize(type.getDimSize(2),
                            *heads * AttentionPartialsOp::getStride(dim));
}

LogicalResult AttentionPartialsOp::verify() {
  // attention_partials_c1
  if (!isMatrix(getQ()))
    return emitOpError("q must be [R, N] of f32, but is ") << getQ().getType();
  if (failed(verifyAttention(*this)))
    return failure();
  // attention_partials_c8
  int64_t dim = getCache().getType().getDim();
  if (!arePartials(getInit(), getQ(), dim))
    return emitOpError("init must be [B, R, ")
           << headsOf(getQ(), dim).value_or(1) * getStride(dim)
           << "] of f32 with the R of q, but is " << getInit().getType();
  return success();
}

LogicalResult AttentionMergeOp::verify() {
  int64_t dim = int64_t(getHeadDim());
  // attention_merge_c3
  if (dim < 1)
    return emitOpError("head_dim must be positive, but is ") << dim;
  if (getWindow() && int64_t(*getWindow()) < 1)
    return emitOpError("window must be positive, but is ")
           << int64_t(*getWindow());
  // attention_merge_c1
  if (!isMatrix(getInit()) || !isWholeHeads(getInit(), dim))
    return emitOpError("init must be [R, N] of f32, N a multiple of ")
           << dim << ", but is " << getInit().getType();
  // attention_merge_c2
  if (!arePartials(getPartials(), getInit(), dim))
    return emitOpError("the partials must be [B, R, ")
           << headsOf(getInit(), dim).value_or(1) *
                  AttentionPartialsOp::getStride(dim)
           << "] of f32 with the R of init, but are "
           << getPartials().getType();
  return success();
}

LogicalResult KVAppendOp::verify() {
  KVCacheType cache = getCache().getType();
  // kv_append_c1
  if (!isMatrix(getX()))
    return emitOpError("x must be [R, N] of f32, but is ") << getX().getType();
  if (!isWholeHeads(getX(), cache.getDim()))
    return emitOpError("N must be a multiple of the cache's dim = ")
           << cache.getDim() << ", but is " << featuresOf(getX());
  // kv_append_c2
  std::optional<int64_t> first = getConstantIntValue(getFirstHead());
  std::optional<int64_t> heads = headsOf(getX(), cache.getDim());
  if ((first && *first < 0) ||
      first.value_or(0) + heads.value_or(0) > cache.getHeads())
    return emitOpError("heads ")
           << first.value_or(0) << " to "
           << first.value_or(0) + heads.value_or(0) - 1
           << " go beyond the cache's " << cache.getHeads() << " heads";
  // kv_append_c3
  if (getResult() && getResult().getType() != cache)
    return emitOpError("the result must be of the cache's type ")
           << cache << ", but is " << getResult().getType();
  return verifyLayer(*this, getLayer(), cache);
}

LogicalResult KVCommitOp::verify() {
  // kv_commit_c1 is the type of the operand.
  // kv_commit_c2
  if (getResult().getType() != getCache().getType())
    return emitOpError("the result must be of the cache's type ")
           << getCache().getType() << ", but is " << getResult().getType();
  return success();
}

LogicalResult SelectRowsOp::verify() {
  // select_rows_c1
  if (!isMatrix(getX()) || !isMatrix(getInit()) ||
      !sameSize(featuresOf(getX()), featuresOf(getInit())))
    return emitOpError("x must be [R, K] and init [W, K] of f32, but they are ")
           << getX().getType() << " and " << getInit().getType();
  return success();
}

LogicalResult TapOp::verify() {
  // tap_c1
  if (!isMatrix(getX()))
    return emitOpError("x must be [R, K] of f32, but is ") << getX().getType();
  return success();
}
