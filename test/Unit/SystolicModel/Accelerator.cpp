//===- Accelerator.cpp - A model on the simulated accelerator -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Accelerator.h"

#include "espalier/Hardware/SystolicTiming.h"
#include "espalier/Lowering/Systolic/Schedule.h"
#include "espalier/Support/Elementary.h"
#include "espalier/Target/Systolic/Encode.h"

#include <cstring>

using namespace espalier;
using namespace espalier::systolic;

Accelerator::Accelerator(reference::LoweredModel &model,
                         const SystolicMachine &machine, uint32_t cacheRows)
    : model(model), machine(machine),
      machineText(hardware::systolicMachineText(machine, "test")) {
  Result<ModelImage> planned =
      planImage(*model.model->module, machine, cacheRows);
  if (!planned) {
    error = planned.error().message;
    return;
  }
  image = std::move(*planned);
  if (Status status = fillWeights(); !status) {
    error = status.error().message;
    return;
  }
  fillTables();
  cache.resize(image.cacheBytes);
}

Status Accelerator::fillWeights() {
  weights.resize(image.weightBytes);
  for (const WeightImage &weight : image.weights) {
    auto op = model.model->module->lookupSymbol<xf::WeightOp>(weight.symbol);
    for (size_t i = 0; i < weight.offsets.size(); ++i) {
      Result<reference::WeightData> data = model.weights->load(op, i);
      if (!data)
        return data.takeError();
      layOutWeight(weight, data->encoding, data->bytes.data(),
                   weights.data() + weight.offsets[i]);
    }
  }
  return {};
}

/// Entry 9.
void Accelerator::fillTables() {
  tables.resize(image.tableBytes);
  for (const RopeImage &rope : image.ropes) {
    auto op = model.model->module->lookupSymbol<xf::RopeTableOp>(rope.symbol);
    float factor = op.getFactor().convertToFloat();
    for (uint32_t p = 0; p < image.cacheRows; ++p) {
      auto *row = reinterpret_cast<float *>(tables.data() + rope.offset +
                                            p * image.tableStride);
      for (uint32_t i = 0; i < rope.pairs; ++i) {
        float angle = float(p) * op.getFrequencies()[i];
        row[i] = cosExact(angle) * factor;
        row[rope.pairs + i] = sinExact(angle) * factor;
      }
    }
  }
}

Result<Accelerator::Compiled *>
Accelerator::compiled(const StepBucket &bucket) {
  Compiled &entry = buckets[{bucket.rows, bucket.context}];
  if (entry.simulator)
    return &entry;
  Result<Sequence> sequence =
      lowerStep(*model.model->module, machine, image, bucket);
  if (!sequence)
    return sequence.takeError();
  Result<Program> program = schedule(*sequence, machine);
  if (!program)
    return program.takeError();
  entry.predicted = predictCycles(*program, machine);
  Result<std::vector<uint8_t>> bytes = encode(*program);
  if (!bytes)
    return bytes.takeError();
  entry.bytes = std::move(*bytes);
  Result<simulator::Simulator> opened =
      simulator::Simulator::open(entry.bytes, machineText, machine.name);
  if (!opened)
    return opened.takeError();
  entry.simulator = std::make_unique<simulator::Simulator>(std::move(*opened));
  uint64_t rows = bucket.rows;
  entry.logits.resize(rows * image.vocabulary * 4);
  entry.hidden.resize((image.layers + 1) * rows * image.hidden * 4);
  auto constant = [](const std::vector<uint8_t> &memory) {
    return std::span<const uint8_t>(memory);
  };
  auto writable = [](std::vector<uint8_t> &memory) {
    return std::span<uint8_t>(memory);
  };
  simulator::Simulator &s = *entry.simulator;
  for (Status status : {s.bind(RegionWeights, constant(weights)),
                        s.bind(RegionTables, constant(tables)),
                        s.bind(RegionCache, writable(cache)),
                        s.bind(RegionLogits, writable(entry.logits)),
                        s.bind(RegionHidden, writable(entry.hidden))})
    if (!status)
      return status.takeError();
  return &entry;
}

Result<Accelerator::Rows> Accelerator::run(const std::vector<int32_t> &tokens,
                                           const StepBucket &bucket,
                                           simulator::Mode mode) {
  Result<Compiled *> entry = compiled(bucket);
  if (!entry)
    return entry.takeError();
  Compiled &program = **entry;
  std::vector<int32_t> token(bucket.rows, -1), position = token, row = token,
                                               wanted = token;
  for (size_t i = 0; i < tokens.size(); ++i) {
    token[i] = tokens[i];
    position[i] = row[i] = int32_t(length + i);
    wanted[i] = int32_t(i);
  }
  simulator::Arguments arguments;
  arguments.arrays[ESPALIER_ARGUMENT_TOKEN] = token;
  arguments.arrays[ESPALIER_ARGUMENT_POSITION] = position;
  arguments.arrays[ESPALIER_ARGUMENT_CACHE_ROW] = row;
  arguments.arrays[ESPALIER_ARGUMENT_WANTED] = wanted;
  arguments.limit = length + tokens.size();
  Result<simulator::Report> report = program.simulator->run(arguments, mode);
  if (!report)
    return report.takeError();
  length += uint32_t(tokens.size());
  Rows out;
  out.cycles = report->cycles;
  out.predicted = program.predicted;
  out.logits.resize(tokens.size() * image.vocabulary);
  std::memcpy(out.logits.data(), program.logits.data(), out.logits.size() * 4);
  for (size_t r = 0; r < tokens.size(); ++r)
    for (uint32_t state = 0; state <= image.layers; ++state) {
      const auto *from = reinterpret_cast<const float *>(
          program.hidden.data() +
          (uint64_t(state) * bucket.rows + r) * image.hidden * 4);
      out.hidden.insert(out.hidden.end(), from, from + image.hidden);
    }
  return out;
}
