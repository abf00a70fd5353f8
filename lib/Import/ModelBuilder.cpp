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

RankedTensorType rowsOf(MLIRContext *context, int64_t columns) {
  return RankedTensorType::get({ShapedType::kDynamic, columns},
                               Float32Type::get(context));
}

int64_t columnsOf(mlir::Value x) {
  return cast<RankedTensorType>(x.getType()).getDimSize(1);
}

std::string ropeSymbol(int32_t number) {
  return number == 0 ? "rope" : "rope" + std::to_string(number);
}

mlir::Value unwrap(Value value) {
  return mlir::Value::getFromOpaquePointer(value.impl);
}
Value wrap(mlir::Value value) { return {value.getAsOpaquePointer()}; }

xf::RecipeKind recipeKind(RecipeStep::Kind kind) {
  switch (kind) {
  case RecipeStep::Kind::Transpose:
    return xf::RecipeKind::Transpose;
  case RecipeStep::Kind::UnpermuteHeads:
    return xf::RecipeKind::UnpermuteHeads;
  case RecipeStep::Kind::AddOne:
    return xf::RecipeKind::AddOne;
  case RecipeStep::Kind::SliceRows:
    return xf::RecipeKind::SliceRows;
  case RecipeStep::Kind::SliceGroups:
    return xf::RecipeKind::SliceGroups;
  }
  llvm_unreachable("a kind of step");
}

xf::Activation activationOf(const ModelConfig &config) {
  switch (config.activation) {
  case Activation::Silu:
    return xf::Activation::Silu;
  case Activation::Gelu:
    return xf::Activation::Gelu;
  case Activation::GeluTanh:
    return xf::Activation::GeluTanh;
  case Activation::Relu:
    return xf::Activation::Relu;
  case Activation::ReluSquared:
    return xf::Activation::ReluSquared;
  }
  llvm_unreachable("an activation");
}

} // namespace

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// Each op is appended where `b` stands.
class OpsBuilder final : public LayerBuilder {
public:
  OpsBuilder(ModelBuilder &model, ImplicitLocOpBuilder &b)
      : LayerBuilder(model.config), model(model), b(b) {}

  mlir::Value empty(int64_t columns) {
    return tensor::EmptyOp::create(b, rowsOf(b.getContext(), columns),
                                   ValueRange{count});
  }
  mlir::Value weight(llvm::StringRef name);
  /// Null: there is none.
  mlir::Value optionalWeight(const llvm::Twine &name) {
    std::string symbol = name.str();
    return model.spec(symbol) ? weight(symbol) : mlir::Value();
  }

  Value rmsNorm(Value x, std::string_view weight, Value residual,
                uint64_t segment) override;
  Value linear(Value x, std::string_view weight, Value residual) override;
  Value rope(Value x) override;
  void appendKeys(Value x) override { append(xf::CachePart::Keys, x); }
  void appendValues(Value x) override { append(xf::CachePart::Values, x); }
  Value attention(Value q) override;
  Value glu(Value gate, Value up) override;
  Value experts(Value x, Value residual) override;
  Value activation(Value x) override;
  Value layerNorm(Value x, std::string_view weight, uint64_t segment) override;
  Value scale(Value x, double factor, Value residual) override;
  Value positionEmbedding(Value x, std::string_view table,
                          uint64_t offset) override;
  /// The end of the step, written to `logits`.
  mlir::Value logits(mlir::Value x, mlir::Value logits);

  ModelBuilder &model;
  ImplicitLocOpBuilder &b;
  mlir::Value rows, count, zero, layer, number, cache;
  unsigned kind = 0;

private:
  void append(xf::CachePart part, Value x);
  IntegerAttr optionalCount(uint64_t count) {
    return count ? b.getI64IntegerAttr(int64_t(count)) : IntegerAttr();
  }
  xf::ActivationAttr activationAttr() {
    return xf::ActivationAttr::get(b.getContext(), activationOf(config));
  }
};

mlir::Value OpsBuilder::weight(llvm::StringRef name) {
  const WeightSpec *spec = model.spec(name);
  assert(spec && "a family names only weights that it declared");
  uint64_t layer = spec->layered ? model.layersOfKind[kind].front() : 0;
  assert((!spec->layered || spec->isIn(layer)) &&
         "a family names only weights of the layers that it builds");
  return xf::WeightRefOp::create(
      b, model.typeOf(*spec, layer),
      FlatSymbolRefAttr::get(b.getContext(), model.symbolOf(*spec, kind)),
      spec->layered ? number : mlir::Value());
}

