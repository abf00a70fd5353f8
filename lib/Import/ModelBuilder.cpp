//===- ModelBuilder.cpp - From figures and tensors to xf ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;

namespace espalier {
namespace {

constexpr llvm::StringLiteral ropeTable = "rope";

RankedTensorType rowsOf(MLIRContext *context, int64_t columns) {
  return RankedTensorType::get({ShapedType::kDynamic, columns},
                               Float32Type::get(context));
}

int64_t columnsOf(Value x) {
  return cast<RankedTensorType>(x.getType()).getDimSize(1);
}

} // namespace

//===----------------------------------------------------------------------===//
// One layer
//===----------------------------------------------------------------------===//

Value LayerBuilder::empty(int64_t columns) {
  return tensor::EmptyOp::create(b, rowsOf(b.getContext(), columns),
                                 ValueRange{count});
}

Value LayerBuilder::weight(llvm::StringRef name) {
  const WeightSpec *spec = model.spec(name);
  assert(spec && "a family names only weights that it declared");
  uint64_t layer = spec->layered ? model.layersOfKind[kind].front() : 0;
  return xf::WeightRefOp::create(
      b, model.typeOf(*spec, layer),
      FlatSymbolRefAttr::get(b.getContext(), model.symbolOf(*spec, kind)),
      spec->layered ? number : Value());
}

Value LayerBuilder::rmsNorm(Value x, llvm::StringRef name) {
  Value w = weight(name);
  return xf::RmsNormOp::create(b, x.getType(), x, w, empty(columnsOf(x)),
                               b.getF32FloatAttr(model.config.normEpsilon))
      .getResult(0);
}

Value LayerBuilder::linear(Value x, llvm::StringRef name, Value residual) {
  Value w = weight(name);
  std::string biasName = (name + "_bias").str();
  Value bias = model.spec(biasName) ? weight(biasName) : Value();
  Value init = residual ? residual : empty(int64_t(model.spec(name)->shape[0]));
  return xf::LinearOp::create(b, init.getType(), x, w, bias, init,
                              residual ? b.getUnitAttr() : UnitAttr())
      .getResult(0);
}

Value LayerBuilder::rope(Value x) {
  return xf::RopeOp::create(b, x.getType(), rows, x, empty(columnsOf(x)),
                            FlatSymbolRefAttr::get(b.getContext(), ropeTable),
                            b.getI64IntegerAttr(int64_t(model.config.headDim)))
      .getResult(0);
}

void LayerBuilder::append(xf::CachePart part, Value x) {
  cache = xf::KVAppendOp::create(b, cache.getType(),
                                 xf::CachePartAttr::get(b.getContext(), part),
                                 rows, cache, layer, zero, x)
              .getResult();
}

Value LayerBuilder::attention(Value q) {
  const ModelConfig &config = model.config;
  return xf::AttentionOp::create(
             b, q.getType(), rows, cache, layer, zero, q, empty(columnsOf(q)),
             b.getI64IntegerAttr(int64_t(config.heads / config.kvHeads)),
             b.getF32FloatAttr(float(1 / std::sqrt(double(config.headDim)))))
      .getResult(0);
}

Value LayerBuilder::glu(Value gate, Value up) {
  return xf::GluOp::create(
             b, gate.getType(), gate, up, empty(columnsOf(gate)),
             xf::ActivationAttr::get(b.getContext(), xf::Activation::Silu))
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

void ModelBuilder::emitWeights(ImplicitLocOpBuilder &b) {
  auto emit = [&](const WeightSpec &spec, unsigned kind) {
    SmallVector<Attribute> recipe;
    if (spec.interleavedHeads)
      recipe.push_back(
          xf::RecipeStepAttr::get(context, xf::RecipeKind::UnpermuteHeads,
                                  {int64_t(spec.interleavedHeads)}));
    if (!spec.isMatrix())
      recipe.push_back(xf::RecipeStepAttr::get(context, xf::RecipeKind::ToF32,
                                               ArrayRef<int64_t>()));
    DenseI32ArrayAttr layers;
    if (spec.layered)
      layers = b.getDenseI32ArrayAttr(layersOfKind[kind]);
    xf::WeightOp::create(
        b, b.getStringAttr(symbolOf(spec, kind)),
        b.getStrArrayAttr({spec.source}), layers,
        recipe.empty() ? ArrayAttr() : b.getArrayAttr(recipe),
        TypeAttr::get(
            typeOf(spec, spec.layered ? layersOfKind[kind].front() : 0)));
  };
  for (const WeightSpec &spec : table.all())
    for (unsigned k = 0, n = spec.layered ? layersOfKind.size() : 1; k < n; ++k)
      emit(spec, k);
}

void ModelBuilder::emitStep(ImplicitLocOpBuilder &b) {
  OpBuilder::InsertionGuard guard(b);
  auto stream = rowsOf(context, int64_t(config.hidden));
  auto logitsType = rowsOf(context, int64_t(config.vocab));
  auto function = func::FuncOp::create(
      b, "step",
      b.getFunctionType({xf::RowsType::get(context), cacheType, logitsType},
                        {logitsType, cacheType}));
  b.setInsertionPointToStart(function.addEntryBlock());

  LayerBuilder layer(*this, b);
  layer.rows = function.getArgument(0);
  layer.count = xf::RowsCountOp::create(b, layer.rows);
  layer.zero = arith::ConstantIndexOp::create(b, 0);
  Value table = layer.weight("embedding");
  Value x = xf::EmbeddingOp::create(b, stream, layer.rows, table,
                                    layer.empty(int64_t(config.hidden)))
                .getResult(0);
  SmallVector<Value> carried{x, function.getArgument(1)};
  auto repeat = xf::RepeatOp::create(b, TypeRange(ValueRange(carried)),
                                     b.getDenseI32ArrayAttr(kindOfLayer),
                                     carried, unsigned(layersOfKind.size()));
  for (auto [kind, region] : llvm::enumerate(repeat.getBodies())) {
    OpBuilder::InsertionGuard inner(b);
    Location loc = b.getLoc();
    Block *body = b.createBlock(
        &region, {}, {b.getIndexType(), b.getIndexType(), stream, cacheType},
        {loc, loc, loc, loc});
    layer.kind = unsigned(kind);
    layer.layer = body->getArgument(0);
    layer.number = body->getArgument(1);
    layer.cache = body->getArgument(3);
    xf::TapOp::create(b, layer.rows, layer.layer, body->getArgument(2));
    Value y = family.layer(layer, body->getArgument(2));
    xf::YieldOp::create(b, ValueRange{y, layer.cache});
  }

  x = repeat.getResult(0);
  Value last = arith::ConstantIndexOp::create(b, int64_t(config.layers));
  xf::TapOp::create(b, layer.rows, last, x);
  layer.count = xf::WantedCountOp::create(b, layer.rows);
  x = xf::SelectRowsOp::create(b, stream, layer.rows, x,
                               layer.empty(int64_t(config.hidden)))
          .getResult(0);
  x = layer.rmsNorm(x, "final_norm");
  Value matrix = layer.weight(config.tied ? "embedding" : "output");
  x = xf::LogitsOp::create(b, logitsType, x, matrix, function.getArgument(2))
          .getResult(0);
  func::ReturnOp::create(b, ValueRange{x, repeat.getResult(1)});
}

void ModelBuilder::emitCommit(ImplicitLocOpBuilder &b) {
  OpBuilder::InsertionGuard guard(b);
  auto path = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
  auto function = func::FuncOp::create(
      b, "commit",
      b.getFunctionType({cacheType, b.getIndexType(), path}, {cacheType}));
  b.setInsertionPointToStart(function.addEntryBlock());
  Value cache =
      xf::KVCommitOp::create(b, cacheType, function.getArgument(0),
                             function.getArgument(1), function.getArgument(2));
  func::ReturnOp::create(b, ValueRange{cache});
}

DictionaryAttr ModelBuilder::card(llvm::StringRef source) const {
  Builder b(context);
  uint64_t parameters = 0;
  for (const WeightSpec &spec : table.all()) {
    uint64_t elements = spec.layered ? config.layers : 1;
    for (uint64_t size : spec.shape)
      elements *= size; // checkConfig bounds every factor
    parameters += elements;
  }
  NamedAttrList list;
  list.set("family", b.getStringAttr(config.family));
  list.set("source", b.getStringAttr(source));
  auto number = [&](llvm::StringRef name, uint64_t value) {
    list.set(name, b.getI64IntegerAttr(int64_t(value)));
  };
  number("layers", config.layers);
  number("hidden", config.hidden);
  number("heads", config.heads);
  number("kv_heads", config.kvHeads);
  number("head_dim", config.headDim);
  number("ffn", config.ffn);
  number("vocab", config.vocab);
  number("max_positions", config.maxPositions);
  number("parameters", parameters);
  list.set("bos", b.getI64IntegerAttr(config.bos.value_or(-1)));
  list.set("eos", b.getDenseI32ArrayAttr(config.eos));
  return list.getDictionary(context);
}

OwningOpRef<ModuleOp> ModelBuilder::build(llvm::ArrayRef<float> frequencies,
                                          Type cacheElement,
                                          llvm::StringRef source) {
  cacheType = xf::KVCacheType::get(
      context, int64_t(config.layers), int64_t(config.kvHeads),
      int64_t(config.headDim), cacheElement, xf::KVLayout::Unassigned);
  ImplicitLocOpBuilder b(UnknownLoc::get(context), context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(b.getLoc());
  module->getOperation()->setAttr(
      xf::kOrderAttr, xf::OrderAttr::get(context, xf::OrderKind::CPU, 1));
  module->getOperation()->setAttr(xf::kModelAttr, card(source));
  b.setInsertionPointToStart(module->getBody());
  emitWeights(b);
  xf::RopeTableOp::create(
      b, b.getStringAttr(ropeTable), b.getDenseF32ArrayAttr(frequencies),
      b.getF32FloatAttr(float(config.rope.attentionFactor)));
  emitStep(b);
  emitCommit(b);
  return module;
}

} // namespace espalier
