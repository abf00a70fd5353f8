//===- StructureOps.cpp - Verifiers of weights, rows and depth ------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The numbers in the comments are those of the ops' descriptions.

#include "espalier/Dialect/XF/XF.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

#include <cmath>

using namespace mlir;
using namespace espalier;
using namespace espalier::xf;

//===----------------------------------------------------------------------===//
// WeightOp
//===----------------------------------------------------------------------===//

LogicalResult WeightOp::verify() {
  // weight_c1
  if (getSources().empty())
    return emitOpError("needs at least one source");
  for (auto source : getSources().getAsRange<StringAttr>()) {
    if (source.empty())
      return emitOpError("has an empty source");
    // weight_c2
    bool perLayer = source.getValue().contains("{i}");
    if (perLayer != getLayers().has_value())
      return emitOpError("source ")
             << source
             << (perLayer ? " names a layer, but the weight has none"
                          : " does not contain {i}, but the weight "
                            "has layers");
  }
  // weight_c3
  if (auto layers = getLayers()) {
    if (layers->empty())
      return emitOpError("has an empty list of layers");
    int64_t last = -1;
    for (int32_t layer : *layers) {
      if (layer <= last)
        return emitOpError("layers must ascend strictly from 0, but got ")
               << layer << " after " << last;
      last = layer;
    }
  }
  // weight_c4
  auto type = cast<RankedTensorType>(getType());
  bool isFloatVector = type.getRank() == 1 &&
                       isa<FloatType>(type.getElementType()) &&
                       getElementEncoding(type.getElementType());
  bool isMatrix = getEncodedMatrix(type) || getEncodedExperts(type);
  if (!type.hasStaticShape() || (!isFloatVector && !isMatrix))
    return emitOpError(
               "type must be a static tensor of rank 1 of floats, or of "
               "rank 2 or 3 of floats or panels, but is ")
           << type;
  // weight_c5
  auto isPerExpert = [](Attribute source) {
    return cast<StringAttr>(source).getValue().contains("{e}");
  };
  unsigned perExpert = llvm::count_if(getSources(), isPerExpert);
  if (perExpert != 0 && type.getRank() != 3)
    return emitOpError("a source names an expert, but the type is ") << type;
  if (perExpert != 0 && perExpert != getSources().size())
    return emitOpError("{e} must stand in all sources or in none");
  return success();
}

//===----------------------------------------------------------------------===//
// DecodeWeightOp
//===----------------------------------------------------------------------===//

LogicalResult DecodeWeightOp::verify() {
  // decode_weight_c1
  std::optional<EncodedMatrix> from = getEncodedMatrix(getWeight().getType());
  if (!from || from->encoding == Encoding::A8)
    return emitOpError(
               "the weight must be a matrix of f32, f16, bf16 or weight "
               "panels, but is ")
           << getWeight().getType();
  // decode_weight_c2
  std::optional<EncodedMatrix> to = getEncodedMatrix(getResult().getType());
  if (!to || to->encoding != Encoding::BF16)
    return emitOpError("the result must be a matrix of bf16, but is ")
           << getResult().getType();
  auto differ = [](int64_t a, int64_t b) {
    return ShapedType::isStatic(a) && ShapedType::isStatic(b) && a != b;
  };
  bool coversN = from->columns == 1
                     ? to->coversN(from->getPaddedN())
                     : !differ(from->getPaddedN(), to->getPaddedN());
  if (differ(from->getK(), to->getK()) || !coversN)
    return emitOpError("the weight is ")
           << from->getPaddedN() << " x " << from->getK() << ", but the result "
           << to->getPaddedN() << " x " << to->getK();
  return success();
}

//===----------------------------------------------------------------------===//
// RopeTableOp
//===----------------------------------------------------------------------===//

LogicalResult RopeTableOp::verify() {
  // rope_table_c1
  if (getFrequencies().empty())
    return emitOpError("needs at least one frequency");
  for (float frequency : getFrequencies())
    if (!std::isfinite(frequency) || frequency < 0)
      return emitOpError(
                 "frequencies must be finite and not negative, but got ")
             << frequency;
  // rope_table_c2
  float factor = getFactor().convertToFloat();
  if (!std::isfinite(factor) || factor <= 0)
    return emitOpError("the factor must be finite and positive, but is ")
           << factor;
  // rope_table_c3
  std::optional<ArrayRef<float>> beyond = getLongFrequencies();
  bool dynamic = getDynamicTheta() || getDynamicFactor();
  if (!getSwitchPosition()) {
    if (beyond || dynamic)
      return emitOpError("what counts for large contexts needs 'beyond'");
    return success();
  }
  if (*getSwitchPosition() < 1)
    return emitOpError("'beyond' must be positive, but is ")
           << *getSwitchPosition();
  if (beyond.has_value() == dynamic)
    return emitOpError("'beyond' needs either frequencies or 'dynamic_theta' "
                       "and 'dynamic_factor'");
  if (beyond) {
    if (beyond->size() != getFrequencies().size())
      return emitOpError("expected ")
             << getFrequencies().size() << " frequencies for large contexts, "
             << "but got " << beyond->size();
    for (float frequency : *beyond)
      if (!std::isfinite(frequency) || frequency < 0)
        return emitOpError(
                   "frequencies must be finite and not negative, but got ")
               << frequency;
    return success();
  }
  auto within = [](std::optional<APFloat> value, double above) {
    return value && std::isfinite(value->convertToDouble()) &&
           value->convertToDouble() > above;
  };
  if (!within(getDynamicTheta(), 1) || !within(getDynamicFactor(), 0))
    return emitOpError("'dynamic_theta' must be above 1 and 'dynamic_factor' "
                       "above 0, both finite");
  if (getFrequencies().size() < 2)
    return emitOpError("dynamic frequencies must be at least two");
  return success();
}

