//===- Evaluator.h - What eval runs on --------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_EVALUATOR_H
#define ESPALIER_TOOLS_EVALUATOR_H

#include "Artefact.h"

#include <memory>
#include <string>
#include <vector>

namespace espalier::tool {

/// One sequence of a model: emitted code, or the reference interpreter.
class Evaluator {
public:
  virtual ~Evaluator() = default;

  /// Runs `ids` behind what was run before. `logits`, where not null, gets
  /// those of every row (`all`) or of the last one, `hidden` every row's
  /// states.
  virtual Status step(const std::vector<int32_t> &ids, bool all, float *logits,
                      float *hidden) = 0;
  /// Begins anew.
  virtual Status restart() = 0;
  /// Ids of a text, without special tokens around it.
  virtual Result<std::vector<int32_t>> tokenize(const std::string &text) = 0;

  uint32_t vocab = 0, layers = 0, width = 0;
  int32_t bos = -1; ///< none
};

/// For `context` tokens.
Result<std::unique_ptr<Evaluator>>
evaluateArtefact(const Artefact &artefact, uint64_t threads, uint64_t context);

/// The interpreter on the imported model, for `context` tokens. Activations and
/// cache are float32, as the model's authors compute, unless `line` has other
/// options given.
Result<std::unique_ptr<Evaluator>>
evaluateReference(const std::string &model, const ModelOptions &options,
                  const CommandLine &line, uint64_t threads, uint64_t context);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_EVALUATOR_H
