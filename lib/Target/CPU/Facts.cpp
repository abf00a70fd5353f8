//===- Facts.cpp - What the descriptor says about a program ---*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Code.h"

#include "espalier/Dialect/SPMD/SPMD.h"
#include "espalier/Dialect/XF/XF.h"
#include "espalier/descriptor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace espalier::cpu {
namespace {

/// The weight whose memory `value` is a part of.
StringRef weightOf(Value value) {
  while (value) {
    if (auto ref = value.getDefiningOp<xf::WeightRefOp>())
      return ref.getWeight();
    if (auto view = value.getDefiningOp<ViewLikeOpInterface>()) {
      value = view.getViewSource();
      continue;
    }
    auto argument = dyn_cast<BlockArgument>(value);
    auto phase =
        argument ? dyn_cast<spmd::PhaseOp>(argument.getOwner()->getParentOp())
                 : spmd::PhaseOp();
    if (!phase)
      return {};
    value = phase->getOperand(argument.getArgNumber());
  }
  return {};
}

/// All weights but those that only an embedding reads, of which one row is; of
/// experts, those that a token chooses.
uint64_t bytesPerToken(ModuleOp module, const WeightLayout &layout) {
  llvm::StringMap<Value> tables;
  llvm::StringSet<> products;
  /// Experts that a token reads, of how many.
  llvm::StringMap<std::pair<uint64_t, uint64_t>> shares;
  module.walk([&](Operation *op) {
    if (auto embedding = dyn_cast<xf::EmbeddingOp>(op))
      tables[weightOf(embedding.getTable())] = embedding.getTable();
    else if (auto position = dyn_cast<xf::PositionEmbeddingOp>(op))
      tables[weightOf(position.getTable())] = position.getTable();
    else if (auto logits = dyn_cast<xf::LogitsOp>(op))
      products.insert(weightOf(logits.getWeight()));
    else if (auto linear = dyn_cast<xf::LinearOp>(op))
      products.insert(weightOf(linear.getWeight()));
    else if (auto grouped = dyn_cast<xf::GroupedLinearOp>(op)) {
      auto type = cast<ShapedType>(grouped.getIds().getType());
      shares[weightOf(grouped.getWeight())] = {
          uint64_t(type.getDimSize(1)),
          uint64_t(
              cast<ShapedType>(grouped.getWeight().getType()).getDimSize(0))};
    }
  });
  uint64_t bytes = 0;
  for (const WeightPlacement &weight : layout.weights)
    if (!tables.contains(weight.symbol.getValue()) ||
        products.contains(weight.symbol.getValue())) {
      auto [read, all] = shares.contains(weight.symbol.getValue())
                             ? shares[weight.symbol.getValue()]
                             : std::pair<uint64_t, uint64_t>(1, 1);
      bytes += weight.bytes / all * read * weight.layers;
    }
  return bytes;
}

int64_t integer(DictionaryAttr card, StringRef name, int64_t otherwise = 0) {
  auto attr = card.getAs<IntegerAttr>(name);
  return attr ? attr.getInt() : otherwise;
}

std::string text(DictionaryAttr card, StringRef name) {
  auto attr = card.getAs<StringAttr>(name);
  return attr ? attr.str() : std::string();
}

Status readCard(ModuleOp module, ProgramFacts &facts) {
  auto card = module->getAttrOfType<DictionaryAttr>(xf::kModelAttr);
  auto order = module->getAttrOfType<xf::OrderAttr>(xf::kOrderAttr);
  if (!card || !order)
    return Error{"the module has no 'xf.model' or no 'xf.order'"};
  if (order.getKind() == xf::OrderKind::Systolic)
    return Error{"the CPU does not sum in the accelerator's order"};
  static_assert(xf::kCPUOrderVersion == ESPALIER_CPU_ORDER_VERSION);
  facts.family = text(card, "family");
  facts.source = text(card, "source");
  facts.order = stringifyOrderKind(order.getKind()).str() + "-" +
                std::to_string(order.getVersion());
  facts.layers = uint32_t(integer(card, "layers"));
  facts.hidden = uint32_t(integer(card, "hidden"));
  facts.heads = uint32_t(integer(card, "heads"));
  facts.ffn = uint32_t(integer(card, "ffn"));
  facts.vocab = uint32_t(integer(card, "vocab"));
  facts.maxPositions = uint32_t(integer(card, "max_positions"));
  facts.parameters = uint64_t(integer(card, "parameters"));
  facts.bos = int32_t(integer(card, "bos", -1));
  if (auto eos = card.getAs<DenseI32ArrayAttr>("eos"))
    facts.eos.assign(eos.asArrayRef().begin(), eos.asArrayRef().end());
  return {};
}

Status readCache(ModuleOp module, ProgramFacts &facts) {
  xf::KVCacheType cache;
  for (auto function : module.getOps<func::FuncOp>())
    for (Type type : function.getArgumentTypes())
      if (auto found = dyn_cast<xf::KVCacheType>(type)) {
        if (cache && cache != found)
          return Error{"the functions disagree about the KV cache's layout"};
        cache = found;
      }
  if (!cache || cache.getLayout() != xf::KVLayout::Tiles16)
    return Error{"the module has no KV cache in layout tiles16"};
  facts.kvLayers = uint32_t(cache.getLayers());
  facts.kvHeads = uint32_t(cache.getHeads());
  facts.headDim = uint32_t(cache.getDim());
  Type element = cache.getElementType();
  facts.kvElementType = element.isF32()    ? ESPALIER_F32
                        : element.isBF16() ? ESPALIER_BF16
                                           : ESPALIER_F16;
  facts.kvElementBytes = element.getIntOrFloatBitWidth() / 8;
  return {};
}

void readRopes(ModuleOp module, ProgramFacts &facts) {
  for (auto table : module.getOps<xf::RopeTableOp>()) {
    ProgramFacts::Rope &rope = facts.ropes.emplace_back();
    rope.frequencies = table.getFrequencies().vec();
    rope.factor = table.getFactor().convertToFloat();
    rope.switchPosition = uint32_t(table.getSwitchPosition().value_or(0));
    if (auto frequencies = table.getLongFrequencies())
      rope.longFrequencies = frequencies->vec();
    if (auto theta = table.getDynamicTheta())
      rope.dynamicTheta = theta->convertToDouble();
    if (auto factor = table.getDynamicFactor())
      rope.dynamicFactor = factor->convertToDouble();
  }
}

/// A position looked up in a table must be one of its entries. The panels of a
/// table may be padded: entries beyond its own are zeros, never other memory.
Status checkPositions(ModuleOp module, const ProgramFacts &facts) {
  Status status;
  module.walk([&](xf::PositionEmbeddingOp op) {
    auto table = xf::getEncodedMatrix(op.getTable().getType());
    int64_t last = int64_t(facts.maxPositions) + int64_t(op.getOffset());
    if (status && table && table->getPaddedN() < last)
      status = Error{"position embedding: expected at least " +
                     std::to_string(last) + " entries, got " +
                     std::to_string(table->getPaddedN())};
  });
  return status;
}

/// Callers size what a step writes for them by the card.
Status checkWidths(ModuleOp module, const ProgramFacts &facts) {
  auto check = [](const char *what, int64_t expected, int64_t got) -> Status {
    if (expected == got)
      return {};
    return Error{std::string(what) + ": expected " + std::to_string(expected) +
                 " columns, as 'xf.model' says, got " + std::to_string(got)};
  };
  Status status;
  module.walk([&](Operation *op) {
    if (auto logits = dyn_cast<xf::LogitsOp>(op); logits && status) {
      // The tiles write into the third argument of the step.
      auto step = op->getParentOfType<func::FuncOp>();
      auto type = step && step.getNumArguments() > 2
                      ? dyn_cast<ShapedType>(step.getArgumentTypes()[2])
                      : ShapedType();
      if (type && type.hasRank() && type.getRank() == 2)
        status = check("logits", facts.vocab, type.getDimSize(1));
    }
    if (auto tap = dyn_cast<xf::TapOp>(op); tap && status)
      status = check("hidden states", facts.hidden,
                     cast<ShapedType>(tap.getX().getType()).getDimSize(1));
  });
  return status;
}

} // namespace

