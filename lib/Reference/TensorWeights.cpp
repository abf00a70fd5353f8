//===- TensorWeights.cpp - Recipes, step by step --------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The obvious evaluation of a weight's recipe, whole matrices in memory, on
/// purpose apart from the packer's.
///
//===----------------------------------------------------------------------===//
#include "espalier/Import/TensorSource.h"
#include "espalier/Reference/WeightSource.h"
#include "espalier/Support/Half.h"

#include <algorithm>
#include <cstring>

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

namespace {

/// A tensor on its way: rows of equal size; a vector has rows of one element.
struct Matrix {
  Encoding encoding;
  uint64_t rows, columns, bytesPerRow;
  std::vector<uint8_t> bytes;

  uint8_t *row(uint64_t r) { return bytes.data() + r * bytesPerRow; }
  uint64_t bytesPerElement() const { return bytesPerRow / columns; }
};

float widened(const Matrix &matrix, const uint8_t *at) {
  uint16_t half;
  float single;
  std::memcpy(&half, at, 2);
  if (matrix.encoding == Encoding::F16)
    return f16ToFloat(half);
  if (matrix.encoding == Encoding::BF16)
    return bf16ToFloat(half);
  std::memcpy(&single, at, 4);
  return single;
}

Matrix transposed(Matrix from) {
  uint64_t size = from.bytesPerElement();
  Matrix to{from.encoding, from.columns, from.rows, from.rows * size, {}};
  to.bytes.resize(from.bytes.size());
  for (uint64_t r = 0; r < from.rows; ++r)
    for (uint64_t c = 0; c < from.columns; ++c)
      std::memcpy(to.row(c) + r * size, from.row(r) + c * size, size);
  return to;
}

/// Of the first `rotary` rows of a head, row j comes from row 2j, row j +
/// rotary/2 from row 2j + 1.
Matrix unpermuted(Matrix from, uint64_t heads, uint64_t rotary) {
  Matrix to = from;
  uint64_t dim = from.rows / heads;
  for (uint64_t h = 0; h < heads; ++h)
    for (uint64_t j = 0; j < rotary / 2; ++j)
      for (uint64_t odd : {0, 1})
        std::memcpy(to.row(h * dim + j + odd * (rotary / 2)),
                    from.row(h * dim + 2 * j + odd), from.bytesPerRow);
  return to;
}

/// Rows begin .. begin + count - 1 of each of `groups` groups.
Matrix sliced(Matrix from, uint64_t groups, uint64_t begin, uint64_t count) {
  Matrix to{from.encoding, groups * count, from.columns, from.bytesPerRow, {}};
  uint64_t size = from.rows / groups;
  for (uint64_t g = 0; g < groups; ++g)
    to.bytes.insert(to.bytes.end(), from.row(g * size + begin),
                    from.row(g * size + begin + count));
  return to;
}

Matrix mapped(Matrix from, float plus) {
  Matrix to{Encoding::F32, from.rows, from.columns, from.columns * 4, {}};
  to.bytes.resize(to.rows * to.bytesPerRow);
  uint64_t size = from.bytesPerElement();
  for (uint64_t i = 0; i < from.rows * from.columns; ++i) {
    float value = widened(from, from.bytes.data() + i * size);
    if (plus != 0)
      value = value + plus;
    std::memcpy(to.bytes.data() + i * 4, &value, 4);
  }
  return to;
}

Result<Matrix> applyStep(Matrix matrix, xf::RecipeStepAttr step) {
  ArrayRef<int64_t> arguments = step.getArguments();
  bool isFloat = !isBlockEncoding(matrix.encoding);
  switch (step.getKind()) {
  case xf::RecipeKind::Transpose:
    if (!isFloat)
      return Error{"expected a float type to transpose"};
    return transposed(std::move(matrix));
  case xf::RecipeKind::UnpermuteHeads: {
    uint64_t heads = arguments[0], dim = matrix.rows / heads;
    uint64_t rotary = arguments.size() > 1 ? uint64_t(arguments[1]) : dim;
    if (matrix.rows % (2 * heads) != 0 || rotary % 2 != 0 || rotary > dim)
      return Error{"expected rows of " + std::to_string(heads) +
                   " heads of even dimension"};
    return unpermuted(std::move(matrix), heads, rotary);
  }
  case xf::RecipeKind::AddOne:
    if (matrix.encoding != Encoding::F32)
      return Error{"expected float32 to add one to"};
    return mapped(std::move(matrix), 1);
  case xf::RecipeKind::SliceRows: {
    uint64_t begin = arguments[0], end = arguments[1];
    if (begin >= end || end > matrix.rows)
      return Error{"expected rows up to " + std::to_string(end) + ", got " +
                   std::to_string(matrix.rows)};
    return sliced(std::move(matrix), 1, begin, end - begin);
  }
  case xf::RecipeKind::SliceGroups: {
    uint64_t groups = arguments[0], begin = arguments[1], count = arguments[2];
    if (matrix.rows % groups != 0 || begin >= matrix.rows / groups ||
        count > matrix.rows / groups - begin)
      return Error{"expected " + std::to_string(groups) +
                   " groups of equal size, got " + std::to_string(matrix.rows) +
                   " rows"};
    return sliced(std::move(matrix), groups, begin, count);
  }
  case xf::RecipeKind::ToF32:
    if (!isFloat)
      return Error{"expected a float type to widen"};
    return mapped(std::move(matrix), 0);
  }
  return Error{"unknown step of a recipe"};
}

/// `expert`: which matrix of a tensor of rank 3 that holds `experts`.
Result<Matrix> readTensor(const TensorSource &source, const std::string &name,
                          size_t rank, uint64_t expert, uint64_t experts) {
  bool isVector = rank == 1;
  const SourceTensor *tensor = source.find(name);
  // A matrix of floats may stand for the vector of its elements.
  bool flattened = isVector && tensor && tensor->shape.size() == 2 &&
                   tensor->encoding && !isBlockEncoding(*tensor->encoding);
  if (!tensor || !tensor->encoding ||
      (tensor->shape.size() != rank && !flattened) || rowBytes(*tensor) == 0 ||
      (rank == 3 && tensor->shape[0] != experts))
    return Error{std::string("expected a ") + (isVector ? "vector" : "matrix") +
                 " of a supported type"};
  std::vector<uint8_t> scratch;
  uint64_t rows = flattened  ? tensor->shape[0]
                  : isVector ? 1
                             : tensor->shape[rank - 2];
  const uint8_t *bytes = source.rows(*tensor, expert * rows, rows, scratch);
  Matrix out{*tensor->encoding,
             flattened  ? tensor->shape[0] * tensor->shape[1]
             : isVector ? tensor->shape[0]
                        : rows,
             isVector ? 1 : tensor->shape.back(),
             0,
             {}};
  out.bytesPerRow = rowBytes(*tensor) / (isVector ? tensor->shape.back() : 1);
  out.bytes.assign(bytes, bytes + rows * rowBytes(*tensor));
  return out;
}

std::string replaced(std::string name, const char *what, uint64_t number) {
  if (size_t at = name.find(what); at != std::string::npos)
    name.replace(at, 3, std::to_string(number));
  return name;
}

} // namespace