Value OpsBuilder::rmsNorm(Value value, std::string_view name, Value residual,
                          uint64_t segment) {
  mlir::Value x = unwrap(value), w = weight(name);
  mlir::Value init = residual ? unwrap(residual) : empty(columnsOf(x));
  return wrap(xf::RmsNormOp::create(b, x.getType(), x, w, init,
                                    b.getF32FloatAttr(config.normEpsilon),
                                    optionalCount(segment),
                                    residual ? b.getUnitAttr() : UnitAttr())
                  .getResult(0));
}

Value OpsBuilder::linear(Value x, std::string_view name, Value residual) {
  mlir::Value w = weight(name);
  mlir::Value bias = optionalWeight(llvm::Twine(name) + "_bias");
  mlir::Value init =
      residual ? unwrap(residual) : empty(int64_t(model.spec(name)->shape[0]));
  return wrap(xf::LinearOp::create(b, init.getType(), unwrap(x), w, bias, init,
                                   residual ? b.getUnitAttr() : UnitAttr())
                  .getResult(0));
}

Value OpsBuilder::rope(Value value) {
  if (structure.rope < 0)
    return value;
  mlir::Value x = unwrap(value);
  return wrap(
      xf::RopeOp::create(
          b, x.getType(), rows, x, empty(columnsOf(x)),
          FlatSymbolRefAttr::get(b.getContext(), ropeSymbol(structure.rope)),
          b.getI64IntegerAttr(int64_t(config.headDim)))
          .getResult(0));
}

void OpsBuilder::append(xf::CachePart part, Value x) {
  cache = xf::KVAppendOp::create(b, cache.getType(),
                                 xf::CachePartAttr::get(b.getContext(), part),
                                 rows, cache, layer, zero, unwrap(x))
              .getResult();
}

Value OpsBuilder::attention(Value value) {
  mlir::Value q = unwrap(value);
  return wrap(xf::AttentionOp::create(
                  b, q.getType(), rows, cache, layer, zero, q,
                  empty(columnsOf(q)),
                  b.getI64IntegerAttr(int64_t(config.heads / config.kvHeads)),
                  b.getF32FloatAttr(float(config.attentionScale)),
                  optionalCount(structure.window),
                  config.attentionSoftCap != 0
                      ? b.getF32FloatAttr(float(config.attentionSoftCap))
                      : FloatAttr(),
                  config.alibiSlopes.empty()
                      ? DenseF32ArrayAttr()
                      : b.getDenseF32ArrayAttr(config.alibiSlopes))
                  .getResult(0));
}

Value OpsBuilder::glu(Value gate, Value up) {
  mlir::Value g = unwrap(gate);
  return wrap(xf::GluOp::create(b, g.getType(), g, unwrap(up),
                                empty(columnsOf(g)), activationAttr())
                  .getResult(0));
}

Value OpsBuilder::activation(Value value) {
  mlir::Value x = unwrap(value);
  return wrap(xf::ActivationOp::create(b, x.getType(), x, empty(columnsOf(x)),
                                       activationAttr())
                  .getResult(0));
}

Value OpsBuilder::layerNorm(Value value, std::string_view name,
                            uint64_t segment) {
  mlir::Value x = unwrap(value), w = weight(name);
  return wrap(xf::LayerNormOp::create(
                  b, x.getType(), x, w,
                  optionalWeight(llvm::Twine(name) + "_bias"),
                  empty(columnsOf(x)), b.getF32FloatAttr(config.normEpsilon),
                  optionalCount(segment))
                  .getResult(0));
}

Value OpsBuilder::scale(Value value, double factor, Value residual) {
  if (factor == 1 && !residual)
    return value;
  mlir::Value x = unwrap(value);
  mlir::Value init = residual ? unwrap(residual) : empty(columnsOf(x));
  return wrap(xf::ScaleOp::create(b, x.getType(), x, init,
                                  b.getF32FloatAttr(float(factor)),
                                  residual ? b.getUnitAttr() : UnitAttr())
                  .getResult(0));
}

Value OpsBuilder::positionEmbedding(Value value, std::string_view name,
                                    uint64_t offset) {
  mlir::Value x = unwrap(value);
  return wrap(
      xf::PositionEmbeddingOp::create(b, x.getType(), rows, weight(name), x,
                                      b.getI64IntegerAttr(int64_t(offset)))
          .getResult(0));
}

