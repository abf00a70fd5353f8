//===- EvaluatePass.cpp - Runs the interpreter from espalier-opt ----------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Reference/Interpreter.h"
#include "espalier/Reference/Passes.h"
#include "espalier/Support/Hash.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace espalier {
#define GEN_PASS_DEF_XFEVALUATE
#define GEN_PASS_DEF_XFINTERPRET
#include "espalier/Reference/Passes.h.inc"

namespace {

struct EvaluatePass : impl::XFEvaluateBase<EvaluatePass> {
  using XFEvaluateBase::XFEvaluateBase;

  void runOnOperation() override {
    reference::TestWeights weights(seed);
    for (auto op : getOperation().getOps<func::FuncOp>()) {
      if (op.isExternal() || (!function.empty() && function != op.getName()))
        continue;
      Result<std::string> text =
          reference::evaluate(getOperation(), op.getName().str(), weights,
                              {.seed = seed, .threads = threads});
      if (!text) {
        mlir::emitError(op.getLoc(), text.error().message);
        return signalPassFailure();
      }
      llvm::outs() << *text;
    }
    llvm::outs().flush();
  }
};

struct InterpretPass : impl::XFInterpretBase<InterpretPass> {
  using XFInterpretBase::XFInterpretBase;

  void runOnOperation() override {
    if (Status status = interpret(); !status) {
      mlir::emitError(getOperation().getLoc(), status.error().message);
      signalPassFailure();
    }
  }

private:
  static std::string digest(const std::vector<float> &values) {
    return hash128(std::span(reinterpret_cast<const uint8_t *>(values.data()),
                             values.size() * sizeof(float)))
        .hex();
  }

  Status interpret() {
    reference::TestWeights weights(seed);
    reference::Interpreter interpreter(getOperation(), weights,
                                       {.seed = order, .threads = threads});
    // The logits of the last call's last row, and every hidden state of each
    // row, row by row.
    std::vector<float> logits, hidden, cache;
    uint64_t calls = chunk ? uint64_t(chunk) : uint64_t(rows);
    for (uint64_t begin = 0; begin < rows; begin += calls) {
      uint64_t count = std::min<uint64_t>(calls, rows - begin);
      Status status =
          tree ? stepTree(interpreter, begin, count, logits, hidden)
               : stepChain(interpreter, begin, count, logits, hidden);
      if (!status)
        return status;
    }
    for (uint64_t row = 0; row < rows; ++row) {
      std::vector<float> elements = interpreter.cacheRow(0, row);
      cache.insert(cache.end(), elements.begin(), elements.end());
    }
    llvm::outs() << "logits " << digest(logits) << " hidden " << digest(hidden)
                 << " cache " << digest(cache) << " token "
                 << reference::greedyToken(
                        logits.data() + logits.size() - vocabulary, vocabulary)
                 << "\n";
    llvm::outs().flush();
    return {};
  }

  int32_t tokenAt(uint64_t place) const { return int32_t(place * 7 % 31); }

  /// Adds the rows `wanted` of a result.
  void keep(const reference::StepResult &result, uint64_t first, uint64_t count,
            std::vector<float> &logits, std::vector<float> &hidden) {
    vocabulary = result.vocabulary;
    auto from = result.logits.begin() + first * vocabulary;
    logits.insert(logits.end(), from, from + count * vocabulary);
    for (uint64_t row = first; row < first + count; ++row)
      for (uint64_t state = 0; state < result.hiddenStates; ++state) {
        auto at =
            result.hidden.begin() + (state * result.rows + row) * result.width;
        hidden.insert(hidden.end(), at, at + result.width);
      }
  }

  Status stepChain(reference::Interpreter &interpreter, uint64_t begin,
                   uint64_t count, std::vector<float> &logits,
                   std::vector<float> &hidden) {
    std::vector<reference::InputRow> input(count);
    for (uint64_t i = 0; i < count; ++i)
      input[i].token = tokenAt(begin + i);
    Result<reference::StepResult> result = interpreter.step(input, step);
    if (!result)
      return result.takeError();
    keep(*result, 0, count, logits, hidden);
    return {};
  }

  /// A first branch of other tokens, then the one that counts.
  Status stepTree(reference::Interpreter &interpreter, uint64_t begin,
                  uint64_t count, std::vector<float> &logits,
                  std::vector<float> &hidden) {
    std::vector<reference::InputRow> input(2 * count);
    std::vector<int32_t> path;
    for (uint64_t i = 0; i < 2 * count; ++i) {
      input[i].token =
          i < count ? tokenAt(begin + i) + 1 : tokenAt(begin + i - count);
      if (i % count == 0)
        input[i].parent = reference::InputRow::root;
      if (i >= count)
        path.push_back(int32_t(i));
    }
    Result<reference::StepResult> result = interpreter.step(input, step);
    if (!result)
      return result.takeError();
    keep(*result, count, count, logits, hidden);
    return interpreter.commit(0, path);
  }

  uint64_t vocabulary = 0;
};

} // namespace
} // namespace espalier
