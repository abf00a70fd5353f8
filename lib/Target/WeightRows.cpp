//===- WeightRows.cpp - Rows of a weight, by its recipe -------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "WeightRows.h"

#include "espalier/Support/Half.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace espalier {
namespace {

Error fault(const SourceTensor &tensor, const std::string &expected,
            const std::string &got) {
  return Error{"tensor '" + tensor.name + "': expected " + expected + ", got " +
               got};
}

float widen(Encoding encoding, const uint8_t *at) {
  if (encoding == Encoding::F32) {
    float value;
    std::memcpy(&value, at, 4);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, at, 2);
  return encoding == Encoding::F16 ? f16ToFloat(bits) : bf16ToFloat(bits);
}

size_t elementBytes(Encoding encoding) {
  return encoding == Encoding::F32 ? 4 : 2;
}

} // namespace

/// The tensors of one expert, which are all where they hold every expert.
static std::span<const SourceTensor *const>
tensorsOf(const PackWeight &weight, size_t layer, size_t expert) {
  std::span<const SourceTensor *const> all = weight.layers[layer];
  if (weight.experts == 0 || all.empty() || all.front()->shape.size() == 3)
    return all;
  size_t each = all.size() / weight.experts;
  return all.subspan(expert * each, each);
}

Result<WeightRows> WeightRows::make(const PackWeight &weight, size_t layer,
                                    size_t expert) {
  WeightRows out;
  out.weight = &weight;
  Encoding wanted = weight.encoding;
  for (const PackStep &step : weight.recipe) {
    out.widened |= step.kind == PackStep::Kind::ToF32;
    out.addOne |= step.kind == PackStep::Kind::AddOne;
    out.transposed |= step.kind == PackStep::Kind::Transpose;
  }
  uint64_t total = 0;
  for (const SourceTensor *tensor : tensorsOf(weight, layer, expert)) {
    if (!tensor->encoding || (!out.widened && *tensor->encoding != wanted) ||
        (out.widened && isBlockEncoding(*tensor->encoding)) ||
        (out.addOne && wanted != Encoding::F32))
      return fault(*tensor,
                   "a type that can be packed as " +
                       std::string(encodingName(wanted)),
                   tensor->typeName);
    // A matrix of floats may stand for the vector of its elements.
    bool flattened = weight.isVector && tensor->shape.size() == 2 &&
                     !isBlockEncoding(*tensor->encoding);
    bool stacked = weight.experts != 0 && tensor->shape.size() == 3;
    if (stacked && tensor->shape[0] != weight.experts)
      return fault(*tensor, std::to_string(weight.experts) + " experts",
                   std::to_string(tensor->shape[0]));
    size_t rank = weight.isVector ? 1 : stacked ? 3 : 2;
    if ((tensor->shape.size() != rank && !flattened) ||
        rowBytes(*tensor) == 0 || (stacked && out.transposed))
      return fault(*tensor, weight.isVector ? "a vector" : "a matrix",
                   std::to_string(tensor->shape.size()) + " dimensions");
    uint64_t rows = tensor->shape[stacked ? 1 : 0];
    if (flattened && __builtin_mul_overflow(rows, tensor->shape[1], &rows))
      return fault(*tensor, "fewer elements", "too many");
    uint64_t columns = weight.isVector ? 1 : tensor->shape.back();
    Part part{tensor, total, total, 0, {}};
    uint64_t stored = tensor->shape.size() == 1 ? 1 : tensor->shape[0];
    if (stacked && (__builtin_mul_overflow(rows, expert, &part.base) ||
                    __builtin_mul_overflow(rows, weight.experts, &stored)))
      return fault(*tensor, "fewer rows", std::to_string(rows));
    for (const PackStep &step : weight.recipe) {
      if (step.kind == PackStep::Kind::Transpose) {
        if (!part.sizes.empty() || isBlockEncoding(wanted) || weight.isVector)
          return fault(*tensor, "a matrix of floats, transposed first",
                       tensor->typeName);
        std::swap(rows, columns);
      }
      part.sizes.push_back(rows);
      if (step.kind == PackStep::Kind::UnpermuteHeads &&
          (step.heads == 0 || rows % step.heads != 0 ||
           rows / step.heads % 2 != 0 || step.rotary % 2 != 0 ||
           step.rotary > rows / step.heads))
        return fault(*tensor,
                     "rows of " + std::to_string(step.heads) +
                         " heads of even dimension" +
                         (step.rotary
                              ? ", at least " + std::to_string(step.rotary)
                              : ""),
                     std::to_string(rows) + " rows");
      if (step.kind == PackStep::Kind::SliceRows) {
        if (step.begin >= step.end || step.end > rows)
          return fault(*tensor, "rows up to " + std::to_string(step.end),
                       std::to_string(rows) + " rows");
        rows = step.end - step.begin;
      }
      if (step.kind == PackStep::Kind::SliceGroups) {
        if (step.heads == 0 || rows % step.heads != 0 ||
            step.begin >= step.end || step.end > rows / step.heads)
          return fault(*tensor,
                       std::to_string(step.heads) +
                           " groups of equal size, of at least " +
                           std::to_string(step.end) + " rows",
                       std::to_string(rows) + " rows");
        rows = step.heads * (step.end - step.begin);
      }
    }
    if (columns != weight.columns)
      return fault(*tensor, std::to_string(weight.columns) + " columns",
                   std::to_string(columns));
    // Bytes of a mapped file: what the rows claim must be there.
    uint64_t size = 0;
    if (__builtin_mul_overflow(stored, rowBytes(*tensor), &size) ||
        (tensor->spread == 0 && size != tensor->bytes.size()))
      return fault(*tensor, std::to_string(size) + " bytes",
                   std::to_string(tensor->bytes.size()));
    if (__builtin_add_overflow(total, rows, &total))
      return fault(*tensor, "fewer rows", std::to_string(rows));
    part.end = total;
    out.parts.push_back(std::move(part));
  }
  if (out.parts.empty() || total != weight.rows)
    return Error{"weight '" + weight.name + "': expected " +
                 std::to_string(weight.rows) + " rows, got " +
                 std::to_string(total)};
  return out;
}

