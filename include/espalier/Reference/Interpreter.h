//===- Interpreter.h - Runs a step as docs/numerics.md says --- -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The oracle: slow and obvious. It executes `@step` as imported, with
/// quantised activations and packed weights, or partitioned into phases and
/// tiles, on tensors, in the order of sums that the module states (`cpu, 2` or
/// `systolic, 1`). The tiles of a phase run in random order, and an element
/// that one tile reads or writes and another one writes is an error.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_REFERENCE_INTERPRETER_H
#define ESPALIER_REFERENCE_INTERPRETER_H

#include "espalier/Reference/WeightSource.h"
#include "espalier/Support/Result.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace espalier::reference {

struct Options {
  uint64_t seed = 1;          ///< of the order of tiles
  unsigned threads = 1;       ///< never changes a bit
  bool checkConflicts = true; ///< between the tiles of a phase
  /// Tokens for which the model is opened: what ropes that depend on it take.
  /// 0: as many as they take with their shorter frequencies.
  uint32_t context = 0;
};

/// A row of a call. The rows of a slot stand together.
struct InputRow {
  static constexpr int32_t chain = -2; ///< as parent: the slot's row before
  static constexpr int32_t root = -1;  ///< as parent: the last cached token

  int32_t token = 0;
  bool wanted = true; ///< its logits are
  int32_t slot = 0;   ///< which sequence; -1: a padding row
  int32_t parent =
      chain; ///< or an earlier row of the slot, counted in the call
};

struct StepResult {
  uint64_t rows = 0, wanted = 0, vocabulary = 0, hiddenStates = 0, width = 0;
  std::vector<float> logits; ///< [wanted][vocabulary]
  std::vector<float> hidden; ///< [hiddenStates][rows][width]; empty: no taps
};

class InterpreterImpl;

/// A model and its sequences. Not for use by two threads at once.
class Interpreter {
public:
  /// The module must stay as it is, and both must outlive the interpreter.
  Interpreter(mlir::ModuleOp module, WeightSource &weights,
              Options options = {});
  ~Interpreter();

  /// Runs `@step`, or, in a partitioned module, the first of `@step_few` and
  /// `@step_many` whose `xf.max_rows` suffices; `function` names another. A
  /// slot whose rows form a chain (no row names a parent) grows by them; the
  /// rows of a tree count when `commit` has chosen a path.
  Result<StepResult> step(const std::vector<InputRow> &rows,
                          const std::string &function = "");

  /// Runs `@commit`: keeps the rows `path` of the slot's last tree, counted
  /// within the slot, each the parent of the next.
  Status commit(int32_t slot, const std::vector<int32_t> &path);

  /// Tokens in the cache.
  uint64_t length(int32_t slot) const;
  /// Forgets all tokens from `length` on.
  Status truncate(int32_t slot, uint64_t length);
  /// Forgets all sequences.
  void reset();

  /// Cached elements of one row of a slot, as float32: [layers][keys, values]
  /// [heads][dim]. Empty where nothing was cached there.
  std::vector<float> cacheRow(int32_t slot, uint64_t row) const;

private:
  std::unique_ptr<InterpreterImpl> impl;
};

/// The token of the largest logit, of equal ones the lowest; a NaN is never
/// larger (entry 13), so that without a number there is no token: -1.
int32_t greedyToken(const float *logits, uint64_t vocabulary);

/// Runs a function of tests and gives its results as text, a line each, and one
/// for every tap. The pass `xf-evaluate` says how its arguments are described.
Result<std::string> evaluate(mlir::ModuleOp module, const std::string &function,
                             WeightSource &weights, Options options);

} // namespace espalier::reference

#endif // ESPALIER_REFERENCE_INTERPRETER_H
