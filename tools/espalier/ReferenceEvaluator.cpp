//===- ReferenceEvaluator.cpp - eval by the reference interpreter ---------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Compiler.h"
#include "Context.h"
#include "Evaluator.h"
#include "Text/Tokenizer.h"
#include "espalier/Import/ModelImport.h"
#include "espalier/Reference/Interpreter.h"
#include "espalier/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"

#include <algorithm>
#include <cstring>
#include <thread>

using namespace espalier;
using namespace espalier::tool;

namespace {

class ReferenceEvaluator : public Evaluator {
public:
  /// The context outlives the model's module.
  CompilerContext compiler;
  ImportedModel model;
  std::unique_ptr<reference::TensorWeights> weights;
  std::unique_ptr<reference::Interpreter> interpreter;

  void start(unsigned threads, uint64_t tokens) {
    vocab = uint32_t(model.config.vocab);
    layers = uint32_t(model.config.layers);
    width = uint32_t(model.config.hidden);
    bos = model.config.bos.value_or(-1);
    weights = std::make_unique<reference::TensorWeights>(model.tensors);
    reference::Options options;
    options.threads = threads;
    options.context =
        uint32_t(std::min<uint64_t>(tokens, model.config.maxPositions));
    interpreter = std::make_unique<reference::Interpreter>(*model.module,
                                                           *weights, options);
  }

  Status step(const std::vector<int32_t> &ids, bool all, float *logits,
              float *hidden) override {
    std::vector<reference::InputRow> rows(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      rows[i].token = ids[i];
      rows[i].wanted = logits && (all || i + 1 == ids.size());
    }
    Result<reference::StepResult> result = interpreter->step(rows);
    if (!result)
      return result.takeError();
    if (logits)
      std::copy(result->logits.begin(), result->logits.end(), logits);
    if (hidden)
      std::copy(result->hidden.begin(), result->hidden.end(), hidden);
    return {};
  }

  Status restart() override {
    interpreter->reset();
    return {};
  }

  Result<std::vector<int32_t>> tokenize(const std::string &text) override {
    if (!model.tokenizer.supported())
      return Error{model.tokenizer.missing};
    const std::vector<uint8_t> &tables = model.tokenizer.tables;
    std::vector<uint64_t> aligned((tables.size() + 7) / 8);
    memcpy(aligned.data(), tables.data(), tables.size());
    Result<text::Tokenizer> tokenizer = text::Tokenizer::load(
        {reinterpret_cast<const uint8_t *>(aligned.data()), tables.size()});
    if (!tokenizer)
      return tokenizer.takeError();
    return tokenizer->encode(text, false);
  }
};

} // namespace

Result<std::unique_ptr<Evaluator>>
tool::evaluateReference(const std::string &path, const ModelOptions &options,
                        const CommandLine &line, uint64_t threads,
                        uint64_t context) {
  auto evaluator = std::make_unique<ReferenceEvaluator>();
  CompilerContext &compiler = evaluator->compiler;
  ImportOptions importOptions;
  importOptions.randomWeights = options.randomWeights;
  Result<ImportedModel> model =
      importModel(path, compiler.context, importOptions);
  if (!model)
    return model.takeError();
  evaluator->model = std::move(*model);

  mlir::PassManager passes(&compiler.context);
  QuantizeActivationsOptions quantize;
  quantize.activations =
      line.given("--activations") ? options.activations : "f32";
  passes.addPass(createQuantizeActivations(quantize));
  SelectKVLayoutOptions layout;
  layout.elementType = line.given("--kv-type") ? options.kvType : "f32";
  passes.addPass(createSelectKVLayout(layout));
  if (failed(passes.run(*evaluator->model.module)))
    return compiler.error(path + ": cannot be prepared");
  evaluator->start(threads ? unsigned(threads)
                           : std::max(1u, std::thread::hardware_concurrency()),
                   context);
  return std::unique_ptr<Evaluator>(std::move(evaluator));
}