const WeightRows::Part &WeightRows::partOf(uint64_t row) const {
  if (parts.size() == 1)
    return parts.front();
  return *std::upper_bound(
      parts.begin(), parts.end(), row,
      [](uint64_t r, const Part &part) { return r < part.end; });
}

WeightRows::Origin WeightRows::origin(uint64_t row) const {
  const Part &part = partOf(row);
  row -= part.begin;
  // From the last step back to the tensor.
  for (size_t i = weight->recipe.size(); i-- > 0;) {
    const PackStep &step = weight->recipe[i];
    if (step.kind == PackStep::Kind::SliceRows) {
      row += step.begin;
    } else if (step.kind == PackStep::Kind::UnpermuteHeads) {
      uint64_t dim = part.sizes[i] / step.heads, j = row % dim;
      uint64_t rotary = step.rotary ? step.rotary : dim, half = rotary / 2;
      if (j < rotary)
        row = row - j + (j < half ? 2 * j : 2 * (j - half) + 1);
    } else if (step.kind == PackStep::Kind::SliceGroups) {
      uint64_t count = step.end - step.begin;
      row =
          row / count * (part.sizes[i] / step.heads) + step.begin + row % count;
    }
  }
  return {part.tensor, part.base + row};
}

const uint8_t *WeightRows::read(const TensorSource &source, uint64_t row,
                                Scratch &scratch) const {
  Origin from = origin(row);
  Encoding stored = *from.tensor->encoding;
  if (!weight->isVector && !transposed && !widened && !addOne)
    return source.rows(*from.tensor, from.row, 1, scratch.made);

  // Element by element: vectors, and the rare matrices that are transposed or
  // widened.
  size_t in = elementBytes(stored), out = elementBytes(weight->encoding);
  scratch.row.resize(weight->columns * out);
  const uint8_t *line = nullptr;
  if (weight->isVector)
    line =
        source.rows(*from.tensor, 0,
                    from.tensor->shape.size() == 1 ? 1 : from.tensor->shape[0],
                    scratch.made) +
        from.row * in;
  else if (!transposed)
    line = source.rows(*from.tensor, from.row, 1, scratch.made);
  for (uint64_t k = 0; k < weight->columns; ++k) {
    const uint8_t *at =
        line ? line + k * in
             : source.rows(*from.tensor, k, 1, scratch.made) + from.row * in;
    uint8_t *to = scratch.row.data() + k * out;
    if (weight->encoding != Encoding::F32) {
      std::memcpy(to, at, out);
      continue;
    }
    float value = widen(stored, at);
    if (addOne)
      value += 1.0f;
    std::memcpy(to, &value, 4);
  }
  return scratch.row.data();
}

void WeightRows::release(const TensorSource &source, uint64_t first,
                         uint64_t count) const {
  if (weight->isVector || transposed)
    return; // small, or read again for the next row
  for (const Part &part : parts) {
    uint64_t begin = std::max(first, part.begin);
    uint64_t end = std::min(first + count, part.end);
    if (begin >= end)
      continue;
    uint64_t low = UINT64_MAX, high = 0;
    for (uint64_t row = begin; row < end; ++row) {
      uint64_t from = origin(row).row;
      low = std::min(low, from);
      high = std::max(high, from);
    }
    source.release(*part.tensor, low, high - low + 1);
  }
}

} // namespace espalier
