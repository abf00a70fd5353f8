//===- LowerStep.cpp - From a model's step to a sequence ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "StepLowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::systolic;

#define TRY(expression)                                                        \
  do {                                                                         \
    if (Status tried = (expression); !tried)                                   \
      return tried;                                                            \
  } while (false)

xf::WeightRefOp systolic::weightBehind(mlir::Value value) {
  if (auto decode = value.getDefiningOp<xf::DecodeWeightOp>())
    value = decode.getWeight();
  return value.getDefiningOp<xf::WeightRefOp>();
}

Error systolic::errorAt(Operation *op, const std::string &what) {
  return Error{"'" + op->getName().getStringRef().str() + "': " + what};
}

StepLowering::StepLowering(ModuleOp module, const SystolicMachine &machine,
                           const ModelImage &image, const StepBucket &bucket)
    : module(module), machine(machine), image(image), bucket(bucket),
      emit(machine, bucket.rows, tileBytes(machine, image)) {}

/// Tiles of weights, keys and values; rows begin at granules.
uint64_t StepLowering::tileBytes(const SystolicMachine &machine,
                                 const ModelImage &image) {
  auto rowBytes = [](uint64_t columns) { return (columns * 2 + 15) / 16 * 16; };
  uint64_t most = std::max(
      uint64_t(machine.columns) * rowBytes(image.headDim),
      uint64_t(machine.rows) *
          rowBytes(std::min<uint64_t>(image.headDim, machine.columns)));
  for (const WeightImage &weight : image.weights)
    if (weight.form == WeightImage::Form::Panels) {
      PanelLayout::Tile tile = weight.panels.tile(0, 0);
      most = std::max(most, tile.rows * rowBytes(tile.columns));
    }
  return most;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// A value from outside a layer is read again by the next one, also what an
/// operation inside `op` reads.
bool StepLowering::isLastUse(Operation *op, mlir::Value value) const {
  if (value.getParentBlock() != op->getBlock())
    return false;
  for (Operation *user : value.getUsers()) {
    Operation *here = op->getBlock()->findAncestorOpInBlock(*user);
    if (!here || (user != op && !here->isBeforeInBlock(op)))
      return false;
  }
  return true;
}

Matrix StepLowering::makeResult(mlir::Value result, uint32_t columns,
                                uint8_t type) {
  Matrix matrix = emit.allocate(bucket.rows, columns, type);
  slots[result] = {matrix, true};
  return matrix;
}

Matrix StepLowering::accumulateInto(Operation *op, mlir::Value init,
                                    mlir::Value result) {
  Slot &slot = slots[init];
  if (!isLastUse(op, init))
    return makeResult(result, slot.matrix.columns, slot.matrix.type);
  Slot moved = slot;
  slot.owned = false;
  slots[result] = moved;
  return moved.matrix;
}

void StepLowering::releaseDead(Operation *op) {
  auto release = [&](mlir::Value value) {
    auto at = slots.find(value);
    if (at == slots.end() || !at->second.owned || !isLastUse(op, value))
      return;
    if (value.getParentBlock() != op->getBlock())
      return;
    emit.release(at->second.matrix);
    at->second.owned = false;
  };
  for (mlir::Value operand : op->getOperands())
    release(operand);
  for (mlir::Value result : op->getResults())
    if (result.use_empty())
      release(result);
}

//===----------------------------------------------------------------------===//
// DRAM
//===----------------------------------------------------------------------===//

Place StepLowering::placeAt(const std::string &name, uint32_t region,
                            ArrayRef<uint64_t> offsets) {
  std::vector<uint64_t> addresses;
  for (uint64_t offset : offsets)
    addresses.push_back(ESPALIER_SYSTOLIC_ADDRESS(region, offset));
  Place place;
  place.addresses = &*addressLists.insert(std::move(addresses)).first;
  place.name = name;
  return place;
}

const WeightImage &StepLowering::weight(mlir::Value value,
                                        WeightImage::Form form) {
  llvm::StringRef symbol = weightBehind(value).getWeight();
  return *llvm::find_if(image.weights, [&](const WeightImage &weight) {
    return weight.symbol == symbol && weight.form == form;
  });
}

Place StepLowering::placeOf(const WeightImage &weight, uint8_t type,
                            uint64_t stride) {
  // A layer without the weight never asks for its address.
  std::vector<uint64_t> offsets = {weight.offsets[0]};
  if (weight.layers.size() > 1 || weight.layers[0] != 0) {
    offsets.assign(image.layers, weight.offsets[0]);
    for (size_t i = 0; i < weight.layers.size(); ++i)
      offsets[weight.layers[i]] = weight.offsets[i];
  }
  Place place = placeAt(
      weight.symbol + (weight.form == WeightImage::Form::Rows ? "_rows" : ""),
      RegionWeights, offsets);
  place.type = type;
  place.stride = uint32_t(stride);
  return place;
}

Matrix StepLowering::loadVector(mlir::Value value) {
  const WeightImage &vector = weight(value, WeightImage::Form::Vector);
  Matrix row = emit.allocate(1, uint32_t(vector.n), ESPALIER_SYSTOLIC_F32);
  emit.load(row, placeOf(vector, ESPALIER_SYSTOLIC_F32, vector.n * 4));
  return row;
}

Place StepLowering::cachePlace(mlir::Value layer, xf::CachePart part,
                               uint32_t head) {
  std::vector<uint64_t> offsets;
  std::string name = part == xf::CachePart::Keys ? "keys" : "values";
  if (std::optional<int64_t> constant = getConstantIntValue(layer)) {
    offsets.push_back(image.cacheOffset(uint32_t(*constant), unsigned(part)));
    name += "_" + std::to_string(*constant);
  } else {
    for (uint32_t i = 0; i < image.layers; ++i)
      offsets.push_back(image.cacheOffset(i, unsigned(part)));
  }
  Place place = placeAt(name, RegionCache, offsets);
  place.stride = image.headDim * 2;
  return place.from(head * image.headBytes());
}

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

/// What the rotations of all layers read is fetched once.
void StepLowering::gatherRopes(func::FuncOp function) {
  for (const RopeImage &rope : image.ropes) {
    bool used = false;
    function.walk([&](xf::RopeOp op) { used |= op.getTable() == rope.symbol; });
    if (!used)
      continue;
    Matrix rows =
        emit.allocate(bucket.rows, rope.pairs * 2, ESPALIER_SYSTOLIC_F32);
    Place place = placeAt(rope.symbol, RegionTables, {rope.offset});
    place.type = ESPALIER_SYSTOLIC_F32;
    place.stride = uint32_t(image.tableStride);
    emit.gather(rows, place, ESPALIER_ARGUMENT_POSITION);
    ropeRows[rope.symbol] = rows;
  }
}

Status StepLowering::lower(Operation *op) {
  return llvm::TypeSwitch<Operation *, Status>(op)
      .Case<xf::RepeatOp>([&](auto op) { return repeat(op); })
      .Case<xf::EmbeddingOp>([&](auto op) { return embedding(op); })
      .Case<xf::RmsNormOp>([&](auto op) { return norm(op); })
      .Case<xf::RoundOp>([&](auto op) { return round(op); })
      .Case<xf::LinearOp>([&](auto op) { return linear(op); })
      .Case<xf::LogitsOp>([&](auto op) { return logits(op); })
      .Case<xf::RopeOp>([&](auto op) { return rope(op); })
      .Case<xf::KVAppendOp>([&](auto op) { return append(op); })
      .Case<xf::AttentionOp>([&](auto op) { return attention(op); })
      .Case<xf::GluOp>([&](auto op) { return glu(op); })
      .Case<xf::ActivationOp>([&](auto op) { return activation(op); })
      .Case<xf::ScaleOp>([&](auto op) { return scale(op); })
      .Case<xf::SelectRowsOp>([&](auto op) { return selectRows(op); })
      .Case<xf::TapOp>([&](auto op) { return tap(op); })
      .Default([](auto) { return Status(); }); // no instructions
}

Status StepLowering::lowerBlock(Block &block) {
  for (Operation &op : block.without_terminator()) {
    TRY(lower(&op));
    releaseDead(&op);
    if (emit.failed())
      return {};
  }
  return {};
}

/// What a layer yields goes to the matrices that the next one finds it in.
/// Where that is the matrix of another argument, the order of the copies would
/// decide what is lost.
Status StepLowering::yield(Operation *op,
                           ArrayRef<std::optional<Matrix>> carried) {
  for (auto [value, to] : llvm::zip_equal(op->getOperands(), carried)) {
    if (!to)
      continue;
    auto at = slots.find(value);
    bool isMade = at != slots.end() && value.getParentBlock() == op->getBlock();
    if (isMade && at->second.matrix.address == to->address)
      continue;
    if (!isMade || !at->second.owned ||
        llvm::count(op->getOperands(), value) > 1)
      return errorAt(op, "the accelerator's lowering takes rows that the layer "
                         "made, each yielded once, or that it was given at the "
                         "same place");
    emit.map(ESPALIER_MAP_COPY, at->second.matrix, *to);
    emit.release(at->second.matrix);
    at->second.owned = false;
  }
  return {};
}

/// A loop for each run of layers of one kind. The rows that pass from layer to
/// layer stay in one matrix: that of the init, or a copy where something else
/// reads the init.
Status StepLowering::repeat(xf::RepeatOp op) {
  ArrayRef<int32_t> kinds = op.getKinds();
  SmallVector<std::optional<Matrix>> carried;
  for (mlir::Value init : op.getInits()) {
    auto at = slots.find(init);
    if (at == slots.end()) {
      if (isa<TensorType>(init.getType()))
        return errorAt(op, "the accelerator's lowering takes rows that an "
                           "operation made as initial values");
      carried.push_back(std::nullopt);
      continue;
    }
    Matrix matrix = at->second.matrix;
    if (at->second.owned && isLastUse(op, init) &&
        llvm::count(op.getInits(), init) == 1) {
      at->second.owned = false;
    } else {
      Matrix copy = emit.allocate(matrix.rows, matrix.columns, matrix.type);
      emit.map(ESPALIER_MAP_COPY, matrix, copy);
      matrix = copy;
    }
    carried.push_back(matrix);
  }
  for (size_t begin = 0; begin < kinds.size();) {
    size_t end = begin + 1;
    while (end < kinds.size() && kinds[end] == kinds[begin])
      ++end;
    Block &body = op.getBodies()[kinds[begin]].front();
    emit.repeat(uint32_t(begin), uint32_t(end - begin));
    emit.mark(layersMark + std::to_string(begin) + "-" +
              std::to_string(end - 1));
    auto arguments = body.getArguments().drop_front(2);
    for (auto [argument, matrix] : llvm::zip_equal(arguments, carried))
      if (matrix)
        slots[argument] = {*matrix, false};
    TRY(lowerBlock(body));
    if (emit.failed())
      return {};
    TRY(yield(body.getTerminator(), carried));
    emit.endRepeat();
    begin = end;
  }
  emit.mark(outputMark);
  for (auto [result, matrix] : llvm::zip_equal(op.getResults(), carried))
    if (matrix)
      slots[result] = {*matrix, true};
  return {};
}

Result<Sequence> StepLowering::run() {
  auto function = module.lookupSymbol<func::FuncOp>("step");
  if (!function || function.isExternal())
    return Error{"the module has no function @step"};
  Program &frame = emit.frame();
  auto region = [&](uint32_t kind, const char *name, uint64_t bytes) {
    Region region;
    region.kind = kind;
    region.name = name;
    region.bytes = std::max<uint64_t>(bytes, 16);
    frame.regions.push_back(region);
  };
  uint64_t rows = bucket.rows;
  region(ESPALIER_REGION_WEIGHTS, "weights", image.weightBytes);
  region(ESPALIER_REGION_TABLE, "rope", image.tableBytes);
  region(ESPALIER_REGION_CACHE, "cache", image.cacheBytes);
  region(ESPALIER_REGION_ARENA, "selected", rows * image.hidden * 4);
  region(ESPALIER_REGION_OUTPUT, "logits", rows * image.vocabulary * 4);
  region(ESPALIER_REGION_OUTPUT, "hidden",
         (image.layers + 1) * rows * image.hidden * 4);
  frame.bucketRows = bucket.rows;
  frame.arrayRows = machine.rows;
  frame.arrayColumns = machine.columns;
  gatherRopes(function);
  if (Status status = lowerBlock(function.getBody().front()); !status)
    return status.takeError();
  return emit.finish();
}

//===----------------------------------------------------------------------===//
// The image
//===----------------------------------------------------------------------===//

namespace {

/// What the lowering takes; the error names the operation.
Status checkSupported(Operation *op) {
  if (auto attention = dyn_cast<xf::AttentionOp>(op)) {
    if (attention.getSoftCap() || attention.getAlibi() ||
        getConstantIntValue(attention.getFirstHead()) != 0)
      return errorAt(op, "the accelerator's lowering takes no soft cap, no "
                         "alibi and only all heads at once");
  } else if (auto norm = dyn_cast<xf::RmsNormOp>(op)) {
    if (norm.getSegment() || norm.getAccumulate())
      return errorAt(op, "the accelerator's lowering takes no segments and no "
                         "residual of a norm");
  } else if (auto append = dyn_cast<xf::KVAppendOp>(op)) {
    if (getConstantIntValue(append.getFirstHead()) != 0 || !append.getResult())
      return errorAt(op, "the accelerator's lowering takes all heads at once");
  } else if (!isa<xf::RepeatOp, xf::YieldOp, xf::EmbeddingOp, xf::RoundOp,
                  xf::LinearOp, xf::LogitsOp, xf::RopeOp, xf::GluOp,
                  xf::ActivationOp, xf::ScaleOp, xf::SelectRowsOp, xf::TapOp,
                  xf::RowsCountOp, xf::WantedCountOp, xf::WeightRefOp,
                  xf::DecodeWeightOp, tensor::EmptyOp, tensor::DimOp,
                  arith::ConstantOp, func::FuncOp, func::ReturnOp>(op)) {
    return errorAt(op, "the accelerator's lowering does not take it");
  }
  return {};
}

/// Which form a weight has, by the operations that read it.
class ImagePlanner {
public:
  ImagePlanner(ModuleOp module, const SystolicMachine &machine)
      : module(module), machine(machine) {}

  Result<ModelImage> run(uint32_t cacheRows);

private:
  Status addUse(Operation *op, mlir::Value value, WeightImage::Form form);
  Status visit(Operation *op);
  Status addRopes();
  Status readCache(uint32_t cacheRows);

  ModuleOp module;
  const SystolicMachine &machine;
  ModelImage image;
};

Status ImagePlanner::addUse(Operation *op, mlir::Value value,
                            WeightImage::Form form) {
  if (!value)
    return {};
  xf::WeightRefOp ref = weightBehind(value);
  if (!ref)
    return errorAt(op, "expected a weight of the model");
  // A matrix that serves the embedding and the logits lies in DRAM twice.
  std::string symbol = ref.getWeight().str();
  for (const WeightImage &known : image.weights)
    if (known.symbol == symbol && known.form == form)
      return {};
  auto declared = module.lookupSymbol<xf::WeightOp>(ref.getWeight());
  auto type = cast<RankedTensorType>(declared.getType());
  WeightImage weight;
  weight.symbol = symbol;
  weight.form = form;
  if (form == WeightImage::Form::Vector) {
    weight.n = uint64_t(type.getDimSize(0));
    weight.k = 1;
    weight.bytes = weight.n * 4;
  } else {
    std::optional<xf::EncodedMatrix> matrix = xf::getEncodedMatrix(type);
    if (!matrix || matrix->columns != 1)
      return errorAt(op, "expected a matrix as the checkpoint has it");
    weight.n = uint64_t(matrix->panelRows);
    weight.k = uint64_t(matrix->getK());
    if (form == WeightImage::Form::Rows) {
      weight.bytes = weight.n * weight.rowStride();
    } else {
      bool blocks = isBlockEncoding(matrix->encoding);
      weight.panels =
          PanelLayout(weight.n, weight.k,
                      blocks ? matrix->encoding : espalier::Encoding::BF16,
                      machine.rows, machine.columns);
      weight.bytes = weight.panels.bytes();
    }
  }
  weight.layers.push_back(0);
  if (declared.getLayers())
    weight.layers.assign(declared.getLayers()->begin(),
                         declared.getLayers()->end());
  for (size_t i = 0; i < weight.layers.size(); ++i) {
    weight.offsets.push_back(image.weightBytes);
    image.weightBytes += (weight.bytes + 63) / 64 * 64;
  }
  image.weights.push_back(std::move(weight));
  return {};
}

Status ImagePlanner::visit(Operation *op) {
  using Form = WeightImage::Form;
  TRY(checkSupported(op));
  if (auto linear = dyn_cast<xf::LinearOp>(op)) {
    TRY(addUse(op, linear.getWeight(), Form::Panels));
    return addUse(op, linear.getBias(), Form::Vector);
  }
  if (auto logits = dyn_cast<xf::LogitsOp>(op)) {
    image.vocabulary =
        uint32_t(cast<ShapedType>(logits.getInit().getType()).getDimSize(1));
    TRY(addUse(op, logits.getWeight(), Form::Panels));
    return addUse(op, logits.getBias(), Form::Vector);
  }
  if (auto embedding = dyn_cast<xf::EmbeddingOp>(op)) {
    image.hidden =
        uint32_t(cast<ShapedType>(embedding.getInit().getType()).getDimSize(1));
    return addUse(op, embedding.getTable(), Form::Rows);
  }
  if (auto norm = dyn_cast<xf::RmsNormOp>(op))
    return addUse(op, norm.getWeight(), Form::Vector);
  return {};
}

Status ImagePlanner::addRopes() {
  for (auto table : module.getOps<xf::RopeTableOp>()) {
    RopeImage rope;
    rope.symbol = table.getSymName().str();
    rope.pairs = uint32_t(table.getFrequencies().size());
    rope.offset = image.tableStride;
    if (rope.pairs % 2 != 0)
      return errorAt(table, "the accelerator needs an even number of "
                            "frequencies, got " +
                                std::to_string(rope.pairs));
    image.tableStride += rope.pairs * 8;
    image.ropes.push_back(rope);
  }
  image.tableBytes = image.cacheRows * image.tableStride;
  return {};
}

Status ImagePlanner::readCache(uint32_t cacheRows) {
  auto function = module.lookupSymbol<func::FuncOp>("step");
  if (!function)
    return Error{"the module has no function @step"};
  xf::KVCacheType cache;
  for (Type type : function.getArgumentTypes())
    if (auto found = dyn_cast<xf::KVCacheType>(type))
      cache = found;
  if (!cache || cache.getLayout() != xf::KVLayout::Rows ||
      !cache.getElementType().isBF16())
    return Error{"the accelerator needs a cache of bf16 in layout rows: run "
                 "xf-select-kv-layout"};
  image.layers = uint32_t(cache.getLayers());
  image.kvHeads = uint32_t(cache.getHeads());
  image.headDim = uint32_t(cache.getDim());
  image.cacheRows = cacheRows;
  if (image.headDim % 8 != 0 || machine.rows % 8 != 0 ||
      machine.columns % 8 != 0)
    return Error{"the accelerator needs heads, rows and columns of the array "
                 "that are multiples of 8, got " +
                 std::to_string(image.headDim) + ", " +
                 std::to_string(machine.rows) + " and " +
                 std::to_string(machine.columns)};
  image.cacheBytes = image.cacheOffset(image.layers, 0);
  return {};
}

Result<ModelImage> ImagePlanner::run(uint32_t cacheRows) {
  auto order = module->getAttrOfType<xf::OrderAttr>(xf::kOrderAttr);
  if (!order || order.getKind() != xf::OrderKind::Systolic ||
      order.getRows() != machine.rows)
    return Error{"the module must be in the order of the accelerator's " +
                 std::to_string(machine.rows) +
                 " rows: run xf-round-for-array"};
  if (!machine.bf16 || !machine.weightStationary)
    return Error{"machine '" + machine.name +
                 "' cannot run models: they need an array of bf16 with the "
                 "dataflow weight_stationary"};
  Status status = readCache(cacheRows);
  if (status)
    module.lookupSymbol<func::FuncOp>("step").walk([&](Operation *op) {
      if (status)
        status = visit(op);
    });
  if (status)
    status = addRopes();
  if (!status)
    return status.takeError();
  return std::move(image);
}

} // namespace

Result<ModelImage> systolic::planImage(ModuleOp module,
                                       const SystolicMachine &machine,
                                       uint32_t cacheRows) {
  return ImagePlanner(module, machine).run(cacheRows);
}

Result<Sequence> systolic::lowerStep(ModuleOp module,
                                     const SystolicMachine &machine,
                                     const ModelImage &image,
                                     const StepBucket &bucket) {
  if (bucket.rows < 1 || bucket.context < 1 || bucket.context > image.cacheRows)
    return Error{"a bucket of " + std::to_string(bucket.rows) +
                 " rows and a context of " + std::to_string(bucket.context) +
                 " does not fit a cache for " +
                 std::to_string(image.cacheRows) + " tokens"};
  return StepLowering(module, machine, image, bucket).run();
}
