//===- Accelerator.cpp - What a model takes on an accelerator -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Accelerator.h"
#include "Context.h"

#include "espalier/Dialect/XF/XF.h"
#include "espalier/Hardware/SystolicTiming.h"
#include "espalier/Import/ModelImport.h"
#include "espalier/Lowering/Systolic/LowerStep.h"
#include "espalier/Lowering/Systolic/Schedule.h"
#include "espalier/Support/Json.h"
#include "espalier/Support/MappedFile.h"
#include "espalier/Support/Npy.h"
#include "espalier/Target/Systolic/Encode.h"
#include "espalier/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>

using namespace espalier;
using namespace espalier::systolic;
using namespace espalier::tool;

bool tool::namesAccelerator(const ModelOptions &options) {
  if (!options.machine)
    return false;
  if (hardware::findSystolicMachine(*options.machine))
    return true;
  // A file that wants to be one has its errors told as such.
  Result<MappedFile> file = MappedFile::open(*options.machine);
  if (!file)
    return false;
  json::Limits limits;
  limits.bytes = 1u << 20;
  Result<json::Value> root =
      json::parse({reinterpret_cast<const char *>(file->bytes().data()),
                   file->bytes().size()},
                  limits);
  const json::Value *target = root ? root->find("target") : nullptr;
  const std::string *kind = target ? target->asString() : nullptr;
  return kind && *kind == "systolic";
}

namespace {

mlir::LogicalResult runPasses(mlir::ModuleOp module, unsigned rows) {
  mlir::PassManager manager(module.getContext());
  SelectKVLayoutOptions layout;
  layout.elementType = "bf16";
  layout.layout = "rows";
  manager.addPass(createSelectKVLayout(layout));
  RoundForArrayOptions round;
  round.rows = rows;
  manager.addPass(createRoundForArray(round));
  return manager.run(module);
}

/// The cycles between marks; those of a loop's body count for each of its
/// layers.
std::vector<std::pair<std::string, uint64_t>>
phasesOf(const Program &program, const Prediction &prediction) {
  std::vector<std::pair<std::string, uint64_t>> phases;
  auto add = [&](const std::string &name, uint64_t cycles) {
    if (cycles == 0)
      return;
    auto at = std::find_if(phases.begin(), phases.end(),
                           [&](auto &phase) { return phase.first == name; });
    if (at == phases.end())
      phases.emplace_back(name, cycles);
    else
      at->second += cycles;
  };
  const auto &marks = prediction.marks;
  auto nameOf = [&](size_t i) -> const std::string & {
    return program.marks[marks[i].first];
  };
  auto isBoundary = [&](size_t i) {
    return nameOf(i) == outputMark || nameOf(i).starts_with(layersMark);
  };
  auto begin = [&](size_t i) {
    return i < marks.size() ? marks[i].second : prediction.cycles;
  };
  uint64_t layers = 1, bodyEnd = 0;
  for (size_t i = 0; i < marks.size(); ++i) {
    if (nameOf(i) == outputMark) {
      layers = 1;
      bodyEnd = 0;
    } else if (nameOf(i).starts_with(layersMark)) {
      std::string range = nameOf(i).substr(std::string(layersMark).size());
      size_t dash = range.find('-');
      layers = strtoul(range.c_str() + dash + 1, nullptr, 10) -
               strtoul(range.c_str(), nullptr, 10) + 1;
      size_t next = i + 1;
      while (next < marks.size() && !isBoundary(next))
        ++next;
      bodyEnd = begin(i) + (begin(next) - begin(i)) / layers;
    }
    uint64_t end = begin(i + 1);
    if (bodyEnd)
      end = std::min(end, bodyEnd);
    add(isBoundary(i) ? "between" : nameOf(i), (end - begin(i)) * layers);
  }
  return phases;
}

/// The regions have their sizes there, but no contents.
Status writeProgram(const Program &program, const std::string &folder,
                    const AcceleratorBucket &bucket) {
  Result<std::vector<uint8_t>> bytes = encode(program);
  if (!bytes)
    return bytes.takeError();
  return writeFile(
      folder + "/rows-" + std::to_string(bucket.rows) + "-context-" +
          std::to_string(bucket.context) + ".bin",
      {reinterpret_cast<const char *>(bytes->data()), bytes->size()});
}

} // namespace

