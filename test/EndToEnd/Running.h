//===- Running.h - Steps of a compiled model --------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_ENDTOEND_RUNNING_H
#define ESPALIER_TEST_ENDTOEND_RUNNING_H

#include "Models.h"

#include "espalier/espalier.h"

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace espalier::e2e {

using Tokens = std::vector<int32_t>;

/// What rows computed, row by row: their logits, and all their hidden states.
struct Outcome {
  std::vector<float> logits, hidden;
  size_t vocab = 0, width = 0; ///< floats of a row

  size_t rows() const { return width ? hidden.size() / width : 0; }
  void add(const Outcome &other);
  /// Rows [begin, end).
  Outcome slice(size_t begin, size_t end) const;
  Outcome row(size_t index) const { return slice(index, index + 1); }
};

/// Empty where the bits are equal, else the first difference.
std::string difference(const Outcome &got, const Outcome &expected);

struct CloseModel {
  void operator()(espalier_model *model) const { espalier_close(model); }
};
using Model = std::unique_ptr<espalier_model, CloseModel>;

/// Null, and a failure of the test, where it cannot be opened.
Model openLibrary(const std::string &path, uint32_t threads,
                  uint32_t context = 0, espalier_team *team = nullptr);
/// The same of a configuration, compiled first where it was not.
Model openConfig(const Config &config, uint32_t threads, uint32_t context = 0);

/// One sequence. What fails is a failure of the test.
class Sequence {
public:
  explicit Sequence(espalier_model *model);
  ~Sequence();
  Sequence(const Sequence &) = delete;

  /// Steps `tokens` in calls of the sizes `chunks`, the last size for all that
  /// is left.
  Outcome chain(const Tokens &tokens, const std::vector<uint32_t> &chunks);
  Outcome chain(const Tokens &tokens) {
    return chain(tokens, {uint32_t(tokens.size())});
  }
  Outcome tree(const Tokens &tokens, const std::vector<int32_t> &parents);
  /// Logits of the rows `wanted` of one call; without hidden states.
  std::vector<float> logitsOf(const Tokens &tokens,
                              const std::vector<uint32_t> &wanted);
  void commit(int32_t row);
  void truncate(uint32_t length);
  uint32_t length() const { return espalier_session_length(session); }

  espalier_session *session = nullptr;

private:
  Outcome step(const int32_t *tokens, uint32_t count, const int32_t *parents);
  const espalier_model_card &card;
};

/// One sequence's rows of a step of several.
struct Share {
  Sequence *sequence;
  Tokens tokens;
  std::vector<int32_t> parents; ///< none: a chain
};
std::vector<Outcome> stepTogether(espalier_model *model,
                                  const std::vector<Share> &shares);

/// The greedy continuation of `last`, which was stepped last.
Tokens greedy(Sequence &sequence, std::vector<float> last, size_t count);
int32_t mostLikely(const float *logits, size_t vocab);

/// The same on every machine.
class Random {
public:
  explicit Random(uint32_t seed) : engine(seed) {}
  uint32_t below(uint32_t bound) { return uint32_t(engine() % bound); }
  Tokens tokens(size_t count, uint32_t vocab);
  /// Sizes that add up to `rows`, of all kinds: one row, a few, more than a
  /// block of keys.
  std::vector<uint32_t> chunks(uint32_t rows);
  /// Parents of `rows` rows: the more `depth` (of 100), the more of them follow
  /// the row before.
  std::vector<int32_t> parents(uint32_t rows, uint32_t depth);

private:
  std::mt19937 engine;
};

} // namespace espalier::e2e

#endif // ESPALIER_TEST_ENDTOEND_RUNNING_H
