//===- LogitChanges.h - Biases, penalties and DRY ---------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What changes logits by the tokens that came before; docs/generation.md has
/// the formulas. Each is float32 as written, so that the same tokens give the
/// same bits on any machine.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_LOGITCHANGES_H
#define ESPALIER_RUNTIME_CORE_LOGITCHANGES_H

#include "../Text/Tokenizer.h"
#include "espalier/espalier.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace espalier::runtime {

/// Repetition, frequency and presence penalties.
class Penalties {
public:
  explicit Penalties(const espalier_generate_options &options);
  bool isOn() const { return on; }
  void apply(std::span<const int32_t> history, std::span<float> logits);

private:
  bool on;
  float repeat, frequency, presence;
  int32_t lastN;
  std::vector<uint32_t> counts; ///< [vocabulary], 0 between calls
};

/// "Don't repeat yourself": the longer the end of the history has stood there
/// before, the less likely is the token that followed it then.
class Dry {
public:
  Dry(const espalier_generate_options &options,
      std::optional<text::Tokenizer> tokenizer);
  bool isOn() const { return multiplier > 0 && lastN != 0; }
  /// `history` is the last call's, and tokens after it.
  void apply(std::span<const int32_t> history, std::span<float> logits);

private:
  void findBreaks(std::span<const int32_t> history);
  bool isBreaker(int32_t token) const;

  float multiplier, base;
  uint32_t allowed;
  int32_t lastN;
  std::optional<text::Tokenizer> tokenizer;
  std::vector<std::string> breakers;
  size_t longestBreaker = 0;

  size_t seen = 0;       ///< tokens that were searched for breakers
  size_t afterBreak = 0; ///< the tokens behind the last breaker begin here
  std::string tail;      ///< of the text before `seen`
  std::vector<uint32_t> matches; ///< of the reversed history with its beginning
  std::vector<uint32_t> longest; ///< [vocabulary], 0 between calls
};

/// All of them, in their order.
class LogitChanges {
public:
  /// The options have been checked; their lists outlive it.
  LogitChanges(const espalier_generate_options &options,
               std::optional<text::Tokenizer> tokenizer);
  void apply(std::span<const int32_t> history, std::span<float> logits);

private:
  std::span<const espalier_logit_bias> biases;
  Penalties penalties;
  Dry dry;
};

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_LOGITCHANGES_H