mlir::Value OpsBuilder::logits(mlir::Value x, mlir::Value out) {
  mlir::Value matrix = weight(config.tied ? "embedding" : "output");
  bool scaled = config.logitScale != 1, capped = config.logitSoftCap != 0;
  // Only the last of these ops writes where the caller wants the logits.
  auto init = [&](bool last) {
    return last ? out : empty(int64_t(config.vocab));
  };
  x = xf::LogitsOp::create(b, out.getType(), x, matrix,
                           optionalWeight("output_bias"),
                           init(!scaled && !capped))
          .getResult(0);
  if (scaled)
    x = xf::ScaleOp::create(b, out.getType(), x, init(!capped),
                            b.getF32FloatAttr(float(config.logitScale)),
                            UnitAttr())
            .getResult(0);
  if (capped)
    x = xf::SoftCapOp::create(b, out.getType(), x, out,
                              b.getF32FloatAttr(float(config.logitSoftCap)))
            .getResult(0);
  return x;
}

Value OpsBuilder::experts(Value value, Value residual) {
  mlir::Value x = unwrap(value), scores = unwrap(linear(value, "router", {}));
  int64_t choices = int64_t(config.expertsPerToken);
  auto idsType =
      RankedTensorType::get({ShapedType::kDynamic, choices}, b.getI32Type());
  mlir::Value noIds = tensor::EmptyOp::create(b, idsType, ValueRange{count});
  mlir::Value noWeights = empty(choices);
  auto router = xf::RouterOp::create(
      b, TypeRange{idsType, noWeights.getType()}, scores, noIds, noWeights,
      config.renormalizeExperts ? b.getUnitAttr() : UnitAttr());
  mlir::Value ids = router.getResult(0), weights = router.getResult(1);

  // A row has as many rows of its own as it has experts.
  mlir::Value pairs = arith::MulIOp::create(
      b, count, arith::ConstantIndexOp::create(b, choices));
  Type wide = rowsOf(b.getContext(), int64_t(config.expertFfn));
  auto emptyPairs = [&] {
    return tensor::EmptyOp::create(b, wide, ValueRange{pairs}).getResult();
  };
  auto project = [&](llvm::StringRef name) {
    return xf::GroupedLinearOp::create(b, wide, x, weight(name), ids,
                                       mlir::Value(), emptyPairs(), UnitAttr())
        .getResult(0);
  };
  mlir::Value gate = project("expert_gate"), up = project("expert_up");
  mlir::Value gated =
      xf::GluOp::create(b, wide, gate, up, emptyPairs(), activationAttr())
          .getResult(0);
  mlir::Value init = residual ? unwrap(residual) : empty(columnsOf(x));
  return wrap(xf::GroupedLinearOp::create(
                  b, init.getType(), gated, weight("expert_down"), ids, weights,
                  init, residual ? b.getUnitAttr() : UnitAttr())
                  .getResult(0));
}

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

void ModelBuilder::emitWeights(ImplicitLocOpBuilder &b) {
  auto emit = [&](const WeightSpec &spec, unsigned kind) {
    SmallVector<Attribute> recipe;
    if (!spec.isMatrix()) // before one is added
      recipe.push_back(xf::RecipeStepAttr::get(context, xf::RecipeKind::ToF32,
                                               ArrayRef<int64_t>()));
    for (const RecipeStep &step : spec.recipe)
      recipe.push_back(xf::RecipeStepAttr::get(context, recipeKind(step.kind),
                                               step.arguments));
    SmallVector<llvm::StringRef> sources = {spec.source};
    llvm::append_range(sources, spec.furtherSources);
    DenseI32ArrayAttr layers;
    if (spec.layered)
      layers = b.getDenseI32ArrayAttr(layersOfKind[kind]);
    xf::WeightOp::create(
        b, b.getStringAttr(symbolOf(spec, kind)), b.getStrArrayAttr(sources),
        layers, recipe.empty() ? ArrayAttr() : b.getArrayAttr(recipe),
        TypeAttr::get(
            typeOf(spec, spec.layered ? layersOfKind[kind].front() : 0)));
  };
  for (const WeightSpec &spec : table.all())
    for (unsigned k = 0, n = spec.layered ? layersOfKind.size() : 1; k < n; ++k)
      if (!spec.layered || spec.isIn(layersOfKind[k].front()))
        emit(spec, k);
}

