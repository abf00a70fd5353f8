//===- Compiler.cpp - From a model to files -------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Compiler.h"
#include "Chat/Template.h"
#include "Commands.h"
#include "Context.h"
#include "Plan.h"
#include "Progress.h"
#include "espalier/Hardware/TargetSpec.h"
#include "espalier/Import/ModelImport.h"
#include "espalier/Lowering/Passes.h"
#include "espalier/Support/ShortenedFiles.h"
#include "espalier/Target/CPU.h"
#include "espalier/Target/PackWeights.h"
#include "espalier/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"

#include <chrono>
#include <thread>

using namespace espalier;
using namespace espalier::tool;

namespace {

class Stopwatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         start)
        .count();
  }

private:
  std::chrono::steady_clock::time_point start =
      std::chrono::steady_clock::now();
};

/// xf as imported to phases on buffers.
mlir::LogicalResult runPasses(mlir::ModuleOp module,
                              const ModelOptions &options) {
  mlir::PassManager manager(module.getContext());
  QuantizeActivationsOptions quantize;
  quantize.activations = options.activations;
  manager.addPass(createQuantizeActivations(quantize));
  SelectKVLayoutOptions layout;
  layout.elementType = options.kvType;
  manager.addPass(createSelectKVLayout(layout));
  manager.addPass(createPackWeights());
  buildSPMDPipeline(manager);
  return manager.run(module);
}

PackFunction packFunction(const TensorSource &tensors, unsigned threads,
                          bool checkValues, Progress &progress) {
  return [&tensors, threads, checkValues,
          &progress](mlir::ModuleOp module, const WeightLayout &,
                     const std::string &path) -> Result<PackedContainer> {
    PackOptions options;
    options.threads = threads;
    options.checkValues = checkValues;
    options.progress = [&](const PackProgress &done) {
      progress.packed(done.tensorsDone, done.tensors, done.bytesDone,
                      done.bytes);
    };
    return packWeights(module, tensors, path, options);
  };
}

Result<EmitKind> emitKind(const CompileRequest &request) {
  if (request.emit.empty())
    return emitKindFromPath(request.output);
  if (std::optional<EmitKind> kind = emitKindFromName(request.emit))
    return *kind;
  return Error{"--emit: unknown kind '" + request.emit + "'"};
}

} // namespace

Result<CompileSummary> tool::compileModel(const CompileRequest &request) {
  Stopwatch total;
  Progress progress;
  ShortenedFileGuard guard;
  Result<EmitKind> emit = emitKind(request);
  if (!emit)
    return emit.takeError();
  Result<hardware::Machine> machine = hardware::findMachine(
      request.options.machine.value_or(hardware::defaultMachine));
  if (!machine)
    return machine.takeError();

  CompilerContext compiler;
  progress.stage("import");
  ImportOptions importOptions;
  importOptions.randomWeights = request.options.randomWeights;
  Result<ImportedModel> model =
      importModel(request.model, compiler.context, importOptions);
  if (!model)
    return model.takeError();
  if (!model->tokenizer.supported())
    progress.warn(request.model + ": " + model->tokenizer.missing +
                  "; compiled without a tokenizer, so it takes ids only");
  if (Result<chat::Template> parsed = chat::Template::parse(model->chat.source);
      !parsed)
    progress.warn(request.model + ": chat template: " + parsed.error().message +
                  "; the model takes whole prompts, and --chat is refused");
  CompileSummary summary;
  summary.importSeconds = total.seconds();

  progress.stage("lower");
  Stopwatch passes;
  hardware::attachMachine(*model->module, *machine);
  if (failed(runPasses(*model->module, request.options)))
    return compiler.error(request.model + ": cannot be lowered");
  double passSeconds = passes.seconds();

  CompileOptions options;
  options.output = request.output;
  options.temporaryFolder = request.temporaryFolder;
  options.model = request.model;
  options.inputs = model->files;
  options.emit = *emit;
  options.name = request.name;
  options.bundle = request.bundle;
  options.force = request.force;
  options.wideKernelsForAVX2 = request.wideKernelsForAVX2;
  options.compiler = "espalier " ESPALIER_VERSION;
  options.tokenizer.assign(model->tokenizer.tables.begin(),
                           model->tokenizer.tables.end());
  options.tokenizerMissing = model->tokenizer.missing;
  if (!model->chat.source.empty())
    options.chatTemplate = model->chat.source;
  options.chatVariables = model->chat.variables;
  options.plan = planText(*model->module, *machine);
  options.executable = programPath();
  options.threads = std::max(1u, std::thread::hardware_concurrency());
  options.pack = packFunction(model->tensors, options.threads,
                              request.checkWeights, progress);
  options.progress = [&](std::string_view stage, uint64_t, uint64_t) {
    progress.stage(std::string(stage));
  };
  Result<CompileReport> report = compileCPU(*model->module, options);
  progress.done();
  if (!report)
    return report.takeError();

  summary.files = report->files;
  summary.outputBytes = report->outputBytes;
  summary.codeBytes = report->codeBytes;
  summary.weightBytes = report->weightBytes;
  summary.lowerSeconds = passSeconds + report->lowerSeconds;
  summary.generateSeconds = report->generateSeconds;
  summary.packSeconds = report->packSeconds;
  summary.linkSeconds = report->linkSeconds;
  summary.totalSeconds = total.seconds();
  return summary;
}
