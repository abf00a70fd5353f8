//===- PackWeights.cpp - The weights of a module, packed ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Target/PackWeights.h"

#include "WeightPacker.h"
#include "espalier/Dialect/XF/XF.h"
#include "espalier/Support/Hash.h"
#include "espalier/Target/WeightLayout.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace mlir;

namespace espalier {
namespace {

PackStep stepOf(xf::RecipeStepAttr step) {
  PackStep out;
  ArrayRef<int64_t> arguments = step.getArguments();
  switch (step.getKind()) {
  case xf::RecipeKind::Transpose:
    out.kind = PackStep::Kind::Transpose;
    break;
  case xf::RecipeKind::UnpermuteHeads:
    out.kind = PackStep::Kind::UnpermuteHeads;
    out.heads = uint64_t(arguments[0]);
    out.rotary = arguments.size() > 1 ? uint64_t(arguments[1]) : 0;
    break;
  case xf::RecipeKind::AddOne:
    out.kind = PackStep::Kind::AddOne;
    break;
  case xf::RecipeKind::SliceRows:
    out.kind = PackStep::Kind::SliceRows;
    out.begin = uint64_t(arguments[0]);
    out.end = uint64_t(arguments[1]);
    break;
  case xf::RecipeKind::ToF32:
    out.kind = PackStep::Kind::ToF32;
    break;
  case xf::RecipeKind::SliceGroups:
    out.kind = PackStep::Kind::SliceGroups;
    out.heads = uint64_t(arguments[0]);
    out.begin = uint64_t(arguments[1]);
    out.end = out.begin + uint64_t(arguments[2]);
    break;
  }
  return out;
}

/// Rows after the recipe: what panels of 16 columns do not say. A matrix may
/// stand for the vector of its elements.
uint64_t rowsAfter(const PackWeight &weight, bool isVector) {
  uint64_t total = 0;
  const std::vector<const SourceTensor *> &all = weight.layers.front();
  bool isStacked = weight.experts && all.front()->shape.size() == 3;
  size_t count =
      weight.experts && !isStacked ? all.size() / weight.experts : all.size();
  for (const SourceTensor *tensor : llvm::ArrayRef(all).take_front(count)) {
    uint64_t rows =
        tensor->shape.empty() ? 0 : tensor->shape[isStacked ? 1 : 0];
    if (isVector && tensor->shape.size() == 2 &&
        __builtin_mul_overflow(rows, tensor->shape[1], &rows))
      rows = 0; // make refuses the tensor
    for (const PackStep &step : weight.recipe) {
      if (step.kind == PackStep::Kind::Transpose && tensor->shape.size() == 2)
        rows = tensor->shape[1];
      else if (step.kind == PackStep::Kind::SliceRows)
        rows = step.end - step.begin;
      else if (step.kind == PackStep::Kind::SliceGroups)
        rows = step.heads * (step.end - step.begin); // make checks the product
    }
    total += rows;
  }
  return total;
}

/// `pattern` with the number in the place of "{i}" or "{e}".
std::string replaced(const std::string &pattern, const char *what,
                     uint64_t number) {
  size_t at = pattern.find(what);
  if (at == std::string::npos)
    return pattern;
  return pattern.substr(0, at) + std::to_string(number) +
         pattern.substr(at + 3);
}

Status findSources(xf::WeightOp op, const TensorSource &source,
                   PackWeight &weight) {
  auto type = cast<RankedTensorType>(op.getType());
  if (type.getRank() == 3)
    weight.experts = uint64_t(type.getDimSize(0));
  SmallVector<std::optional<int32_t>> layers;
  if (auto list = op.getLayers())
    layers.assign(list->begin(), list->end());
  else
    layers.push_back(std::nullopt);
  for (std::optional<int32_t> layer : layers) {
    std::vector<const SourceTensor *> parts;
    for (uint64_t expert = 0; expert < weight.matrices(); ++expert) {
      bool isStacked = false;
      for (auto pattern : op.getSources().getAsRange<StringAttr>()) {
        std::string name = pattern.str();
        if (layer)
          name = replaced(name, "{i}", uint64_t(*layer));
        isStacked = weight.experts && name.find("{e}") == std::string::npos;
        if (weight.experts)
          name = replaced(name, "{e}", expert);
        const SourceTensor *tensor = source.find(name);
        if (!tensor)
          return Error{"tensor '" + name + "': expected by weight '" +
                       weight.name + "', but it is missing"};
        // The tensors of an expert are told from those of all by their rank.
        if (weight.experts && tensor->shape.size() != (isStacked ? 3 : 2))
          return Error{"tensor '" + name + "': expected " +
                       (isStacked ? "three" : "two") + " dimensions, got " +
                       std::to_string(tensor->shape.size())};
        parts.push_back(tensor);
      }
      if (isStacked)
        break;
    }
    weight.layers.push_back(std::move(parts));
  }
  return {};
}

Status setType(RankedTensorType type, PackWeight &weight) {
  Type element = type.getElementType();
  weight.rows = rowsAfter(weight, type.getRank() == 1);
  if (type.getRank() == 1) {
    std::optional<Encoding> encoding = xf::getElementEncoding(element);
    if (!encoding || isBlockEncoding(*encoding))
      return Error{"weight '" + weight.name + "': expected a vector of floats"};
    weight.isVector = true;
    weight.encoding = *encoding;
    weight.columns = 1;
    if (weight.rows != uint64_t(type.getDimSize(0)))
      return Error{"weight '" + weight.name + "': expected " +
                   std::to_string(type.getDimSize(0)) + " elements, got " +
                   std::to_string(weight.rows)};
    weight.packing = "vector of " + std::to_string(weight.rows) + " " +
                     std::string(encodingName(weight.encoding));
    return {};
  }
  auto panel = dyn_cast<xf::PanelType>(element);
  if (!panel || panel.getColumns() != 16)
    return Error{"weight '" + weight.name +
                 "': expected panels of 16 columns; run xf-pack-weights first"};
  weight.encoding = panel.getEncoding();
  weight.group = panel.getGroup();
  ArrayRef<int64_t> matrix = type.getShape().take_back(2);
  weight.columns = uint64_t(matrix[1]) * panel.getGroup();
  if ((weight.rows + 15) / 16 != uint64_t(matrix[0]))
    return Error{"weight '" + weight.name + "': expected " +
                 std::to_string(matrix[0]) + " panels of 16 columns, got " +
                 std::to_string(weight.rows) + " rows"};
  weight.packing =
      "panels of 16 x " + std::to_string(weight.group) + " " +
      std::string(encodingName(weight.encoding)) + " of [" +
      (weight.experts ? std::to_string(weight.experts) + ", " : "") +
      std::to_string(weight.rows) + ", " + std::to_string(weight.columns) + "]";
  return {};
}

Result<PackPlan> planOf(ModuleOp module, const TensorSource &source) {
  FailureOr<WeightLayout> layout = computeWeightLayout(module);
  if (failed(layout))
    return Error{"the weights have no layout"};
  PackPlan plan;
  plan.dataBytes = layout->bytes;
  for (auto [op, placement] :
       llvm::zip_equal(module.getOps<xf::WeightOp>(), layout->weights)) {
    PackWeight weight;
    weight.name = op.getSymName();
    weight.offset = placement.offset;
    weight.bytes = placement.bytes;
    weight.stride = placement.stride;
    if (ArrayAttr recipe = op.getRecipeAttr())
      for (auto step : recipe.getAsRange<xf::RecipeStepAttr>())
        weight.recipe.push_back(stepOf(step));
    if (Status s = findSources(op, source, weight); !s)
      return s.takeError();
    if (Status s = setType(cast<RankedTensorType>(op.getType()), weight); !s)
      return s.takeError();
    plan.weights.push_back(std::move(weight));
  }
  return plan;
}

/// A new file beside `path` that is removed unless it is kept.
class NeighbourFile {
public:
  static Result<NeighbourFile> create(const std::string &path) {
    NeighbourFile file;
    file.name = path + ".XXXXXX";
    file.fd = ::mkostemp(file.name.data(), O_CLOEXEC);
    if (file.fd < 0)
      return Error{path + ": cannot create a file in its folder: " +
                   std::strerror(errno)};
    mode_t mask = ::umask(0);
    ::umask(mask);
    ::fchmod(file.fd, 0666 & ~mask);
    return file;
  }
  NeighbourFile(NeighbourFile &&other)
      : name(std::move(other.name)), fd(std::exchange(other.fd, -1)) {}
  ~NeighbourFile() {
    if (fd < 0)
      return;
    ::close(fd);
    ::unlink(name.c_str());
  }

