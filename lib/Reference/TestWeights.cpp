//===- TestWeights.cpp - Weights that follow from a seed ------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Reference/WeightSource.h"

#include "espalier/Support/Half.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

namespace {

/// splitmix64: bits that depend on every bit of the state.
uint64_t mix(uint64_t state) {
  state += 0x9e3779b97f4a7c15u;
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
  state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
  return state ^ (state >> 31);
}

/// In [-1, 1).
float uniform(uint64_t bits) { return float(int64_t(bits) >> 40) * 0x1p-23f; }

/// The bytes of `group` values of one output, as a checkpoint holds them.
void makeGroup(Encoding encoding, unsigned group, uint64_t seed, float spread,
               uint8_t *out) {
  auto store = [&](size_t at, auto value) {
    std::memcpy(out + at, &value, sizeof(value));
  };
  if (!isBlockEncoding(encoding)) {
    for (unsigned i = 0; i < group; ++i) {
      float value = uniform(mix(seed + i)) * spread;
      if (encoding == Encoding::F32)
        store(i * 4, value);
      else
        store(i * 2, encoding == Encoding::F16 ? floatToF16(value)
                                               : floatToBf16(value));
    }
    return;
  }
  unsigned largest = encoding == Encoding::Q8_0 ? 127 : 8;
  float scale = spread / float(largest) * (1 + uniform(mix(seed)) * 0.5f);
  store(0, floatToF16(scale));
  size_t codes = 2;
  if (encoding == Encoding::Q4_1) {
    store(2, floatToF16(-scale * 7.5f * (1 + uniform(mix(seed + 1)) * 0.1f)));
    codes = 4;
  }
  for (unsigned i = 0; i < (encoding == Encoding::Q8_0 ? 32u : 16u); ++i) {
    uint8_t code = uint8_t(mix(seed + 2 + i));
    out[codes + i] = encoding == Encoding::Q8_0 && code == 0x80 ? 0x81 : code;
  }
}

Result<WeightData> fromAttribute(xf::WeightOp op, DenseElementsAttr dense,
                                 WeightData data, uint64_t index) {
  if (dense.isSplat() || !dense.getElementType().isIntOrFloat())
    return Error{"weight '" + op.getSymName().str() +
                 "': expected `data` without splats"};
  ArrayRef<char> raw = dense.getRawData();
  uint64_t layers = op.getLayers() ? op.getLayers()->size() : 1;
  uint64_t size =
      *panelBytes(data.encoding, data.columns, data.group) *
      std::max<uint64_t>(1, data.experts) *
      (data.k ? data.n / data.columns * (data.k / data.group) : data.n);
  if (raw.size() != size * layers)
    return Error{"weight '" + op.getSymName().str() + "': expected `data` of " +
                 std::to_string(size * layers) + " bytes, got " +
                 std::to_string(raw.size())};
  const char *begin = raw.data() + size * index;
  data.bytes.assign(begin, begin + size);
  return data;
}

} // namespace

Result<WeightData> TestWeights::load(xf::WeightOp op, uint64_t index) {
  auto type = cast<RankedTensorType>(op.getType());
  auto dense = op->getAttrOfType<DenseElementsAttr>("data");
  uint64_t layer = op.getLayers() ? (*op.getLayers())[index] : 0;
  uint64_t base = mix(seed ^ mix(layer + 1));
  for (char letter : op.getSymName())
    base = mix(base ^ uint8_t(letter));

  WeightData data;
  std::optional<xf::EncodedMatrix> matrix = xf::getEncodedMatrix(type);
  if (std::optional<xf::EncodedExperts> experts = xf::getEncodedExperts(type)) {
    matrix = experts->matrix;
    data.experts = uint64_t(experts->experts);
  }
  if (!matrix) {
    if (type.getRank() != 1 || !type.getElementType().isF32())
      return Error{"weight '" + op.getSymName().str() +
                   "': expected a matrix or a vector of f32"};
    data.n = type.getDimSize(0);
    if (dense)
      return fromAttribute(op, dense, data, index);
    data.bytes.resize(data.n * 4);
    for (uint64_t i = 0; i < data.n; ++i) {
      float value = 1 + uniform(mix(base + i)) * 0.25f;
      std::memcpy(data.bytes.data() + i * 4, &value, 4);
    }
    return data;
  }
  data.encoding = matrix->encoding;
  data.n = matrix->getPaddedN();
  data.k = matrix->getK();
  if (dense) {
    data.columns = matrix->columns;
    data.group = matrix->group;
    return fromAttribute(op, dense, data, index);
  }
  // Groups of one column, whatever the panels of the type are: a type that is
  // packed otherwise has the same values.
  data.group = isBlockEncoding(data.encoding) ? 32 : 1;
  uint64_t groups = data.k / data.group;
  uint64_t bytes = *panelBytes(data.encoding, 1, data.group);
  float spread = 2 / std::sqrt(float(data.k));
  uint64_t copies = std::max<uint64_t>(1, data.experts);
  data.bytes.resize(copies * data.n * groups * bytes);
  uint8_t *out = data.bytes.data();
  for (uint64_t e = 0; e < copies; ++e) {
    // An expert's number of rows depends on the panels; its seed does not.
    uint64_t expert = e ? mix(base + e) : base;
    for (uint64_t i = 0; i < data.n * groups; ++i, out += bytes)
      makeGroup(data.encoding, data.group, mix(expert ^ mix(i)), spread, out);
  }
  return data;
}