Result<AcceleratorPlan> tool::planAccelerator(const std::string &model,
                                              const ModelOptions &options,
                                              uint32_t context,
                                              const std::string &programs) {
  Result<SystolicMachine> machine =
      hardware::findSystolicMachine(*options.machine);
  if (!machine)
    return machine.takeError();
  if (!programs.empty() && mkdir(programs.c_str(), 0777) != 0 &&
      errno != EEXIST)
    return Error{programs + ": cannot be made: " + strerror(errno)};
  CompilerContext compiler;
  ImportOptions importOptions;
  importOptions.randomWeights = options.randomWeights;
  Result<ImportedModel> imported =
      importModel(model, compiler.context, importOptions);
  if (!imported)
    return imported.takeError();
  mlir::ModuleOp module = *imported->module;
  if (failed(runPasses(module, machine->rows)))
    return compiler.error(model + ": cannot be lowered for an accelerator");
  uint32_t most = 4096;
  if (auto card = module->getAttrOfType<mlir::DictionaryAttr>(xf::kModelAttr))
    if (auto positions = card.getAs<mlir::IntegerAttr>("max_positions")) {
      if (context > positions.getInt())
        return Error{"-c: expected at most the " +
                     std::to_string(positions.getInt()) +
                     " tokens that the model was made for, got " +
                     std::to_string(context)};
      most = uint32_t(std::min<int64_t>(most, positions.getInt()));
    }

  AcceleratorPlan plan;
  plan.machine = machine->name;
  plan.rows = machine->rows;
  plan.columns = machine->columns;
  plan.bytesPerCycle = machine->dramBandwidth;
  plan.clock = machine->clock;
  plan.context = context ? context : most;
  plan.loadCycles = machine->loadCycles();
  uint64_t tileBytes = uint64_t(machine->rows) * machine->columns * 2;
  plan.tileCycles =
      (tileBytes + machine->dramBandwidth - 1) / machine->dramBandwidth;

  std::vector<uint32_t> contexts;
  for (uint64_t bucket = 256;
       contexts.empty() || contexts.back() < plan.context; bucket *= 4)
    contexts.push_back(uint32_t(bucket));
  Result<ModelImage> image = planImage(module, *machine, contexts.back());
  if (!image)
    return image.takeError().within(model);
  for (uint32_t bucketContext : contexts)
    for (uint32_t rows : {1, 16, 64, 128}) {
      AcceleratorBucket bucket;
      bucket.rows = rows;
      bucket.context = bucketContext;
      Result<Sequence> sequence =
          lowerStep(module, *machine, *image, {rows, bucketContext});
      Result<Program> program = sequence
                                    ? schedule(*sequence, *machine)
                                    : Result<Program>(sequence.takeError());
      if (!program) {
        bucket.refused = program.error().message;
        plan.buckets.push_back(bucket);
        continue;
      }
      Prediction prediction = predict(*program, *machine);
      bucket.cycles = prediction.cycles;
      bucket.bus = prediction.queues[ESPALIER_QUEUE_DMA_IN].busy +
                   prediction.queues[ESPALIER_QUEUE_DMA_OUT].busy;
      bucket.stream = prediction.queues[ESPALIER_QUEUE_ARRAY].busy;
      bucket.loading = prediction.queues[ESPALIER_QUEUE_ARRAY].loading;
      bucket.vectorA = prediction.queues[ESPALIER_QUEUE_VECTOR_A].busy;
      bucket.vectorB = prediction.queues[ESPALIER_QUEUE_VECTOR_B].busy;
      for (const auto &queue : program->queues)
        bucket.instructions += queue.size();
      bucket.phases = phasesOf(*program, prediction);
      if (!programs.empty())
        if (Status status = writeProgram(*program, programs, bucket); !status)
          return status.takeError();
      plan.buckets.push_back(bucket);
    }
  return plan;
}
