//===- Value.cpp - What IR values are while a step runs -------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Value.h"

#include <cstring>
#include <limits>

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

uint64_t reference::elementBytes(Type elementType) {
  if (auto panel = dyn_cast<xf::PanelType>(elementType))
    return panel.getBytes();
  if (elementType.isIndex())
    return 8;
  if (elementType.isIntOrFloat())
    return (elementType.getIntOrFloatBitWidth() + 7) / 8;
  return 0;
}

Sizes reference::denseStrides(ArrayRef<int64_t> shape) {
  Sizes strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

Tensor Tensor::make(Type elementType, ArrayRef<int64_t> shape) {
  Tensor out;
  out.elementType = elementType;
  out.shape.assign(shape.begin(), shape.end());
  out.strides = denseStrides(shape);
  out.storage = std::make_shared<Storage>();
  out.storage->bytes.assign(out.size() * elementBytes(elementType), 0xff);
  return out;
}

int64_t Tensor::size() const {
  int64_t size = 1;
  for (int64_t extent : shape)
    size *= extent;
  return size;
}

bool Tensor::isContiguous() const {
  int64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected)
      return false;
    expected *= shape[i];
  }
  return true;
}

/// Calls `visit(linear index, dot product of index and strides)` for each
/// element until it fails.
template <typename Visit>
static Status forEachElement(ArrayRef<int64_t> shape, ArrayRef<int64_t> strides,
                             Visit visit) {
  int64_t total = 1;
  for (int64_t extent : shape)
    total *= extent;
  Sizes index(shape.size(), 0);
  for (int64_t linear = 0, at = 0; linear < total; ++linear) {
    if (Status s = visit(linear, at); !s)
      return s;
    for (size_t i = shape.size(); i-- > 0;) {
      at += strides[i];
      if (++index[i] < shape[i])
        break;
      at -= shape[i] * strides[i];
      index[i] = 0;
    }
  }
  return {};
}

Tensor Tensor::copy() const {
  Tensor out = make(elementType, shape);
  out.assign(*this);
  return out;
}

Tensor Tensor::slice(ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                     ArrayRef<int64_t> steps) const {
  Tensor out = *this;
  out.shape.assign(sizes.begin(), sizes.end());
  for (size_t i = 0; i < shape.size(); ++i) {
    out.offset += offsets[i] * strides[i];
    out.strides[i] = strides[i] * steps[i];
    if (place.shadow) {
      out.place.offset += offsets[i] * place.strides[i];
      out.place.strides[i] = place.strides[i] * steps[i];
    }
  }
  return out;
}

void Tensor::assign(const Tensor &source) const {
  size_t bytes = elementBytes(elementType);
  if (isContiguous() && source.isContiguous()) {
    if (int64_t count = size())
      std::memmove(element(0), source.element(0), count * bytes);
    return;
  }
  std::vector<int64_t> from;
  (void)forEachElement(source.shape, source.strides,
                       [&](int64_t, int64_t at) -> Status {
                         from.push_back(at);
                         return {};
                       });
  (void)forEachElement(
      shape, strides, [&](int64_t linear, int64_t at) -> Status {
        std::memmove(element(at), source.element(from[linear]), bytes);
        return {};
      });
}

Status Tensor::noteRead(const PhaseState *phase) const {
  if (!phase || !place.shadow)
    return {};
  return forEachElement(shape, place.strides, [&](int64_t, int64_t at) {
    return place.shadow->read(*phase, place.offset + at);
  });
}

Status Tensor::noteWrite(const PhaseState *phase) const {
  if (!phase || !place.shadow)
    return {};
  return forEachElement(shape, place.strides, [&](int64_t, int64_t at) {
    return place.shadow->write(*phase, place.offset + at);
  });
}

//===----------------------------------------------------------------------===//
// Caches
//===----------------------------------------------------------------------===//

CacheStorage::CacheStorage(xf::KVCacheType type)
    : type(type), element(*xf::getElementEncoding(type.getElementType())) {}

CacheStorage::Slot &CacheStorage::slot(int32_t number) {
  while (slots.size() <= size_t(number)) {
    Slot slot;
    slot.elements.resize(type.getLayers() * 2 * type.getHeads());
    slot.written.resize(slot.elements.size());
    std::vector<int64_t> shape = {0, type.getLayers(), 2, type.getHeads()};
    slot.shadow = std::make_shared<Shadow>(
        "the cache of slot " + std::to_string(slots.size()) +
            " (row, layer, keys or values, head)",
        shape);
    slots.push_back(std::move(slot));
  }
  return slots[number];
}

const float *CacheStorage::find(int64_t layer, xf::CachePart part, int32_t slot,
                                int64_t head, int64_t row) const {
  if (slot < 0 || size_t(slot) >= slots.size())
    return nullptr;
  uint64_t at = lane(layer, part, head);
  const Slot &from = slots[slot];
  if (uint64_t(row) >= from.written[at].size() || !from.written[at][row])
    return nullptr;
  return from.elements[at].data() + row * type.getDim();
}

float *CacheStorage::grow(int64_t layer, xf::CachePart part, int32_t number,
                          int64_t head, int64_t row) {
  Slot &into = slot(number);
  uint64_t at = lane(layer, part, head);
  if (uint64_t(row) >= into.written[at].size()) {
    into.written[at].resize(row + 1);
    into.elements[at].resize((row + 1) * type.getDim(),
                             std::numeric_limits<float>::quiet_NaN());
  }
  into.written[at][row] = true;
  return into.elements[at].data() + row * type.getDim();
}

uint64_t CacheStorage::place(int64_t layer, xf::CachePart part, int64_t head,
                             int64_t row) const {
  return uint64_t(row) * (type.getLayers() * 2 * type.getHeads()) +
         lane(layer, part, head);
}

Shadow &CacheStorage::shadow(int32_t number) { return *slot(number).shadow; }

void CacheStorage::forget(int32_t number, uint64_t from) {
  if (size_t(number) >= slots.size())
    return;
  for (std::vector<bool> &rows : slots[number].written)
    if (rows.size() > from)
      rows.resize(from);
  for (std::vector<float> &rows : slots[number].elements)
    if (rows.size() > from * type.getDim())
      rows.resize(from * type.getDim());
}

Status Cache::check() const {
  if (version != storage->version)
    return Error{
        "uses a cache value that was overwritten: caches are passed on "
        "from use to use"};
  return {};
}
