//===- TensorSource.cpp - The tensors of a model, whatever file -----------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/TensorSource.h"

#include "espalier/Support/Half.h"
#include "espalier/Support/Hash.h"

#include <cassert>
#include <cmath>
#include <cstring>

namespace espalier {
namespace {

std::optional<Encoding> encodingOf(DType type) {
  switch (type) {
  case DType::F32:
    return Encoding::F32;
  case DType::F16:
    return Encoding::F16;
  case DType::BF16:
    return Encoding::BF16;
  default:
    return std::nullopt;
  }
}

/// Sequence of Steele, Lea and Flood's SplitMix64.
struct Random {
  uint64_t state;
  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
};

/// Fills one row with numbers that are uniform in centre +- spread, four from
/// each draw.
template <typename Store>
void fillRow(Random random, uint64_t elements, float centre, float spread,
             Store store) {
  for (uint64_t k = 0; k < elements; k += 4) {
    uint64_t draw = random.next();
    uint64_t end = elements - k < 4 ? elements - k : 4;
    for (uint64_t j = 0; j < end; ++j, draw >>= 16)
      store(k + j, centre + float(int16_t(draw)) * (spread / 32768.0f));
  }
}

} // namespace

uint64_t rowBytes(const SourceTensor &tensor) {
  if (!tensor.encoding || tensor.shape.empty())
    return 0;
  uint64_t elements = tensor.shape.back();
  if (!isBlockEncoding(*tensor.encoding))
    return elements * *panelBytes(*tensor.encoding, 1, 1);
  if (elements % 32 != 0)
    return 0;
  return elements / 32 * *panelBytes(*tensor.encoding, 1, 32);
}

TensorSource::TensorSource(Checkpoint checkpoint)
    : origin(std::move(checkpoint)) {
  for (const auto &[name, tensor] : std::get<Checkpoint>(origin).tensors()) {
    SourceTensor out;
    out.name = name;
    out.typeName = dtypeName(tensor.dtype);
    out.encoding = encodingOf(tensor.dtype);
    out.shape = tensor.shape;
    out.bytes = tensor.bytes;
    out.file = tensor.file;
    out.offset = tensor.offset;
    named.emplace(name, std::move(out));
  }
}

TensorSource::TensorSource(GgufModel model) : origin(std::move(model)) {
  const GgufModel &file = std::get<GgufModel>(origin);
  for (const GgufTensor &tensor : file.gguf.tensors()) {
    SourceTensor out;
    out.name = tensor.name;
    out.typeName = ggmlTypeName(tensor.type);
    out.shape = tensor.shape();
    out.encoding = ggmlEncoding(tensor.type);
    if (out.encoding) {
      Result<std::span<const uint8_t>> data = file.gguf.data(tensor);
      if (data)
        out.bytes = *data;
      else
        out.encoding = std::nullopt;
    }
    out.offset = file.gguf.dataOffset() + tensor.offset;
    named.emplace(out.name, std::move(out));
  }
}

TensorSource TensorSource::madeUp(uint64_t seed, Encoding type) {
  assert(!isBlockEncoding(type) && "only floats are made up");
  TensorSource source;
  source.origin = MadeUp{seed, type};
  return source;
}

const SourceTensor *TensorSource::find(std::string_view name) const {
  auto it = named.find(name);
  return it == named.end() ? nullptr : &it->second;
}

void TensorSource::declare(const std::string &name, std::vector<uint64_t> shape,
                           float centre) {
  assert(isMadeUp() && !shape.empty() && "a file says what it holds");
  SourceTensor out;
  out.name = name;
  bool matrix = shape.size() > 1;
  out.encoding = matrix ? std::get<MadeUp>(origin).type : Encoding::F32;
  out.typeName = encodingName(*out.encoding);
  // Uniform numbers of this width have the standard deviation 1/sqrt(K).
  out.spread = matrix ? std::sqrt(3.0f / float(shape.back())) : 0.05f;
  out.centre = centre;
  out.shape = std::move(shape);
  named.emplace(name, std::move(out));
}

const uint8_t *TensorSource::rows(const SourceTensor &tensor, uint64_t first,
                                  uint64_t count,
                                  std::vector<uint8_t> &scratch) const {
  uint64_t stride = rowBytes(tensor);
  if (!isMadeUp()) {
    assert((first + count) * stride <= tensor.bytes.size() && "beyond the end");
    return tensor.bytes.data() + first * stride;
  }
  scratch.resize(count * stride);
  uint64_t name = hash128(tensor.name).low;
  uint64_t elements = tensor.shape.back();
  for (uint64_t r = 0; r < count; ++r) {
    // Every row has a sequence of its own: what a row holds does not depend on
    // which rows are asked for together.
    Random seeded{name ^
                  (std::get<MadeUp>(origin).seed + 1) * 0xd1342543de82ef95};
    seeded.state = seeded.next() + (first + r) * 0x2545f4914f6cdd1d;
    Random random{seeded.next()};
    uint8_t *row = scratch.data() + r * stride;
    auto fill = [&](auto store) {
      fillRow(random, elements, tensor.centre, tensor.spread, store);
    };
    switch (*tensor.encoding) {
    case Encoding::F16:
      fill([&](uint64_t k, float value) {
        uint16_t bits = floatToF16(value);
        std::memcpy(row + 2 * k, &bits, 2);
      });
      break;
    case Encoding::BF16:
      fill([&](uint64_t k, float value) {
        uint16_t bits = floatToBf16(value);
        std::memcpy(row + 2 * k, &bits, 2);
      });
      break;
    default:
      fill([&](uint64_t k, float value) {
        std::memcpy(row + 4 * k, &value, 4);
      });
      break;
    }
  }
  return scratch.data();
}

void TensorSource::release(const SourceTensor &tensor, uint64_t first,
                           uint64_t count) const {
  uint64_t stride = rowBytes(tensor);
  size_t begin = size_t(tensor.offset + first * stride);
  size_t size = size_t(count * stride);
  if (const auto *checkpoint = std::get_if<Checkpoint>(&origin))
    checkpoint->files()[tensor.file].file().release(begin, size);
  else if (const auto *model = std::get_if<GgufModel>(&origin))
    model->file.release(begin, size);
}

Status TensorSource::unchanged() const {
  if (const auto *checkpoint = std::get_if<Checkpoint>(&origin))
    return checkpoint->unchanged();
  if (const auto *model = std::get_if<GgufModel>(&origin))
    return model->file.unchanged();
  return {};
}

} // namespace espalier
