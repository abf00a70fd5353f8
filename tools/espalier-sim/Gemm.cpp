//===- Gemm.cpp - espalier-sim gemm ---------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Gemm.h"
#include "RunProgram.h"
#include "Systolic/Simulator.h"
#include "espalier/Lowering/Systolic/Gemm.h"
#include "espalier/Lowering/Systolic/Schedule.h"
#include "espalier/Support/Json.h"
#include "espalier/Target/Systolic/Encode.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>

using namespace espalier;
using namespace espalier::systolic;

namespace {

constexpr const char *help = R"(usage: espalier-sim gemm M N K [options]

Compiles M x K by K x N for an accelerator, runs it in the simulator on random
data, checks every value and the predicted cycles, and prints one JSON object.

  --machine NAME|FILE          the accelerator (default: systolic-128)
  --type int8|bf16             default: int8 where the machine has it
  --dataflow ws|os             weight- or output-stationary (default: ws)
  --overlap none|shadow        instead of what the machine says
  --operands scratchpad|dram   where they are at first (default: scratchpad;
                               cycles then count from the first load of weights
                               to the last write into the accumulator)
  --seed N                     of the data (default: 0)
)";

struct Options {
  uint64_t m = 0, n = 0, k = 0, seed = 0;
  std::string machine = hardware::defaultSystolicMachine;
  std::string type, dataflow = "ws", overlap, operands = "scratchpad";
  bool help = false;
};

Result<uint64_t> number(const std::string &name, const std::string &text) {
  uint64_t value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return Error{name + ": expected a whole number, got '" + text + "'"};
  return value;
}

Result<Options> parse(const std::vector<std::string> &arguments) {
  Options options;
  struct Choice {
    const char *name;
    std::string &value;
    std::vector<std::string> allowed; ///< Empty: anything.
  };
  std::string seed;
  Choice choices[] = {{"--machine", options.machine, {}},
                      {"--type", options.type, {"int8", "bf16"}},
                      {"--dataflow", options.dataflow, {"ws", "os"}},
                      {"--overlap", options.overlap, {"none", "shadow"}},
                      {"--operands", options.operands, {"scratchpad", "dram"}},
                      {"--seed", seed, {}}};
  std::vector<std::string> sizes;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i], value;
    if (name == "--help") {
      options.help = true;
      return options;
    }
    if (name.empty() || name[0] != '-') {
      sizes.push_back(name);
      continue;
    }
    size_t equals = name.find('=');
    bool joined = equals != std::string::npos;
    if (joined) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    Choice *found = nullptr;
    for (Choice &choice : choices)
      if (choice.name == name)
        found = &choice;
    if (!found)
      return Error{name + ": unknown option; `espalier-sim gemm --help` lists "
                          "those there are"};
    if (!joined) {
      if (i + 1 == arguments.size())
        return Error{name + ": expected a value behind it"};
      value = arguments[++i];
    }
    std::string list;
    bool allowed = found->allowed.empty();
    for (const std::string &each : found->allowed) {
      allowed |= each == value;
      list += (list.empty() ? "'" : ", '") + each + "'";
    }
    if (!allowed)
      return Error{name + ": got '" + value + "'; allowed: " + list};
    found->value = value;
  }
  if (sizes.size() != 3)
    return Error{"gemm: expected M N K, got " + std::to_string(sizes.size()) +
                 " sizes"};
  struct {
    const char *name;
    uint64_t &to;
    const std::string &text;
  } numbers[] = {{"M", options.m, sizes[0]},
                 {"N", options.n, sizes[1]},
                 {"K", options.k, sizes[2]},
                 {"--seed", options.seed, seed}};
  for (auto &each : numbers) {
    if (each.text.empty())
      continue;
    Result<uint64_t> value = number(each.name, each.text);
    if (!value)
      return value.takeError();
    each.to = *value;
  }
  // Each matrix is held in memory several times, and checked by a plain loop.
  constexpr uint64_t most = uint64_t(1) << 30;
  auto exceeds = [](uint64_t a, uint64_t b) { return b && a > most / b; };
  if (exceeds(options.m, options.n) || exceeds(options.m, options.k) ||
      exceeds(options.k, options.n))
    return Error{"gemm: expected matrices of at most " + std::to_string(most) +
                 " elements, got M N K of " + sizes[0] + " " + sizes[1] + " " +
                 sizes[2]};
  return options;
}

/// Numbers below 256 in all bytes, or bf16 of -1 to 1.
std::vector<uint8_t> randomMatrix(uint64_t elements, bool int8,
                                  uint64_t &state) {
  auto next = [&] { // splitmix64
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  };
  std::vector<uint8_t> bytes(elements * (int8 ? 1 : 2));
  for (uint64_t i = 0; i < elements; ++i) {
    uint64_t bits = next();
    if (int8) {
      bytes[i] = uint8_t(bits);
      continue;
    }
    float value = float(int32_t(bits >> 32)) * 0x1p-31f;
    uint32_t raw;
    memcpy(&raw, &value, 4);
    bytes[2 * i] = uint8_t(raw >> 16);
    bytes[2 * i + 1] = uint8_t(raw >> 24);
  }
  return bytes;
}

double largestDifference(const std::vector<uint8_t> &got,
                         const std::vector<uint8_t> &wanted, bool int8) {
  double largest = 0;
  for (size_t at = 0; at < wanted.size(); at += 4) {
    if (memcmp(&got[at], &wanted[at], 4) == 0)
      continue;
    double difference;
    if (int8) {
      int32_t a, b;
      memcpy(&a, &got[at], 4);
      memcpy(&b, &wanted[at], 4);
      difference = std::fabs(double(a) - double(b));
    } else {
      float a, b;
      memcpy(&a, &got[at], 4);
      memcpy(&b, &wanted[at], 4);
      difference = std::fabs(double(a) - double(b));
    }
    largest = difference > largest ? difference : largest;
    if (std::isnan(difference))
      return difference;
  }
  return largest;
}

