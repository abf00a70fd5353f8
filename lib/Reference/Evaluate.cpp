//===- Evaluate.cpp - Functions of tests, and their results as text -------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Reference/Interpreter.h"

#include "Evaluator.h"

#include "espalier/Support/Half.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

namespace {

//===----------------------------------------------------------------------===//
// Results as text
//===----------------------------------------------------------------------===//

/// Nine digits give every float32 back.
void printNumber(llvm::raw_ostream &os, float value) {
  os << llvm::format("%.9g", double(value));
}

void printElement(llvm::raw_ostream &os, Type type, const uint8_t *at) {
  auto number = [&](auto value) {
    std::memcpy(&value, at, sizeof(value));
    return value;
  };
  if (type.isF32())
    return printNumber(os, number(float()));
  if (type.isBF16())
    return printNumber(os, bf16ToFloat(number(uint16_t())));
  if (auto panel = dyn_cast<xf::PanelType>(type);
      panel && panel.getEncoding() == Encoding::A8) {
    os << "(d ";
    float d;
    std::memcpy(&d, at + a8::scale, 4);
    printNumber(os, d);
    int32_t sum;
    std::memcpy(&sum, at + a8::sum, 4);
    os << " sum " << sum << " q";
    for (int16_t code : decodePanelCodes(Encoding::A8, 1, at, 0).codes)
      os << " " << code;
    os << ")";
    return;
  }
  switch (elementBytes(type)) {
  case 1:
    os << int(number(int8_t()));
    return;
  case 4:
    os << number(int32_t());
    return;
  case 8:
    os << number(int64_t());
    return;
  default:
    os << "?";
  }
}

void printDimension(llvm::raw_ostream &os, const Tensor &tensor, size_t dim,
                    int64_t &at) {
  if (dim == tensor.shape.size()) {
    printElement(os, tensor.elementType, tensor.element(at++));
    return;
  }
  os << "[";
  for (int64_t i = 0; i < tensor.shape[dim]; ++i) {
    if (i)
      os << ", ";
    printDimension(os, tensor, dim + 1, at);
  }
  os << "]";
}

void printCache(llvm::raw_ostream &os, const Cache &cache) {
  const CacheStorage &storage = *cache.storage;
  xf::KVCacheType type = storage.getType();
  bool first = true;
  for (int64_t layer = 0; layer < type.getLayers(); ++layer)
    for (xf::CachePart part : {xf::CachePart::Keys, xf::CachePart::Values})
      for (int64_t head = 0; head < type.getHeads(); ++head)
        for (int64_t row = 0; row < 64; ++row) {
          const float *at = storage.find(layer, part, 0, head, row);
          if (!at)
            continue;
          os << (first ? "" : " ") << "layer " << layer << " "
             << (part == xf::CachePart::Keys ? "keys" : "values") << " head "
             << head << " row " << row << ":";
          first = false;
          for (int64_t d = 0; d < type.getDim(); ++d) {
            os << " ";
            printNumber(os, at[d]);
          }
          os << ";";
        }
}

void print(llvm::raw_ostream &os, const Datum &datum) {
  if (auto integer = std::get_if<int64_t>(&datum))
    os << *integer;
  else if (auto number = std::get_if<float>(&datum))
    printNumber(os, *number);
  else if (auto cache = std::get_if<Cache>(&datum))
    printCache(os, *cache);
  else if (auto tensor = std::get_if<Tensor>(&datum)) {
    Tensor dense = tensor->contiguous();
    int64_t at = 0;
    printDimension(os, dense, 0, at);
  } else {
    os << "?";
  }
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

ArrayRef<int32_t> listOf(DictionaryAttr attributes, llvm::StringRef name) {
  auto list = attributes ? attributes.getAs<DenseI32ArrayAttr>(name)
                         : DenseI32ArrayAttr();
  return list ? list.asArrayRef() : ArrayRef<int32_t>();
}

Result<Rows> describedRows(DictionaryAttr attributes) {
  ArrayRef<int32_t> tokens = listOf(attributes, "xf.tokens");
  ArrayRef<int32_t> parents = listOf(attributes, "xf.parents");
  ArrayRef<int32_t> wanted = listOf(attributes, "xf.wanted");
  ArrayRef<int32_t> slots = listOf(attributes, "xf.slots");
  auto fits = [&](ArrayRef<int32_t> list) {
    return list.empty() || list.size() == tokens.size();
  };
  if (tokens.empty() || !fits(parents) || !fits(wanted) || !fits(slots))
    return Error{"rows need xf.tokens, and other lists of the same length"};
  int64_t past = 0;
  if (auto number = attributes.getAs<IntegerAttr>("xf.past"))
    past = number.getInt();
  auto rows = std::make_shared<std::vector<Row>>();
  int32_t index = 0; // in the slot
  for (size_t i = 0; i < tokens.size(); ++i) {
    Row row;
    row.token = tokens[i];
    row.wanted = wanted.empty() || wanted[i];
    row.slot = slots.empty() ? 0 : slots[i];
    index = i && (*rows)[i - 1].slot == row.slot ? index + 1 : 0;
    if (row.slot >= 0) {
      int32_t parent = index == 0 ? -1 : int32_t(i) - 1;
      if (!parents.empty())
        parent = parents[i];
      if (parent >= int32_t(i))
        return Error{"a parent stands before its children"};
      if (parent >= 0)
        row.path = (*rows)[parent].path;
      else
        for (int32_t p = 0; p < past; ++p)
          row.path.push_back(p);
      row.cacheRow = int32_t(past) + index;
      row.path.push_back(row.cacheRow);
      row.position = int32_t(row.path.size()) - 1;
    }
    rows->push_back(row);
  }
  return Rows{rows, 0, int64_t(rows->size())};
}

} // namespace

Result<std::string> reference::evaluate(ModuleOp module,
                                        const std::string &name,
                                        WeightSource &weights,
                                        Options options) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function)
    return Error{"no function @" + name};
  Evaluator evaluator(module, weights, options);
  std::vector<Datum> arguments;
  Taps taps;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    Type type = function.getArgumentTypes()[i];
    if (isa<xf::RowsType>(type)) {
      TRY_LET(rows, describedRows(function.getArgAttrDict(i)));
      arguments.push_back(rows);
      taps.rows = std::max(taps.rows, rows.size);
    } else if (auto cacheType = dyn_cast<xf::KVCacheType>(type)) {
      Cache cache;
      cache.storage = std::make_shared<CacheStorage>(cacheType);
      arguments.push_back(cache);
    } else if (auto value =
                   function.getArgAttrOfType<IntegerAttr>(i, "xf.value")) {
      arguments.push_back(value.getInt());
    } else {
      return Error{"argument " + std::to_string(i) + " of @" + name +
                   ": expected rows, a cache or an integer with xf.value"};
    }
  }
  TRY_LET(results, evaluator.call(function, arguments, &taps));
  std::string text;
  llvm::raw_string_ostream os(text);
  for (auto [number, result] : llvm::enumerate(results)) {
    os << "@" << name << " result " << number << ": ";
    print(os, result);
    os << "\n";
  }
  for (auto [index, state] : llvm::enumerate(taps.states))
    for (auto [row, elements] : llvm::enumerate(state)) {
      os << "@" << name << " hidden " << index << " row " << row << ":";
      for (float element : elements) {
        os << " ";
        printNumber(os, element);
      }
      os << "\n";
    }
  return text;
}
