//===- ModelWeights.cpp - The weights of a model against its tensors ------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModelBuilder.h"

#include "llvm/ADT/StringSet.h"

#include <cmath>

namespace espalier {
namespace {

std::string shownShape(const std::vector<uint64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

/// Tensors that checkpoints hold and no model needs: buffers that can be
/// computed, the divisors that the importer itself reads, and what the family
/// names.
bool isHarmless(const Family &family, llvm::StringRef name) {
  if (name.ends_with(".rotary_emb.inv_freq") || name == "rope_freqs.weight")
    return true;
  for (llvm::StringRef pattern : family.names.harmless)
    if (pattern.starts_with("*") ? name.ends_with(pattern.drop_front())
                                 : name.starts_with(pattern.drop_back()))
      return true;
  return false;
}

} // namespace

ModelBuilder::ModelBuilder(const ModelConfig &config, const Family &family,
                           TensorSource &tensors,
                           llvm::ArrayRef<float> divisors,
                           mlir::MLIRContext *context)
    : config(config), family(family), tensors(tensors), divisors(divisors),
      context(context), table(config, family, tensors) {
  for (auto [i, spec] : llvm::enumerate(table.all()))
    bySymbol[spec.symbol] = i;
}

Status ModelBuilder::checkTensors(const WeightSpec &spec, uint64_t layer) {
  std::vector<std::string> names = spec.namesIn(layer);
  for (const std::string &name : names)
    if (Status s = checkTensor(spec, name); !s)
      return s;
  // One weight has one encoding.
  const SourceTensor *first = tensors.find(names.front());
  for (const std::string &name : names)
    if (const SourceTensor *tensor = tensors.find(name);
        spec.experts && tensor->encoding != first->encoding)
      return Error{"tensor '" + name + "': expected the type of '" +
                   names.front() + "', " + first->typeName + ", got " +
                   tensor->typeName +
                   "; convert all experts of a layer to one type"};
  return {};
}

Status ModelBuilder::checkTensor(const WeightSpec &spec,
                                 const std::string &name) {
  if (tensors.isMadeUp())
    tensors.declare(name, spec.sourceShape, spec.centre);
  const SourceTensor *tensor = tensors.find(name);
  std::string wanted = "tensor '" + name + "': expected " +
                       (spec.isMatrix() ? "a matrix " : "a vector ") +
                       shownShape(spec.sourceShape);
  if (!tensor)
    return Error{wanted + ", but it is missing; is the checkpoint complete?"};
  if (tensor->shape != spec.sourceShape)
    return Error{wanted + ", got " + shownShape(tensor->shape) +
                 "; the configuration and the tensors disagree"};
  if (!spec.isMatrix()) {
    if (tensor->encoding && !isBlockEncoding(*tensor->encoding))
      return {};
    return Error{wanted + " of F32, F16 or BF16, got " + tensor->typeName +
                 "; convert the model to one of these types"};
  }
  if (!tensor->encoding)
    return Error{wanted + " of F32, F16, BF16" +
                 (tensors.isGGUF() ? ", Q8_0, Q4_0 or Q4_1" : "") + ", got " +
                 tensor->typeName +
                 "; convert the model to one of these types"};
  if (rowBytes(*tensor) == 0)
    return Error{wanted + " whose rows are blocks of 32 in type " +
                 tensor->typeName + ", got rows of " +
                 std::to_string(spec.sourceShape.back())};
  return {};
}

/// A tensor that no weight uses means that the model computes something else
/// than its family does.
Status ModelBuilder::checkUnused() {
  llvm::StringSet<> used;
  for (const WeightSpec &spec : table.all())
    for (uint64_t i = 0, n = spec.layered ? config.layers : 1; i < n; ++i)
      if (spec.isIn(i))
        for (const std::string &name : spec.namesIn(i))
          used.insert(name);
  for (const auto &[name, tensor] : tensors.tensors()) {
    // A tied model's copy of the embedding is ignored, as transformers does.
    bool tiedCopy =
        config.tied &&
        llvm::any_of(family.names.outputs, [&](std::string_view output) {
          return name == std::string(output) + ".weight";
        });
    if (!used.contains(name) && !tiedCopy && !isHarmless(family, name))
      return Error{"tensor '" + name.substr(0, 200) +
                   "': expected no such tensor in a model of family " +
                   std::string(family.name) +
                   "; the model differs from its family in a way that is not "
                   "supported"};
  }
  return {};
}

/// Layers of the same structure whose matrices have the same encodings are of
/// one kind.
void ModelBuilder::findKinds() {
  using Key = std::pair<LayerStructure, std::vector<Encoding>>;
  std::map<Key, int32_t> kinds;
  for (uint64_t layer = 0; layer < config.layers; ++layer) {
    Key key;
    key.first = config.structure[layer];
    for (const WeightSpec &spec : table.all())
      if (spec.layered && spec.isMatrix() && spec.isIn(layer))
        key.second.push_back(*tensors.find(spec.nameIn(layer))->encoding);
    auto [it, isNew] = kinds.try_emplace(key, int32_t(kinds.size()));
    if (isNew)
      layersOfKind.emplace_back();
    kindOfLayer.push_back(it->second);
    layersOfKind[it->second].push_back(int32_t(layer));
  }
}

Status ModelBuilder::computeFrequencies() {
  for (const RopeConfig &rope : config.ropes) {
    std::vector<float> all = ropeFrequencies(rope);
    if (frequencies.empty()) // the first rope
      for (size_t i = 0; i < divisors.size(); ++i)
        all[i] /= divisors[i];
    for (float frequency : all)
      if (!std::isfinite(frequency))
        return Error{"the rope parameters give an angle that is not finite"};
    for (float frequency : longRopeFrequencies(rope))
      if (!std::isfinite(frequency))
        return Error{"the rope parameters give an angle that is not finite"};
    frequencies.push_back(std::move(all));
  }
  return {};
}

Status ModelBuilder::check() {
  for (const WeightSpec &spec : table.all())
    for (uint64_t i = 0, n = spec.layered ? config.layers : 1; i < n; ++i)
      if (spec.isIn(i))
        if (Status s = checkTensors(spec, i); !s)
          return s;
  if (Status s = checkUnused(); !s)
    return s;
  findKinds();
  return computeFrequencies();
}

mlir::RankedTensorType ModelBuilder::typeOf(const WeightSpec &spec,
                                            uint64_t layer) const {
  mlir::Builder b(context);
  llvm::SmallVector<int64_t> shape;
  if (spec.experts)
    shape.push_back(int64_t(spec.experts));
  llvm::append_range(shape, spec.shape);
  if (!spec.isMatrix()) // vectors are widened
    return mlir::RankedTensorType::get(shape, b.getF32Type());
  Encoding encoding = *tensors.find(spec.nameIn(layer))->encoding;
  switch (encoding) {
  case Encoding::F32:
    return mlir::RankedTensorType::get(shape, b.getF32Type());
  case Encoding::F16:
    return mlir::RankedTensorType::get(shape, b.getF16Type());
  case Encoding::BF16:
    return mlir::RankedTensorType::get(shape, b.getBF16Type());
  default:
    shape.back() /= 32;
    return mlir::RankedTensorType::get(
        shape, xf::PanelType::get(context, 1, 32, encoding));
  }
}

mlir::Type ModelBuilder::defaultCacheElement() const {
  mlir::Builder b(context);
  for (const WeightSpec &spec : table.all())
    for (uint64_t i = 0, n = spec.layered ? config.layers : 1; i < n; ++i)
      if (spec.isMatrix() && spec.isIn(i) &&
          tensors.find(spec.nameIn(i))->encoding != Encoding::F32)
        return b.getF16Type();
  return b.getF32Type();
}

std::string ModelBuilder::symbolOf(const WeightSpec &spec,
                                   unsigned kind) const {
  if (!spec.layered || layersOfKind.size() == 1)
    return spec.symbol;
  return spec.symbol + ".kind" + std::to_string(kind);
}

const WeightSpec *ModelBuilder::spec(llvm::StringRef symbol) const {
  auto it = bySymbol.find(symbol);
  return it == bySymbol.end() ? nullptr : &table.all()[it->second];
}

} // namespace espalier
