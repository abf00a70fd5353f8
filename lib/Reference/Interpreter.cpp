//===- Interpreter.cpp - Runs a step as docs/numerics.md says -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Reference/Interpreter.h"

#include "Evaluator.h"

#include <algorithm>
#include <cstring>

using namespace mlir;
using namespace espalier;
using namespace espalier::reference;

namespace espalier::reference {

class InterpreterImpl {
public:
  InterpreterImpl(ModuleOp module, WeightSource &weights, Options options)
      : module(module), evaluator(module, weights, options) {}

  struct Sequence {
    uint64_t length = 0;
    /// Parents, within the slot, of a tree that waits for its commit.
    std::vector<int32_t> tree;
  };

  Result<func::FuncOp> findStep(uint64_t rows, const std::string &name);
  Result<Rows> makeRows(const std::vector<InputRow> &input, bool &isTree);
  Result<Cache> cacheOf(xf::KVCacheType type);
  Sequence &sequence(int32_t slot) {
    if (sequences.size() <= size_t(slot))
      sequences.resize(slot + 1);
    return sequences[slot];
  }

  ModuleOp module;
  Evaluator evaluator;
  std::shared_ptr<CacheStorage> cache;
  std::vector<Sequence> sequences;
};

} // namespace espalier::reference

static uint64_t maxRows(func::FuncOp function) {
  auto bound = function->getAttrOfType<IntegerAttr>(xf::kMaxRowsAttr);
  return bound ? uint64_t(bound.getInt()) : UINT64_MAX;
}

Result<func::FuncOp> InterpreterImpl::findStep(uint64_t rows,
                                               const std::string &name) {
  func::FuncOp best;
  for (auto function : module.getOps<func::FuncOp>()) {
    llvm::StringRef symbol = function.getName();
    bool candidate = name.empty()
                         ? symbol == "step" || symbol.starts_with("step_")
                         : symbol == name;
    if (candidate && maxRows(function) >= rows &&
        (!best || maxRows(function) < maxRows(best)))
      best = function;
  }
  if (!best)
    return Error{"expected a function " +
                 (name.empty() ? "@step" : "@" + name) + " that takes " +
                 std::to_string(rows) + " rows"};
  return best;
}

Result<Rows> InterpreterImpl::makeRows(const std::vector<InputRow> &input,
                                       bool &isTree) {
  isTree = llvm::any_of(input, [](const InputRow &row) {
    return row.slot >= 0 && row.parent != InputRow::chain;
  });
  auto rows = std::make_shared<std::vector<Row>>();
  std::vector<int32_t> finished;
  size_t begin = 0; // of the slot's rows
  for (size_t i = 0; i < input.size(); ++i) {
    const InputRow &from = input[i];
    std::string place = "row " + std::to_string(i) + ": ";
    Row row;
    row.token = from.token;
    row.slot = from.slot;
    row.wanted = from.wanted;
    if (from.slot < 0) {
      rows->push_back(row);
      continue;
    }
    if (i == 0 || input[i - 1].slot != from.slot) {
      if (llvm::is_contained(finished, from.slot))
        return Error{place + "the rows of slot " + std::to_string(from.slot) +
                     " do not stand together"};
      finished.push_back(from.slot);
      begin = i;
    }
    int64_t parent = from.parent;
    if (parent == InputRow::chain)
      parent = i == begin ? InputRow::root : int64_t(i) - 1;
    if (parent != InputRow::root &&
        (parent < int64_t(begin) || parent >= int64_t(i)))
      return Error{place +
                   "expected an earlier row of its slot as parent, got " +
                   std::to_string(parent)};
    uint64_t past = sequence(from.slot).length;
    row.cacheRow = int32_t(past + (i - begin));
    if (parent == InputRow::root)
      for (uint64_t p = 0; p < past; ++p)
        row.path.push_back(int32_t(p));
    else
      row.path = (*rows)[parent].path;
    row.path.push_back(row.cacheRow);
    row.position = int32_t(row.path.size()) - 1;
    rows->push_back(row);
  }
  return Rows{rows, 0, int64_t(rows->size())};
}

Result<Cache> InterpreterImpl::cacheOf(xf::KVCacheType type) {
  if (!cache)
    cache = std::make_shared<CacheStorage>(type);
  xf::KVCacheType had = cache->getType();
  if (std::make_tuple(had.getLayers(), had.getHeads(), had.getDim(),
                      had.getElementType()) !=
      std::make_tuple(type.getLayers(), type.getHeads(), type.getDim(),
                      type.getElementType()))
    return Error{"the function's cache has another shape than the one in use"};
  Cache value;
  value.storage = cache;
  value.version = cache->version;
  return value;
}

//===----------------------------------------------------------------------===//
// Interpreter
//===----------------------------------------------------------------------===//

Interpreter::Interpreter(ModuleOp module, WeightSource &weights,
                         Options options)
    : impl(std::make_unique<InterpreterImpl>(module, weights, options)) {}
Interpreter::~Interpreter() = default;