void ModelBuilder::emitRopes(ImplicitLocOpBuilder &b) {
  for (auto [i, rope] : llvm::enumerate(config.ropes)) {
    auto table = xf::RopeTableOp::create(
        b, b.getStringAttr(ropeSymbol(int32_t(i))),
        b.getDenseF32ArrayAttr(frequencies[i]),
        b.getF32FloatAttr(float(rope.attentionFactor)), IntegerAttr(),
        DenseF32ArrayAttr(), FloatAttr(), FloatAttr());
    if (rope.dependsOnContext())
      table.setSwitchPosition(int64_t(rope.originalPositions));
    if (rope.kind == RopeConfig::Kind::LongRope)
      table.setLongFrequencies(longRopeFrequencies(rope));
    if (rope.kind == RopeConfig::Kind::Dynamic) {
      table.setDynamicTheta(llvm::APFloat(rope.theta));
      table.setDynamicFactor(llvm::APFloat(rope.factor));
    }
  }
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

  OpsBuilder layer(*this, b);
  layer.rows = function.getArgument(0);
  layer.count = xf::RowsCountOp::create(b, layer.rows);
  layer.zero = arith::ConstantIndexOp::create(b, 0);
  mlir::Value table = layer.weight("embedding");
  mlir::Value x = xf::EmbeddingOp::create(b, stream, layer.rows, table,
                                          layer.empty(int64_t(config.hidden)))
                      .getResult(0);
  if (family.begin)
    x = unwrap(family.begin(layer, wrap(x)));
  SmallVector<mlir::Value> carried{x, function.getArgument(1)};
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
    layer.structure = config.structure[layersOfKind[kind].front()];
    xf::TapOp::create(b, layer.rows, layer.layer, body->getArgument(2));
    Value y = family.layer(layer, wrap(body->getArgument(2)));
    xf::YieldOp::create(b, ValueRange{unwrap(y), layer.cache});
  }

  x = repeat.getResult(0);
  layer.structure = {};
  mlir::Value last = arith::ConstantIndexOp::create(b, int64_t(config.layers));
  xf::TapOp::create(b, layer.rows, last, x);
  layer.count = xf::WantedCountOp::create(b, layer.rows);
  x = xf::SelectRowsOp::create(b, stream, layer.rows, x,
                               layer.empty(int64_t(config.hidden)))
          .getResult(0);
  x = unwrap(family.end ? family.end(layer, wrap(x))
                        : layer.rmsNorm(wrap(x), "final_norm", {}, 0));
  x = layer.logits(x, function.getArgument(2));
  func::ReturnOp::create(b, ValueRange{x, repeat.getResult(1)});
}

void ModelBuilder::emitCommit(ImplicitLocOpBuilder &b) {
  OpBuilder::InsertionGuard guard(b);
  auto path = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
  auto function = func::FuncOp::create(
      b, "commit",
      b.getFunctionType({cacheType, b.getIndexType(), path}, {cacheType}));
  b.setInsertionPointToStart(function.addEntryBlock());
  mlir::Value cache =
      xf::KVCommitOp::create(b, cacheType, function.getArgument(0),
                             function.getArgument(1), function.getArgument(2));
  func::ReturnOp::create(b, ValueRange{cache});
}

DictionaryAttr ModelBuilder::card(llvm::StringRef source) const {
  Builder b(context);
  uint64_t parameters = 0;
  for (const WeightSpec &spec : table.all()) {
    uint64_t elements = spec.experts ? spec.experts : 1;
    for (uint64_t size : spec.shape)
      elements *= size; // checkConfig bounds every factor
    for (uint64_t i = 0, n = spec.layered ? config.layers : 1; i < n; ++i)
      parameters += spec.isIn(i) ? elements : 0;
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

OwningOpRef<ModuleOp> ModelBuilder::build(Type cacheElement,
                                          llvm::StringRef source) {
  cacheType = xf::KVCacheType::get(
      context, int64_t(config.layers), int64_t(config.kvHeads),
      int64_t(config.headDim), cacheElement, xf::KVLayout::Unassigned);
  ImplicitLocOpBuilder b(UnknownLoc::get(context), context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(b.getLoc());
  module->getOperation()->setAttr(
      xf::kOrderAttr,
      xf::OrderAttr::get(context, xf::OrderKind::CPU, xf::kCPUOrderVersion, 0));
  module->getOperation()->setAttr(xf::kModelAttr, card(source));
  b.setInsertionPointToStart(module->getBody());
  emitWeights(b);
  emitRopes(b);
  emitStep(b);
  emitCommit(b);
  return module;
}

} // namespace espalier
