//===- ModelWeights.cpp - The weights of a model against its tensors ------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModelBuilder.h"

#include "llvm/ADT/StringSet.h"

namespace espalier {
namespace {

std::string shownShape(const std::vector<uint64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

/// Tensors that checkpoints hold and no model needs: buffers that can be
/// computed, and the divisors that the importer itself reads.
bool isHarmless(llvm::StringRef name) {
  return name.ends_with(".rotary_emb.inv_freq") || name == "rope_freqs.weight";
}

} // namespace

std::string WeightSpec::nameIn(uint64_t layer) const {
  size_t at = source.find("{i}");
  if (!layered || at == std::string::npos)
    return source;
  return source.substr(0, at) + std::to_string(layer) + source.substr(at + 3);
}

std::string WeightTable::layerName(TensorName name,
                                   llvm::StringRef suffix) const {
  std::string text = tensors.isGGUF() ? "blk.{i}." : "model.layers.{i}.";
  text += tensors.isGGUF() ? name.gguf : name.huggingFace;
  return text += suffix;
}

void WeightTable::norm(llvm::StringRef symbol, TensorName name) {
  WeightSpec spec;
  spec.symbol = symbol;
  spec.source = layerName(name, ".weight");
  spec.shape = {config.hidden};
  spec.layered = true;
  spec.centre = 1;
  specs.push_back(std::move(spec));
}

void WeightTable::linear(llvm::StringRef symbol, TensorName name, uint64_t rows,
                         uint64_t columns, Bias bias, uint64_t rotatedHeads) {
  WeightSpec spec;
  spec.symbol = symbol;
  spec.source = layerName(name, ".weight");
  spec.shape = {rows, columns};
  spec.layered = true;
  // GGUF files of this architecture hold the rows for interleaved rotation.
  spec.interleavedHeads = tensors.isGGUF() ? rotatedHeads : 0;
  specs.push_back(spec);

  spec.source = layerName(name, ".bias");
  spec.shape = {rows};
  spec.symbol += "_bias";
  if (tensors.isGGUF() ? tensors.find(spec.nameIn(0)) != nullptr
                       : bias == Bias::Present)
    specs.push_back(std::move(spec));
}

void WeightTable::whole(llvm::StringRef symbol, TensorName name,
                        std::vector<uint64_t> shape) {
  WeightSpec spec;
  spec.symbol = symbol;
  spec.source = tensors.isGGUF() ? name.gguf : name.huggingFace;
  spec.shape = std::move(shape);
  spec.centre = spec.isMatrix() ? 0 : 1;
  specs.push_back(std::move(spec));
}

ModelBuilder::ModelBuilder(const ModelConfig &config, const Family &family,
                           TensorSource &tensors, mlir::MLIRContext *context)
    : config(config), family(family), tensors(tensors), context(context),
      table(config, tensors) {
  table.whole("embedding", {"model.embed_tokens.weight", "token_embd.weight"},
              {config.vocab, config.hidden});
  family.weights(config, table);
  table.whole("final_norm", {"model.norm.weight", "output_norm.weight"},
              {config.hidden});
  if (!config.tied)
    table.whole("output", {"lm_head.weight", "output.weight"},
                {config.vocab, config.hidden});
  for (auto [i, spec] : llvm::enumerate(table.all()))
    bySymbol[spec.symbol] = i;
}

Status ModelBuilder::checkTensor(const WeightSpec &spec, uint64_t layer) {
  std::string name = spec.nameIn(layer);
  if (tensors.isMadeUp())
    tensors.declare(name, spec.shape, spec.centre);
  const SourceTensor *tensor = tensors.find(name);
  std::string wanted = "tensor '" + name + "': expected " +
                       (spec.isMatrix() ? "a matrix " : "a vector ") +
                       shownShape(spec.shape);
  if (!tensor)
    return Error{wanted + ", but it is missing; is the checkpoint complete?"};
  if (tensor->shape != spec.shape)
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
                 std::to_string(spec.shape.back())};
  return {};
}

/// A tensor that no weight uses means that the model computes something else
/// than its family does.
Status ModelBuilder::checkUnused() {
  llvm::StringSet<> used;
  for (const WeightSpec &spec : table.all())
    for (uint64_t i = 0, n = spec.layered ? config.layers : 1; i < n; ++i)
      used.insert(spec.nameIn(i));
  for (const auto &[name, tensor] : tensors.tensors()) {
    // A tied model's copy of the embedding is ignored, as transformers does.
    bool tiedCopy = config.tied && name == "lm_head.weight";
    if (!used.contains(name) && !tiedCopy && !isHarmless(name))
      return Error{"tensor '" + name.substr(0, 200) +
                   "': expected no such tensor in a model of family " +
                   family.name.str() +
                   "; the model differs from its family in a way that is not "
                   "supported"};
  }
  return {};
}

/// Layers whose matrices have the same encodings are of one kind.
void ModelBuilder::findKinds() {
  std::map<std::vector<Encoding>, int32_t> kinds;
  for (uint64_t layer = 0; layer < config.layers; ++layer) {
    std::vector<Encoding> encodings;
    for (const WeightSpec &spec : table.all())
      if (spec.layered && spec.isMatrix())
        encodings.push_back(*tensors.find(spec.nameIn(layer))->encoding);
    auto [it, isNew] = kinds.try_emplace(encodings, int32_t(kinds.size()));
    if (isNew)
      layersOfKind.emplace_back();
    kindOfLayer.push_back(it->second);
    layersOfKind[it->second].push_back(int32_t(layer));
  }
}

Status ModelBuilder::check() {
  for (const WeightSpec &spec : table.all())
    for (uint64_t i = 0, n = spec.layered ? config.layers : 1; i < n; ++i)
      if (Status s = checkTensor(spec, i); !s)
        return s;
  if (Status s = checkUnused(); !s)
    return s;
  findKinds();
  return {};
}

mlir::RankedTensorType ModelBuilder::typeOf(const WeightSpec &spec,
                                            uint64_t layer) const {
  mlir::Builder b(context);
  llvm::SmallVector<int64_t> shape(spec.shape.begin(), spec.shape.end());
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
      if (spec.isMatrix() &&
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