Result<StepResult> Interpreter::step(const std::vector<InputRow> &input,
                                     const std::string &name) {
  if (input.empty())
    return Error{"expected at least one row"};
  TRY_LET(function, impl->findStep(input.size(), name));
  bool isTree = false;
  TRY_LET(rows, impl->makeRows(input, isTree));
  StepResult out;
  out.rows = input.size();
  out.wanted =
      llvm::count_if(input, [](const InputRow &row) { return row.wanted; });

  std::vector<Datum> arguments;
  for (Type type : function.getArgumentTypes()) {
    if (isa<xf::RowsType>(type)) {
      arguments.push_back(rows);
    } else if (auto cacheType = dyn_cast<xf::KVCacheType>(type)) {
      TRY_LET(cache, impl->cacheOf(cacheType));
      arguments.push_back(cache);
    } else if (auto tensor = dyn_cast<RankedTensorType>(type);
               tensor && tensor.getRank() == 2 &&
               tensor.getElementType().isF32() && !tensor.isDynamicDim(1)) {
      out.vocabulary = tensor.getDimSize(1);
      arguments.push_back(
          Tensor::make(tensor.getElementType(),
                       {int64_t(out.wanted), tensor.getDimSize(1)}));
    } else {
      return Error{"function '" + function.getName().str() +
                   "': expected rows, cache and logits as arguments"};
    }
  }
  Taps taps;
  taps.rows = int64_t(out.rows);
  TRY_LET(results, impl->evaluator.call(function, arguments, &taps));
  for (const Datum &result : results)
    if (auto tensor = std::get_if<Tensor>(&result)) {
      Tensor logits = tensor->contiguous();
      out.logits.assign(logits.data(), logits.data() + logits.size());
    }
  out.hiddenStates = taps.states.size();
  for (const auto &state : taps.states)
    for (const std::vector<float> &row : state) {
      out.width = row.size();
      out.hidden.insert(out.hidden.end(), row.begin(), row.end());
    }
  if (out.hidden.size() != out.hiddenStates * out.rows * out.width)
    return Error{"function '" + function.getName().str() +
                 "' does not show every hidden state of every row"};

  for (size_t i = 0, begin = 0; i < input.size(); ++i) {
    if (i == 0 || input[i].slot != input[i - 1].slot)
      begin = i;
    if (input[i].slot < 0)
      continue;
    InterpreterImpl::Sequence &sequence = impl->sequence(input[i].slot);
    if (i == begin)
      sequence.tree.clear();
    if (!isTree) {
      ++sequence.length;
      continue;
    }
    int32_t parent = input[i].parent;
    if (parent == InputRow::chain)
      parent = i == begin ? InputRow::root : int32_t(i) - 1;
    sequence.tree.push_back(parent < 0 ? parent : parent - int32_t(begin));
  }
  return out;
}

Status Interpreter::commit(int32_t slot, const std::vector<int32_t> &path) {
  if (slot < 0 || size_t(slot) >= impl->sequences.size())
    return Error{"expected a slot that was stepped, got " +
                 std::to_string(slot)};
  InterpreterImpl::Sequence &sequence = impl->sequence(slot);
  int32_t last = InputRow::root;
  for (int32_t row : path) {
    if (row < 0 || size_t(row) >= sequence.tree.size() ||
        sequence.tree[row] != last)
      return Error{"expected a path of the slot's last tree, got row " +
                   std::to_string(row) + " after row " + std::to_string(last)};
    last = row;
  }
  auto function = impl->module.lookupSymbol<func::FuncOp>("commit");
  if (!function || function.getNumArguments() != 3)
    return Error{"expected a function @commit of cache, past and path"};
  TRY_LET(cache,
          impl->cacheOf(cast<xf::KVCacheType>(function.getArgumentTypes()[0])));
  cache.slot = slot;
  Tensor indices = Tensor::make(IntegerType::get(function.getContext(), 32),
                                {int64_t(path.size())});
  std::copy(path.begin(), path.end(), indices.data<int32_t>());
  TRY(impl->evaluator.call(function, {cache, int64_t(sequence.length), indices},
                           nullptr));
  sequence.length += path.size();
  sequence.tree.clear();
  return {};
}

uint64_t Interpreter::length(int32_t slot) const {
  return slot >= 0 && size_t(slot) < impl->sequences.size()
             ? impl->sequences[slot].length
             : 0;
}

Status Interpreter::truncate(int32_t slot, uint64_t length) {
  if (slot < 0 || length > this->length(slot))
    return Error{"expected a length of at most " +
                 std::to_string(this->length(slot)) + ", got " +
                 std::to_string(length)};
  InterpreterImpl::Sequence &sequence = impl->sequence(slot);
  sequence.length = length;
  sequence.tree.clear();
  if (impl->cache)
    impl->cache->forget(slot, length);
  return {};
}

void Interpreter::reset() {
  impl->sequences.clear();
  if (impl->cache)
    impl->cache->clear();
}

std::vector<float> Interpreter::cacheRow(int32_t slot, uint64_t row) const {
  std::vector<float> out;
  if (!impl->cache)
    return out;
  xf::KVCacheType type = impl->cache->getType();
  for (int64_t layer = 0; layer < type.getLayers(); ++layer)
    for (xf::CachePart part : {xf::CachePart::Keys, xf::CachePart::Values})
      for (int64_t head = 0; head < type.getHeads(); ++head) {
        const float *at =
            impl->cache->find(layer, part, slot, head, int64_t(row));
        if (!at)
          return {};
        out.insert(out.end(), at, at + type.getDim());
      }
  return out;
}

int32_t reference::greedyToken(const float *logits, uint64_t vocabulary) {
  int32_t best = -1;
  for (uint64_t i = 0; i < vocabulary; ++i)
    if (logits[i] == logits[i] && (best < 0 || logits[i] > logits[best]))
      best = int32_t(i);
  return best;
}
