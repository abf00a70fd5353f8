//===- ModelTest.h - Models, lowered so far, in the interpreter -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_REFERENCE_MODELTEST_H
#define ESPALIER_TEST_UNIT_REFERENCE_MODELTEST_H

#include "espalier/Dialect/SPMD/SPMD.h"
#include "espalier/Import/ModelImport.h"
#include "espalier/Lowering/Passes.h"
#include "espalier/Reference/Interpreter.h"
#include "espalier/Support/Json.h"
#include "espalier/Support/MappedFile.h"
#include "espalier/Support/Npy.h"
#include "espalier/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace espalier::reference {

inline std::string goldenFolder(const std::string &name) {
  return std::string(ESPALIER_TEST_INPUTS) + "/goldens/" + name;
}

inline Result<json::Value> readJson(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  return json::parse({reinterpret_cast<const char *>(file->bytes().data()),
                      file->bytes().size()});
}

inline std::vector<int32_t> integers(const json::Value *list) {
  std::vector<int32_t> out;
  if (list && list->asArray())
    for (const json::Value &value : *list->asArray())
      out.push_back(int32_t(*value.asInteger()));
  return out;
}

/// A model in the interpreter, after the passes of `pipeline`.
class LoweredModel {
public:
  static inline const std::string partition =
      ",xf-partition{few-rows=8 many-rows=64 row-block=4 panels-per-tile=1}";

  LoweredModel(const std::string &path, const std::string &pipeline,
               Options options = {})
      : context(mlir::MLIRContext::Threading::DISABLED) {
    static bool registered = [] {
      registerEspalierTransformsPasses();
      registerXFPartition();
      registerXFLowerRepeat();
      return true;
    }();
    (void)registered;
    Result<ImportedModel> imported = importModel(path, context);
    if (!imported) {
      error = imported.error().message;
      return;
    }
    model = std::make_unique<ImportedModel>(std::move(*imported));
    mlir::PassManager passes(&context);
    std::string text = "builtin.module(" + pipeline + ")";
    if (failed(mlir::parsePassPipeline(pipeline, passes)) ||
        failed(passes.run(*model->module))) {
      error = "cannot lower with " + text;
      return;
    }
    weights = std::make_unique<TensorWeights>(model->tensors);
    interpreter =
        std::make_unique<Interpreter>(*model->module, *weights, options);
  }

  /// Steps `tokens` in calls of at most `chunk` rows and adds what they give to
  /// `logits`, and, row by row, to `hidden`.
  void run(const std::vector<int32_t> &tokens, size_t chunk,
           std::vector<float> &logits, std::vector<float> &hidden,
           const std::string &step = "") {
    for (size_t begin = 0; begin < tokens.size() && error.empty();
         begin += chunk) {
      std::vector<InputRow> rows(std::min(chunk, tokens.size() - begin));
      for (size_t i = 0; i < rows.size(); ++i)
        rows[i].token = tokens[begin + i];
      add(interpreter->step(rows, step), 0, rows.size(), logits, hidden);
    }
  }

  /// Adds rows first .. first + count - 1 of a result, all of them wanted.
  void add(Result<StepResult> result, size_t first, size_t count,
           std::vector<float> &logits, std::vector<float> &hidden) {
    if (!result) {
      error = result.error().message;
      return;
    }
    vocabulary = result->vocabulary;
    states = result->hiddenStates;
    width = result->width;
    auto from = result->logits.begin() + first * vocabulary;
    logits.insert(logits.end(), from, from + count * vocabulary);
    for (size_t row = first; row < first + count; ++row)
      for (size_t state = 0; state < states; ++state) {
        auto at = result->hidden.begin() + (state * result->rows + row) * width;
        hidden.insert(hidden.end(), at, at + width);
      }
  }

  /// The greedy tokens that follow `logits`, the last row of which was stepped
  /// last.
  std::vector<int32_t> continueGreedily(const std::vector<float> &logits,
                                        size_t count, int32_t end = -1) {
    std::vector<int32_t> out;
    std::vector<float> last(logits.end() - vocabulary, logits.end()), unused;
    while (out.size() < count && error.empty()) {
      out.push_back(greedyToken(last.data(), vocabulary));
      if (out.back() == end)
        break;
      last.clear();
      run({out.back()}, 1, last, unused);
    }
    return out;
  }

  mlir::MLIRContext context;
  std::unique_ptr<ImportedModel> model;
  std::unique_ptr<TensorWeights> weights;
  std::unique_ptr<Interpreter> interpreter;
  std::string error; ///< empty: all went well
  size_t vocabulary = 0, states = 0, width = 0;
};

/// The largest difference, relative to the largest of `expected`.
inline double relativeError(const std::vector<float> &got,
                            const std::vector<float> &expected) {
  if (got.size() != expected.size())
    return INFINITY;
  double difference = 0, scale = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    difference = std::max(difference, std::fabs(double(got[i]) - expected[i]));
    scale = std::max(scale, std::fabs(double(expected[i])));
    if (std::isnan(got[i]))
      return INFINITY;
  }
  return difference / scale;
}

} // namespace espalier::reference

#endif // ESPALIER_TEST_UNIT_REFERENCE_MODELTEST_H