//===----------------------------------------------------------------------===//
// WeightRefOp
//===----------------------------------------------------------------------===//

LogicalResult WeightRefOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // weight_ref_c1
  auto weight =
      symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError("'") << getWeight() << "' is no xf.weight";
  auto declared = cast<ShapedType>(weight.getType());
  auto type = cast<ShapedType>(getResult().getType());
  if (type.getShape() != declared.getShape() ||
      type.getElementType() != declared.getElementType())
    return emitOpError("result type ")
           << type << " does not match the weight's " << declared;
  // weight_ref_c2
  bool hasLayers = weight.getLayers().has_value();
  if (hasLayers != static_cast<bool>(getLayer()))
    return emitOpError("'") << getWeight()
                            << (hasLayers ? "' has layers: an index is needed"
                                          : "' has no layers: an index was "
                                            "given");
  // weight_ref_c3
  auto range = hasLayers ? getLayerRange(getLayer()) : std::nullopt;
  int64_t layers = hasLayers ? int64_t(weight.getLayers()->size()) : 0;
  if (range && (range->first < 0 || range->second >= layers))
    return emitOpError("the index goes from ")
           << range->first << " to " << range->second << ", but '"
           << getWeight() << "' has " << layers << " layers";
  return success();
}

//===----------------------------------------------------------------------===//
// RepeatOp
//===----------------------------------------------------------------------===//

std::optional<std::pair<int64_t, int64_t>> xf::getLayerRange(Value layer) {
  if (std::optional<int64_t> constant = getConstantIntValue(layer))
    return std::pair(*constant, *constant);
  auto argument = dyn_cast<BlockArgument>(layer);
  Region *region = argument ? argument.getOwner()->getParent() : nullptr;
  auto repeat =
      region ? dyn_cast_or_null<RepeatOp>(region->getParentOp()) : RepeatOp();
  if (!repeat || argument.getArgNumber() > 1)
    return std::nullopt;
  // The first argument counts all layers, the second those of the kind.
  ArrayRef<int32_t> kinds = repeat.getKinds();
  int32_t kind = int32_t(region->getRegionNumber());
  int64_t first = -1, last = -1, ofKind = 0;
  for (auto [number, other] : llvm::enumerate(kinds)) {
    if (other != kind)
      continue;
    if (ofKind++ == 0)
      first = int64_t(number);
    last = int64_t(number);
  }
  if (ofKind == 0)
    return std::nullopt; // repeat_c2
  return argument.getArgNumber() == 0 ? std::pair(first, last)
                                      : std::pair(int64_t(0), ofKind - 1);
}

LogicalResult RepeatOp::verify() {
  ArrayRef<int32_t> kinds = getKinds();
  int32_t regions = getBodies().size();
  // repeat_c1
  if (kinds.empty() || regions == 0)
    return emitOpError("needs at least one layer and one region");
  // repeat_c2, repeat_c4
  int32_t next = 0;
  for (int32_t kind : kinds) {
    if (kind < 0 || kind >= regions)
      return emitOpError("kind ")
             << kind << " names none of the " << regions << " regions";
    if (kind > next)
      return emitOpError("kind ")
             << kind << " appears before kind " << next
             << ": kinds must be numbered as they first appear";
    if (kind == next)
      ++next;
  }
  if (next != regions)
    return emitOpError("no layer is of kind ") << next;

  // repeat_c3
  if (getInits().getTypes() != getResultTypes())
    return emitOpError("result types must be those of the initial values");
  for (auto [number, body] : llvm::enumerate(getBodies())) {
    Block &block = body.front();
    if (block.getNumArguments() != getInits().size() + 2)
      return emitOpError("region ")
             << number << " needs " << getInits().size() + 2
             << " arguments, but has " << block.getNumArguments();
    if (!block.getArgument(0).getType().isIndex() ||
        !block.getArgument(1).getType().isIndex() ||
        TypeRange(block.getArguments().drop_front(2)) != getInits().getTypes())
      return emitOpError("arguments of region ")
             << number << " must be index, index and the types of the initial "
             << "values";
    auto yield = dyn_cast<YieldOp>(block.getTerminator());
    if (!yield)
      return emitOpError("region ") << number << " must end in xf.yield";
    if (yield.getValues().getTypes() != getResultTypes())
      return yield.emitOpError("types must be the results of xf.repeat");
  }
  return success();
}
