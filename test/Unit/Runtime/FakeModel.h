//===- FakeModel.h - A model small enough to be checked by hand -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A descriptor and a step that are written by hand. A row's state is a hash
/// over the keys and values of every position that it sees, so that any wrong
/// row, path, layout, weight or lost write changes every logit that follows.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_RUNTIME_FAKEMODEL_H
#define ESPALIER_TEST_UNIT_RUNTIME_FAKEMODEL_H

#include "espalier/espalier.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace fake {

constexpr uint32_t layers = 3, kvHeads = 2, headDim = 8, hidden = 4, vocab = 50;
constexpr uint32_t maxPositions = 500;

/// Slept by worker 0 in every step, so that a test can act in between.
extern std::atomic<uint32_t> stepMilliseconds;
/// Steps that began.
extern std::atomic<uint32_t> stepCount;

struct Model {
  explicit Model(const char *name = "fake",
                 uint32_t elementType = ESPALIER_F16);
  Model(const Model &) = delete;

  espalier_descriptor descriptor = {};
  espalier_model_card card = {};
  std::vector<espalier_variant> variants;
  std::vector<espalier_step_fn> steps;
  espalier_isa_entry isa = {};
  std::vector<espalier_tensor> tensors;
  std::vector<float> frequencies;
  espalier_rope rope = {};
  std::vector<int32_t> eos;
  std::vector<uint8_t> container; ///< header and data
  std::vector<uint8_t> tokenizer;
  std::string weightsName;

  /// Gives the model a tokenizer: the letters, some bytes that only together
  /// form a character, and a special token that ends the text.
  void addTokenizer();

  /// The logits after `tokens`, computed from the definition.
  std::vector<float> logitsAfter(const std::vector<int32_t> &tokens) const;
  std::vector<float> hiddenAfter(const std::vector<int32_t> &tokens) const;
  int32_t greedyAfter(const std::vector<int32_t> &tokens) const;

private:
  uint32_t stateAfter(const std::vector<int32_t> &tokens) const;
};

/// A step over `tokens`, which must outlive it.
inline espalier_step_request requestFor(const std::vector<int32_t> &tokens) {
  espalier_step_request request = {};
  request.size = sizeof(request);
  request.count = uint32_t(tokens.size());
  request.tokens = tokens.data();
  return request;
}

/// Writes a file and returns its path; `name` lies in a fresh folder.
std::string writeFile(const std::string &name,
                      const std::vector<uint8_t> &bytes);
std::vector<uint8_t> readFile(const std::string &path);
std::string freshFolder();

} // namespace fake

#endif // ESPALIER_TEST_UNIT_RUNTIME_FAKEMODEL_H