Result<ProgramFacts> readFacts(ModuleOp module, const WeightLayout &layout) {
  ProgramFacts facts;
  if (Status status = readCard(module, facts); !status)
    return status.takeError();
  if (Status status = readCache(module, facts); !status)
    return status.takeError();
  readRopes(module, facts);
  if (Status status = checkWidths(module, facts); !status)
    return status.takeError();
  if (Status status = checkPositions(module, facts); !status)
    return status.takeError();
  bool quantized = false;
  module.walk([&](xf::QuantizeActivationsOp) { quantized = true; });
  facts.activations = quantized ? "int8" : "f32";
  facts.weightBytesPerToken = bytesPerToken(module, layout);
  return facts;
}

Status readVariants(ModuleOp lowered, ProgramFacts &facts) {
  for (auto function : lowered.getOps<LLVM::LLVMFuncOp>()) {
    if (function.isExternal())
      continue;
    auto number = [&](StringRef name) -> int64_t {
      auto attr = function->getAttrOfType<IntegerAttr>(name);
      return attr ? attr.getInt() : -1;
    };
    int64_t rows = number(xf::kMaxRowsAttr),
            shared = number("spmd.shared_bytes"),
            own = number("spmd.private_bytes"),
            blocks = number("spmd.block_bytes");
    if (rows < 1 || shared < 0 || own < 0 || blocks < 0)
      return Error{"function '" + function.getName().str() +
                   "' lacks 'xf.max_rows', 'spmd.shared_bytes', "
                   "'spmd.private_bytes' or 'spmd.block_bytes'"};
    facts.variants.push_back({function.getName().str(), uint32_t(rows),
                              uint64_t(shared), uint64_t(own),
                              uint64_t(blocks)});
  }
  if (facts.variants.empty())
    return Error{"the module has no step function"};
  llvm::sort(facts.variants, [](const auto &a, const auto &b) {
    return a.maxRows < b.maxRows;
  });
  return {};
}

} // namespace espalier::cpu