struct Outcome {
  simulator::Report report;
  bool exact = false;
  double difference = 0;
};

Result<Outcome> simulate(const Gemm &gemm, const std::vector<uint8_t> &program,
                         const std::string &machine, uint64_t seed) {
  const GemmSpec &spec = gemm.spec;
  uint64_t state = seed;
  std::vector<uint8_t> input =
      randomMatrix(spec.m * spec.linears[0].k, spec.int8, state);
  std::vector<uint8_t> weights =
      randomMatrix(spec.linears[0].k * spec.linears[0].n, spec.int8, state);
  std::vector<uint8_t> packedInput = gemm.input.pack(input);
  std::vector<uint8_t> packedWeights = gemm.weights[0].pack(weights);
  std::vector<uint8_t> output(gemm.output.bytes);
  Result<simulator::Simulator> opened =
      simulator::Simulator::open(program, machine, "machine");
  if (!opened)
    return opened.takeError();
  std::span<const uint8_t> rows = packedInput, tiles = packedWeights;
  for (Status status :
       {opened->bind(Gemm::inputRegion, rows),
        opened->bind(Gemm::firstWeightsRegion, tiles),
        opened->bind(Gemm::outputRegion, std::span<uint8_t>(output))})
    if (!status)
      return status.takeError();
  Result<simulator::Report> report = opened->run();
  if (!report)
    return report.takeError();
  std::vector<uint8_t> wanted = gemmReference(gemm, input, weights);
  std::vector<uint8_t> got = gemm.output.unpack(output);
  Outcome outcome;
  outcome.report = std::move(*report);
  outcome.exact = got == wanted;
  outcome.difference = largestDifference(got, wanted, spec.int8);
  return outcome;
}

} // namespace

Status tool::runGemm(const std::vector<std::string> &arguments) {
  Result<Options> options = parse(arguments);
  if (!options)
    return options.takeError();
  if (options->help) {
    fputs(help, stdout);
    return {};
  }
  Result<SystolicMachine> machine =
      hardware::findSystolicMachine(options->machine);
  if (!machine)
    return machine.takeError();
  if (!options->overlap.empty())
    machine->shadow = options->overlap == "shadow";
  GemmSpec spec;
  spec.m = options->m;
  spec.linears = {{options->k, options->n}};
  spec.int8 = options->type.empty() ? machine->int8 : options->type == "int8";
  spec.outputStationary = options->dataflow == "os";
  bool dram = options->operands == "dram";
  spec.operands = dram ? Operands::Dram : Operands::Scratchpad;
  Result<Gemm> gemm = buildGemm(spec, *machine);
  if (!gemm)
    return gemm.takeError();
  Result<Program> program = schedule(gemm->sequence, *machine);
  if (!program)
    return program.takeError();
  Prediction prediction = predict(*program, *machine);
  Result<std::vector<uint8_t>> bytes = encode(*program);
  if (!bytes)
    return bytes.takeError();
  Result<std::string> text =
      options->overlap.empty()
          ? tool::machineText(options->machine)
          : hardware::systolicMachineText(*machine, "given");
  if (!text)
    return text.takeError();
  Result<Outcome> outcome = simulate(*gemm, *bytes, *text, options->seed);
  if (!outcome)
    return outcome.takeError();

  const simulator::Report &report = outcome->report;
  const simulator::QueueReport &array = report.queues[ESPALIER_QUEUE_ARRAY];
  uint64_t predicted = gemmCycles(*gemm, prediction);
  uint64_t simulated = dram ? report.cycles : array.complete - array.first;
  const simulator::Counters &counters = report.counters;
  double places = double(machine->rows) * machine->columns;
  printf("{\"machine\": %s, \"m\": %llu, \"n\": %llu, \"k\": %llu, "
         "\"type\": \"%s\", \"dataflow\": \"%s\", \"overlap\": \"%s\", "
         "\"operands\": \"%s\", \"predicted_cycles\": %llu, "
         "\"simulated_cycles\": %llu, \"program_cycles\": %llu, "
         "\"utilisation\": %.6f, \"bytes\": {\"dram\": %llu, \"scratchpad\": "
         "%llu, \"accumulator\": %llu}, \"energy_pj\": %.6g, "
         "\"energy_table\": %s, \"max_abs_error\": %.9g}\n",
         json::quote(machine->name).c_str(), (unsigned long long)spec.m,
         (unsigned long long)options->n, (unsigned long long)options->k,
         spec.int8 ? "int8" : "bf16", options->dataflow.c_str(),
         machine->shadow ? "shadow" : "none", options->operands.c_str(),
         (unsigned long long)predicted, (unsigned long long)simulated,
         (unsigned long long)report.cycles,
         double(spec.m) * double(options->n) * double(options->k) /
             (double(simulated) * places),
         (unsigned long long)(counters.dramRead + counters.dramWritten),
         (unsigned long long)(counters.scratchpadRead +
                              counters.scratchpadWritten),
         (unsigned long long)(counters.accumulatorRead +
                              counters.accumulatorWritten),
         report.energy.total(), json::quote(machine->energy.table).c_str(),
         outcome->difference);
  if (!outcome->exact)
    return Error{"the results are not those of the reference"};
  if (predicted != simulated || prediction.cycles != report.cycles)
    return Error{"predicted " + std::to_string(prediction.cycles) +
                 " cycles of the program, simulated " +
                 std::to_string(report.cycles)};
  return {};
}
