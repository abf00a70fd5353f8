//===- Models.h - Models compiled for the tests -----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The models that the end-to-end tests run, compiled by the code behind
/// `espalier compile --emit shared`, each set of options once.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_ENDTOEND_MODELS_H
#define ESPALIER_TEST_ENDTOEND_MODELS_H

#include "espalier/Support/Json.h"
#include "espalier/Support/Result.h"

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace espalier::e2e {

/// A model and the options that decide its bits.
struct Config {
  std::string model; ///< of `modelPath`
  std::string activations = "auto";
  std::string kvType = "f16";
  /// The 512-bit kernels, compiled for AVX2.
  bool wideKernels = false;

  /// Letters, digits and underscores.
  std::string label() const;
  auto operator<=>(const Config &) const = default;
};

void PrintTo(const Config &config, std::ostream *os);

/// The golden checkpoints that hold a model, and the bundled ones.
const std::vector<std::string> &goldenModels();
const std::vector<std::string> &bundledModels();
/// The golden checkpoints of the families, which are run with fewer options.
const std::vector<std::string> &familyModels();
/// Whether any of its linears has weights in blocks, so that --activations
/// decides something.
bool isQuantised(const std::string &model);

/// Every golden and bundled model with each cache type, and both kinds of
/// activations where they differ.
std::vector<Config> allConfigs();
/// The families' models, each with one cache type.
std::vector<Config> familyConfigs();

/// The folder of a model of these lists, or, of another name, that path.
std::string modelFolder(const std::string &model);
/// What `espalier compile` is given.
std::string modelPath(const std::string &model);

/// The real model's file, where it is in the cache.
std::optional<std::string> smolLM2();

/// A folder of this process, which is removed when it ends.
const std::string &scratchFolder();

/// The shared library of a configuration, weights beside it. Kept for later
/// tests of the process.
Result<std::string> compiled(const Config &config);

/// A copy of the `llama` golden that takes 1280 positions; a chain on it spans
/// calls of all sizes.
Result<std::string> longModel();

Result<std::string> readFile(const std::string &path);
Result<json::Value> readJson(const std::string &path);
std::vector<int32_t> integers(const json::Value *list);

} // namespace espalier::e2e

#endif // ESPALIER_TEST_ENDTOEND_MODELS_H
