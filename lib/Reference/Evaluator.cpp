//===- Evaluator.cpp - Executes blocks, op by op --------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Evaluator.h"

#include "espalier/Support/Half.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

WeightSource::~WeightSource() = default;

Evaluator::Evaluator(ModuleOp module, WeightSource &weights, Options options)
    : options(options), random(options.seed), symbols(module), source(weights) {
  addScalarHandlers(handlers);
  addTensorHandlers(handlers);
  addControlHandlers(handlers);
  addPhaseHandlers(handlers);
  addStructureHandlers(handlers);
  addComputeHandlers(handlers);
  addCacheHandlers(handlers);
  addExpertHandlers(handlers);
  addRowHandlers(handlers);
}

Result<std::vector<Datum>>
Evaluator::call(func::FuncOp function, ArrayRef<Datum> arguments, Taps *into) {
  if (function.isExternal())
    return Error{"function '" + function.getName().str() + "' has no body"};
  order = function->getParentOfType<ModuleOp>()->getAttrOfType<xf::OrderAttr>(
      xf::kOrderAttr);
  if (!order || order.getKind() == xf::OrderKind::Fast)
    return Error{"the reference interpreter sums in the order #xf.order<cpu, " +
                 std::to_string(xf::kCPUOrderVersion) +
                 "> or #xf.order<systolic, 1, rows R>; the module states " +
                 std::string(order ? "another one" : "none")};
  values.clear();
  current.reset();
  errorIsPlaced = false;
  taps = into;
  Block &body = function.getBody().front();
  set(body.getArguments(), arguments);
  Result<std::vector<Datum>> results = run(body);
  taps = nullptr;
  return results;
}

Result<std::vector<Datum>> Evaluator::run(Block &block) {
  for (Operation &op : block.without_terminator())
    TRY(execute(&op));
  return getAll(block.getTerminator()->getOperands());
}

Status Evaluator::execute(Operation *op) {
  auto handler = handlers.find(op->getName().getStringRef());
  if (handler == handlers.end()) // dialects of scalars: one handler for all ops
    handler = handlers.find(op->getName().getDialectNamespace());
  Status status =
      handler == handlers.end()
          ? Status(Error{"the reference interpreter does not execute this op"})
          : handler->second(*this, op);
  if (status || errorIsPlaced)
    return status;
  errorIsPlaced = true;
  std::string place;
  llvm::raw_string_ostream os(place);
  if (auto at = dyn_cast<FileLineColLoc>(op->getLoc()))
    os << at.getFilename().getValue() << ":" << at.getLine() << ":"
       << at.getColumn() << ": ";
  os << "'" << op->getName() << "'";
  return status.takeError().within(place);
}

int64_t Evaluator::integer(OpFoldResult value) const {
  if (auto attribute = dyn_cast<Attribute>(value))
    return cast<IntegerAttr>(attribute).getInt();
  return integer(cast<mlir::Value>(value));
}

Sizes Evaluator::integers(ArrayRef<OpFoldResult> list) const {
  Sizes out;
  for (OpFoldResult value : list)
    out.push_back(integer(value));
  return out;
}

Result<Tensor> Evaluator::input(mlir::Value value) {
  const Tensor &tensor = get<Tensor>(value);
  if (tensor.storage->isDecoded())
    return Error{"reads the elements of a weight matrix"};
  TRY(tensor.noteRead(watched()));
  return tensor.contiguous();
}

Result<Tensor> Evaluator::output(mlir::Value init) {
  const Tensor &place = get<Tensor>(init);
  TRY(place.noteWrite(watched()));
  Tensor out = Tensor::make(place.elementType, place.shape);
  out.place = place.place;
  return out;
}

Result<Tensor> Evaluator::inputFloats(mlir::Value value) {
  TRY_LET(tensor, input(value));
  if (!tensor.elementType.isBF16())
    return tensor;
  Tensor wide = Tensor::make(Float32Type::get(tensor.elementType.getContext()),
                             tensor.shape);
  for (int64_t i = 0; i < tensor.size(); ++i)
    wide.data()[i] = bf16ToFloat(tensor.data<uint16_t>()[i]);
  return wide;
}