  int descriptor() const { return fd; }
  Status keepAs(const std::string &path) {
    // Errors of delayed writes come to light here.
    int closed = ::close(std::exchange(fd, -1));
    if (closed == 0 && ::rename(name.c_str(), path.c_str()) == 0)
      return {};
    Error error{path + ": cannot write: " + std::strerror(errno)};
    ::unlink(name.c_str());
    return error;
  }

private:
  NeighbourFile() = default;
  std::string name;
  int fd = -1;
};

/// What the model computes, as hexadecimal digits: functions, weights with
/// their recipes and tables of rotations, but neither the card nor the layout.
/// What outlives an artefact (a saved session) is bound to it through the
/// header.
std::string computationHash(ModuleOp module) {
  Hasher hasher;
  for (Operation &op : *module.getBody()) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    op.print(stream, OpPrintingFlags().useLocalScope());
    hasher.update(std::string_view(text));
  }
  return hasher.finish().hex();
}

} // namespace

Result<PackedWeights> packWeightsInto(ModuleOp module,
                                      const TensorSource &source, int fd,
                                      uint64_t offset,
                                      const PackOptions &options) {
  Result<PackPlan> plan = planOf(module, source);
  if (!plan)
    return plan.takeError();
  if (auto order = module->getAttrOfType<xf::OrderAttr>(xf::kOrderAttr))
    plan->metadata.emplace_back("order",
                                (xf::stringifyOrderKind(order.getKind()) + "-" +
                                 std::to_string(order.getVersion()))
                                    .str());
  plan->metadata.emplace_back("computation", computationHash(module));
  return writeContainer(*plan, source, fd, offset, options);
}

Result<PackedWeights> packWeights(ModuleOp module, const TensorSource &source,
                                  const std::string &path,
                                  const PackOptions &options) {
  Result<NeighbourFile> file = NeighbourFile::create(path);
  if (!file)
    return file.takeError();
  PackOptions named = options;
  named.output = path;
  Result<PackedWeights> packed =
      packWeightsInto(module, source, file->descriptor(), 0, named);
  if (!packed)
    return packed.takeError();
  if (Status s = file->keepAs(path); !s)
    return s.takeError();
  return packed;
}

} // namespace espalier
