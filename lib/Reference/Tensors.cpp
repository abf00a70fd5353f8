//===- Tensors.cpp - The tensor dialect -----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Evaluator.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cstring>

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

namespace {

/// Fails unless the slice lies within the tensor.
Status checkSlice(const Tensor &tensor, ArrayRef<int64_t> offsets,
                  ArrayRef<int64_t> sizes, ArrayRef<int64_t> steps) {
  for (size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] < 0 || offsets[i] < 0 ||
        (sizes[i] > 0 &&
         offsets[i] + (sizes[i] - 1) * steps[i] >= tensor.shape[i]))
      return Error{"dimension " + std::to_string(i) + ": " +
                   std::to_string(sizes[i]) + " elements from " +
                   std::to_string(offsets[i]) + " on do not lie in " +
                   std::to_string(tensor.shape[i])};
  return {};
}

Status empty(Evaluator &e, tensor::EmptyOp op) {
  Sizes sizes = e.integers(op.getMixedSizes());
  e.set(op.getResult(), Tensor::make(op.getType().getElementType(), sizes));
  return {};
}

Status dim(Evaluator &e, tensor::DimOp op) {
  const Tensor &tensor = e.get<Tensor>(op.getSource());
  int64_t index = e.integer(op.getIndex());
  TRY(require(index >= 0 && index < int64_t(tensor.shape.size()),
              "no such dimension"));
  e.set(op.getResult(), tensor.shape[index]);
  return {};
}

Status castTensor(Evaluator &e, tensor::CastOp op) {
  Tensor tensor = e.get<Tensor>(op.getSource());
  auto type = cast<RankedTensorType>(op.getType());
  for (auto [extent, expected] : llvm::zip_equal(tensor.shape, type.getShape()))
    TRY(require(ShapedType::isDynamic(expected) || extent == expected,
                "the tensor has another shape"));
  e.set(op.getResult(), tensor);
  return {};
}

Status extract(Evaluator &e, tensor::ExtractOp op) {
  Tensor tensor = e.get<Tensor>(op.getTensor());
  TRY(require(!tensor.storage->isDecoded(),
              "reads an element of a weight matrix"));
  Sizes index;
  for (mlir::Value value : op.getIndices())
    index.push_back(e.integer(value));
  Sizes ones(index.size(), 1);
  TRY(checkSlice(tensor, index, ones, ones));
  Tensor element = tensor.slice(index, ones, ones);
  TRY(element.noteRead(e.watched()));
  Type type = op.getType();
  if (type.isF32()) {
    e.set(op.getResult(), *element.data<float>());
    return {};
  }
  int64_t value = 0;
  size_t bytes = elementBytes(type);
  TRY(require(isa<IntegerType, IndexType>(type) && bytes <= 8,
              "expected integers or float32"));
  std::memcpy(&value, element.element(0), bytes);
  if (bytes < 8 && !type.isInteger(1)) // sign
    value = int64_t(uint64_t(value) << (64 - 8 * bytes)) >> (64 - 8 * bytes);
  e.set(op.getResult(), value);
  return {};
}

Status extractSlice(Evaluator &e, tensor::ExtractSliceOp op) {
  const Tensor &tensor = e.get<Tensor>(op.getSource());
  Sizes offsets = e.integers(op.getMixedOffsets());
  Sizes sizes = e.integers(op.getMixedSizes());
  Sizes steps = e.integers(op.getMixedStrides());
  TRY(checkSlice(tensor, offsets, sizes, steps));
  Tensor view = tensor.slice(offsets, sizes, steps);
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (int i = dropped.find_last(); i >= 0; i = dropped.find_prev(i)) {
    view.shape.erase(view.shape.begin() + i);
    view.strides.erase(view.strides.begin() + i);
    if (view.place.shadow)
      view.place.strides.erase(view.place.strides.begin() + i);
  }
  e.set(op.getResult(), view);
  return {};
}

Status insertSlice(Evaluator &e, tensor::InsertSliceOp op) {
  const Tensor &into = e.get<Tensor>(op.getDest());
  TRY_LET(source, e.input(op.getSource()));
  Tensor result = into.copy();
  result.place = into.place;
  Sizes offsets = e.integers(op.getMixedOffsets());
  Sizes sizes = e.integers(op.getMixedSizes());
  Sizes steps = e.integers(op.getMixedStrides());
  TRY(checkSlice(result, offsets, sizes, steps));
  Tensor view = result.slice(offsets, sizes, steps);
  TRY(require(view.size() == source.size(), "the source has another size"));
  TRY(view.noteWrite(e.watched()));
  view.assign(source);
  e.set(op.getResult(), result);
  return {};
}

/// The destination is the memory that the tiles share: written in place.
Status parallelInsertSlice(Evaluator &e, tensor::ParallelInsertSliceOp op) {
  const Tensor &into = e.get<Tensor>(op.getDest());
  const Tensor &source = e.get<Tensor>(op.getSource());
  Sizes offsets = e.integers(op.getMixedOffsets());
  Sizes sizes = e.integers(op.getMixedSizes());
  Sizes steps = e.integers(op.getMixedStrides());
  TRY(checkSlice(into, offsets, sizes, steps));
  Tensor view = into.slice(offsets, sizes, steps);
  TRY(require(view.size() == source.size(), "the source has another size"));
  TRY(view.noteWrite(e.watched()));
  view.assign(source);
  return {};
}

} // namespace

void reference::addTensorHandlers(Handlers &handlers) {
  on<tensor::EmptyOp>(handlers, empty);
  on<tensor::DimOp>(handlers, dim);
  on<tensor::CastOp>(handlers, castTensor);
  on<tensor::ExtractOp>(handlers, extract);
  on<tensor::ExtractSliceOp>(handlers, extractSlice);
  on<tensor::InsertSliceOp>(handlers, insertSlice);
  on<tensor::ParallelInsertSliceOp>(handlers, parallelInsertSlice);
}
