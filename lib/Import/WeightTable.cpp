//===- WeightTable.cpp - The weights that a family declares ---------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Family.h"

#include <algorithm>

namespace espalier {

static std::string replaced(const std::string &text, std::string_view what,
                            uint64_t number) {
  size_t at = text.find(what);
  if (at == std::string::npos)
    return text;
  return text.substr(0, at) + std::to_string(number) +
         text.substr(at + what.size());
}

std::string WeightSpec::nameIn(uint64_t layer, uint64_t expert) const {
  std::string name = layered ? replaced(source, "{i}", layer) : source;
  return experts ? replaced(name, "{e}", expert) : name;
}

std::vector<std::string> WeightSpec::namesIn(uint64_t layer) const {
  std::vector<std::string> names = {nameIn(layer)};
  if (experts && source.find("{e}") != std::string::npos)
    for (uint64_t e = 1; e < experts; ++e)
      names.push_back(nameIn(layer, e));
  for (const std::string &further : furtherSources) {
    WeightSpec other = *this;
    other.source = further;
    names.push_back(other.nameIn(layer));
  }
  return names;
}

uint64_t WeightSpec::firstLayer() const {
  auto it = std::find(present.begin(), present.end(), true);
  return it == present.end() ? 0 : uint64_t(it - present.begin());
}

WeightTable::WeightTable(const ModelConfig &config, const Family &family,
                         const TensorSource &tensors)
    : config(config), family(family), tensors(tensors),
      prefix(family.names.prefixes.front()) {
  // The checkpoint's prefix is the one under which it has an embedding.
  for (std::string_view candidate : family.names.prefixes) {
    std::string name = std::string(candidate);
    name += family.names.embedding;
    if (tensors.find(name += ".weight")) {
      prefix = candidate;
      break;
    }
  }
  whole("embedding", {family.names.embedding, "token_embd"},
        {config.vocab, config.hidden});
  family.weights(config, *this);
  only(nullptr);
  if (!family.end)
    finalNorm({});
  if (config.tied)
    return;
  std::string output(family.names.outputs.front());
  for (std::string_view candidate : family.names.outputs)
    if (tensors.find(std::string(candidate) + ".weight"))
      output = candidate;
  if (isGGUF())
    output = "output";
  add("output", output + ".weight", {config.vocab, config.hidden}, false);
  if (config.outputBias)
    add("output_bias", output + ".bias", {config.vocab}, false);
}

std::string WeightTable::layerName(TensorName name,
                                   std::string_view suffix) const {
  std::string text = isGGUF() ? "blk.{i}." : prefix;
  if (!isGGUF())
    text += family.names.layer;
  text += isGGUF() ? name.gguf : name.huggingFace;
  return text += suffix;
}

void WeightTable::only(std::function<bool(const LayerStructure &)> filter) {
  present.clear();
  if (filter)
    for (const LayerStructure &layer : config.structure)
      present.push_back(filter(layer));
}

WeightSpec &WeightTable::add(std::string_view symbol, std::string source,
                             std::vector<uint64_t> shape, bool layered) {
  WeightSpec spec;
  spec.symbol = symbol;
  spec.source = std::move(source);
  spec.shape = shape;
  spec.sourceShape = std::move(shape);
  spec.layered = layered;
  if (layered)
    spec.present = present;
  specs.push_back(std::move(spec));
  return specs.back();
}

WeightSpec &WeightTable::whole(std::string_view symbol, TensorName name,
                               std::vector<uint64_t> shape) {
  std::string source = isGGUF() ? std::string(name.gguf)
                                : prefix + std::string(name.huggingFace);
  return add(symbol, source + ".weight", std::move(shape), /*layered=*/false);
}

std::optional<RecipeStep> WeightTable::unpermute(uint64_t heads) const {
  if (!config.interleavedRope || heads == 0 || config.ropes.empty())
    return std::nullopt;
  RecipeStep step{RecipeStep::Kind::UnpermuteHeads, {int64_t(heads)}};
  // All ropes of a model rotate the same part of a head.
  if (config.ropes[0].dim != config.headDim)
    step.arguments.push_back(int64_t(config.ropes[0].dim));
  return step;
}

bool WeightTable::hasBias(const std::string &source, Bias bias) const {
  if (!isGGUF())
    return bias == Bias::Present;
  WeightSpec probe;
  probe.source = source;
  probe.layered = true;
  return tensors.find(probe.nameIn(0)) != nullptr;
}

void WeightTable::norm(std::string_view symbol, TensorName name,
                       const NormOptions &options) {
  uint64_t size = options.size ? options.size : config.hidden;
  WeightSpec &weight =
      add(symbol, layerName(name, ".weight"), {size}, /*layered=*/true);
  weight.centre = options.addOne ? 0 : 1;
  if (std::optional<RecipeStep> step = unpermute(options.rotatedHeads))
    weight.recipe.push_back(*step);
  if (options.addOne)
    weight.recipe.push_back({RecipeStep::Kind::AddOne});
  std::string source = layerName(name, ".bias");
  if (!hasBias(source, options.bias))
    return;
  WeightSpec &bias = add(std::string(symbol) + "_bias", source, {size}, true);
  if (std::optional<RecipeStep> step = unpermute(options.rotatedHeads))
    bias.recipe.push_back(*step);
}

void WeightTable::finalNorm(const NormOptions &options) {
  wholeNorm("final_norm", {family.names.finalNorm, "output_norm"}, options);
}

void WeightTable::wholeNorm(std::string_view symbol, TensorName name,
                            const NormOptions &options) {
  WeightSpec &weight = whole(symbol, name, {config.hidden});
  weight.centre = options.addOne ? 0 : 1;
  if (options.addOne)
    weight.recipe.push_back({RecipeStep::Kind::AddOne});
  if (options.bias == Bias::None)
    return;
  std::string source = isGGUF() ? std::string(name.gguf)
                                : prefix + std::string(name.huggingFace);
  add(std::string(symbol) + "_bias", source + ".bias", {config.hidden}, false);
}

void WeightTable::linear(std::string_view symbol, TensorName name,
                         uint64_t rows, uint64_t columns, Bias bias,
                         uint64_t rotatedHeads) {
  std::optional<RecipeStep> step = unpermute(rotatedHeads);
  WeightSpec &weight = add(symbol, layerName(name, ".weight"), {rows, columns},
                           /*layered=*/true);
  if (step)
    weight.recipe.push_back(*step);
  std::string source = layerName(name, ".bias");
  if (!hasBias(source, bias))
    return;
  WeightSpec &vector = add(std::string(symbol) + "_bias", source, {rows}, true);
  if (step)
    vector.recipe.push_back(*step);
}

void WeightTable::matrix(std::string_view symbol, TensorName name,
                         uint64_t rows, uint64_t columns,
                         const MatrixOptions &options) {
  uint64_t total = options.slice ? options.total : rows;
  WeightSpec &weight = add(symbol, layerName(name, ".weight"), {rows, columns},
                           /*layered=*/true);
  weight.sourceShape = {total, columns};
  if (options.transposed) {
    weight.sourceShape = {columns, total};
    weight.recipe.push_back({RecipeStep::Kind::Transpose});
  }
  if (options.slice)
    weight.recipe.push_back(*options.slice);
  std::string source = layerName(name, ".bias");
  if (!hasBias(source, options.bias))
    return;
  WeightSpec &vector = add(std::string(symbol) + "_bias", source, {rows}, true);
  vector.sourceShape = {total};
  if (options.slice)
    vector.recipe.push_back(*options.slice);
}

void WeightTable::eachExpert(std::string_view symbol, TensorName name,
                             uint64_t rows, uint64_t columns) {
  add(symbol, layerName(name, ".weight"), {rows, columns}, /*layered=*/true)
      .experts = config.experts;
}

void WeightTable::allExperts(std::string_view symbol, TensorName name,
                             uint64_t begin, uint64_t rows, uint64_t total,
                             uint64_t columns) {
  WeightSpec &weight =
      add(symbol, layerName(name, ""), {rows, columns}, /*layered=*/true);
  weight.experts = config.experts;
  weight.sourceShape = {config.experts, total, columns};
  if (rows != total)
    weight.recipe.push_back(
        {RecipeStep::Kind::SliceRows, {int64_t(begin), int64_t(begin + rows)}});
}

bool WeightTable::has(TensorName name, std::string_view suffix) const {
  WeightSpec probe;
  probe.source = layerName(name, suffix);
  probe.layered = true;
  probe.present = present;
  return tensors.find(probe.nameIn(probe.firstLayer())) != nullptr;
}

void WeightTable::rowsOf(std::string_view symbol, TensorName name,
                         uint64_t begin, uint64_t rows, uint64_t total,
                         uint64_t columns, Bias bias) {
  RecipeStep slice{RecipeStep::Kind::SliceRows,
                   {int64_t(begin), int64_t(begin + rows)}};
  matrix(symbol, name, rows, columns,
         {.bias = bias, .slice = slice, .total = total});
}

} // namespace espalier