Status Evaluator::checkProduct(Type rows, Encoding weight) const {
  bool rounded = rows.isBF16();
  if (run() && !(rounded && weight == Encoding::BF16))
    return Error{"the order #xf.order<systolic, 1, rows R> multiplies bf16 "
                 "with bf16 only: run xf-round-for-array"};
  if (!run() && rounded)
    return Error{"the order #xf.order<cpu, 2> does not multiply rows of bf16"};
  return {};
}

Status Evaluator::requireCpuOrder() const {
  if (run())
    return Error{"the order #xf.order<systolic, 1, rows R> does not define "
                 "this op"};
  return {};
}

std::shared_ptr<const DecodedMatrix>
Evaluator::rounded(const std::shared_ptr<const DecodedMatrix> &matrix) {
  std::shared_ptr<const DecodedMatrix> &out = roundedMatrices[matrix];
  if (!out)
    out =
        std::make_shared<DecodedMatrix>(roundMatrix(*matrix, options.threads));
  return out;
}

void Evaluator::beginPhase(llvm::StringRef label) {
  current.emplace();
  current->number = ++phases;
  current->label = label.str();
}

Result<Tensor> Evaluator::weight(llvm::StringRef symbol, uint64_t index) {
  std::vector<Tensor> &layers = weights[symbol];
  if (index < layers.size() && layers[index].storage)
    return layers[index];
  auto op = symbols.lookup<xf::WeightOp>(symbol);
  auto type = cast<RankedTensorType>(op.getType());
  uint64_t count = op.getLayers() ? op.getLayers()->size() : 1;
  if (index >= count)
    return Error{"weight '" + symbol.str() + "' has no layer " +
                 std::to_string(index)};
  TRY_LET(data, source.load(op, index));

  Tensor tensor;
  tensor.elementType = type.getElementType();
  tensor.shape.assign(type.getShape().begin(), type.getShape().end());
  tensor.strides = denseStrides(tensor.shape);
  tensor.storage = std::make_shared<Storage>();
  std::optional<xf::EncodedMatrix> matrix = xf::getEncodedMatrix(type);
  std::optional<xf::EncodedExperts> experts = xf::getEncodedExperts(type);
  if (experts)
    matrix = experts->matrix;
  std::string wanted = "weight '" + symbol.str() + "': expected ";
  if (data.k == 0) {
    if (type.getRank() != 1 || !type.getElementType().isF32() ||
        uint64_t(type.getDimSize(0)) != data.n)
      return Error{wanted + "no vector of " + std::to_string(data.n)};
    tensor.storage->bytes = std::move(data.bytes);
  } else {
    if (!matrix || data.encoding != matrix->encoding ||
        data.k != uint64_t(matrix->getK()) ||
        data.n > uint64_t(matrix->getPaddedN()) ||
        data.n + matrix->columns <= uint64_t(matrix->getPaddedN()) ||
        data.experts != (experts ? uint64_t(experts->experts) : 0))
      return Error{wanted + "a matrix of its type, got " +
                   (data.experts ? std::to_string(data.experts) + " x " : "") +
                   std::to_string(data.n) + " x " + std::to_string(data.k) +
                   " of " + std::string(encodingName(data.encoding))};
    tensor.storage->columns = matrix->columns;
    auto decode = [&](const uint8_t *bytes) {
      return std::make_shared<DecodedMatrix>(
          decodeMatrix(data.encoding, data.columns, data.group, data.n, data.k,
                       bytes, options.threads));
    };
    if (!experts)
      tensor.storage->matrix = decode(data.bytes.data());
    for (uint64_t i = 0; i < data.experts; ++i)
      tensor.storage->experts.push_back(
          decode(data.bytes.data() + i * (data.bytes.size() / data.experts)));
  }
  layers.resize(count);
  layers[index] = tensor;
  return tensor;
}