Result<WeightData> TensorWeights::load(xf::WeightOp op, uint64_t index) {
  auto type = cast<RankedTensorType>(op.getType());
  bool isVector = type.getRank() == 1;
  uint64_t experts = type.getRank() == 3 ? uint64_t(type.getDimSize(0)) : 0;
  WeightData out;
  out.experts = experts;
  uint64_t rowsOfAll = 0;
  for (uint64_t e = 0; e < std::max<uint64_t>(1, experts); ++e) {
    for (auto pattern : op.getSources().getAsRange<StringAttr>()) {
      std::string name = pattern.str();
      if (op.getLayers())
        name = replaced(name, "{i}", uint64_t((*op.getLayers())[index]));
      std::string ofExpert = experts ? replaced(name, "{e}", e) : name;
      bool stacked = experts && ofExpert == name;
      Result<Matrix> matrix = readTensor(tensors, ofExpert,
                                         stacked    ? 3
                                         : isVector ? 1
                                                    : 2,
                                         stacked ? e : 0, experts);
      if (matrix && op.getRecipe())
        for (auto step : op.getRecipe()->getAsRange<xf::RecipeStepAttr>()) {
          matrix = applyStep(std::move(*matrix), step);
          if (!matrix)
            break;
        }
      if (!matrix)
        return matrix.takeError().within("tensor '" + ofExpert + "'");
      if (rowsOfAll != 0 && (out.encoding != matrix->encoding ||
                             out.k != (isVector ? 0 : matrix->columns)))
        return Error{"tensor '" + ofExpert +
                     "': expected the type and columns of the tensors before"};
      out.encoding = matrix->encoding;
      out.k = isVector ? 0 : matrix->columns;
      rowsOfAll += matrix->rows;
      out.bytes.insert(out.bytes.end(), matrix->bytes.begin(),
                       matrix->bytes.end());
    }
    uint64_t rows = rowsOfAll / (e + 1);
    if (e > 0 && rows != out.n)
      return Error{"weight '" + op.getSymName().str() +
                   "': expected experts of equal size"};
    out.n = rows;
  }
  if (isVector && out.encoding != Encoding::F32)
    return Error{"weight '" + op.getSymName().str() +
                 "': expected a vector of float32, got " +
                 std::string(encodingName(out.encoding))};
  out.group = isBlockEncoding(out.encoding) ? 32 : unsigned(out.k);
  return out;
}
