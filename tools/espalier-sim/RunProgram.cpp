//===- RunProgram.cpp - espalier-sim PROGRAM ------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RunProgram.h"

#include "Systolic/Simulator.h"
#include "espalier/Hardware/SystolicMachine.h"
#include "espalier/Support/MappedFile.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <sys/stat.h>

using namespace espalier;
using namespace espalier::simulator;

namespace {

constexpr const char *help = R"(usage: espalier-sim PROGRAM [options]
       espalier-sim gemm M N K [options]

Runs a program of the systolic accelerator in the simulator and prints cycles,
utilisation, bytes and energy. Regions begin with the contents that the program
has for them. espalier-sim gemm --help tells about matmuls.

  --machine NAME|FILE|-     the accelerator; -: its JSON from standard input
                            (default: systolic-128)
  --mode strict             by the program's times; a hazard is an error (default)
         elastic            by its semaphores, as soon as may be
         timing             counts cycles only
         elements           strict, and each element of the array is stepped
  --json                    the report as JSON
  --trace FILE              what happened when, for Perfetto or Chrome
  --output REGION=FILE      what a region holds at the end
  --token, --position, --cache-row, --wanted N,N,...
                            arguments of the step; rows that are left out are -1
  --limit N                 cache rows in use
  --work N                  refuse a program of more work: instructions, or 64
                            multiplications each (default: 2^40)
)";

constexpr const char *arrayOptions[ESPALIER_ARGUMENT_ARRAYS] = {
    "--token", "--position", "--cache-row", "--wanted"};

struct Options {
  std::string program, machine = hardware::defaultSystolicMachine, trace;
  std::vector<std::string> outputs;
  std::vector<int32_t> arrays[ESPALIER_ARGUMENT_ARRAYS];
  Mode mode = Mode::Strict;
  uint64_t limit = UINT64_MAX;
  Limits limits;
  bool json = false, help = false;
};

template <typename T>
Status readNumber(const std::string &option, std::string_view text, T &value) {
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return Error{option + ": expected a whole number, got '" +
                 std::string(text) + "'"};
  return {};
}

Status readList(const std::string &option, std::string_view text,
                std::vector<int32_t> &values) {
  for (;;) {
    size_t comma = std::min(text.find(','), text.size());
    int32_t value = 0;
    if (Status s = readNumber(option, text.substr(0, comma), value); !s)
      return s;
    values.push_back(value);
    if (comma == text.size())
      return {};
    text.remove_prefix(comma + 1);
  }
}

Status readMode(const std::string &text, Mode &mode) {
  constexpr std::string_view names[] = {"strict", "elastic", "timing",
                                        "elements"};
  const auto *found = std::find(std::begin(names), std::end(names), text);
  if (found == std::end(names))
    return Error{"--mode: expected strict, elastic, timing or elements, got '" +
                 text + "'"};
  mode = Mode(found - names);
  return {};
}

Status readOption(const std::string &name, const std::string &value,
                  Options &options) {
  if (name == "--machine")
    options.machine = value;
  else if (name == "--trace")
    options.trace = value;
  else if (name == "--output")
    options.outputs.push_back(value);
  else if (name == "--mode")
    return readMode(value, options.mode);
  else if (name == "--limit")
    return readNumber(name, value, options.limit);
  else if (name == "--work")
    return readNumber(name, value, options.limits.work);
  else
    for (unsigned i = 0; i < ESPALIER_ARGUMENT_ARRAYS; ++i)
      if (name == arrayOptions[i])
        return readList(name, value, options.arrays[i]);
  return {};
}

/// No output takes the place of another, or of a file that is read.
Status checkOutputs(const Options &options) {
  std::vector<std::string> seen = {options.program, options.machine};
  std::vector<std::string> all;
  for (const std::string &output : options.outputs)
    all.push_back(output.substr(output.find('=') + 1));
  if (!options.trace.empty())
    all.push_back(options.trace);
  for (const std::string &path : all) {
    struct stat one, other;
    bool there = stat(path.c_str(), &one) == 0;
    for (const std::string &before : seen)
      if (path == before ||
          (there && S_ISREG(one.st_mode) && stat(before.c_str(), &other) == 0 &&
           one.st_dev == other.st_dev && one.st_ino == other.st_ino))
        return Error{path + ": is read or written by this command already; "
                            "give another name"};
    seen.push_back(path);
  }
  return {};
}

Result<Options> readOptions(const std::vector<std::string> &arguments) {
  Options options;
  constexpr std::string_view known[] = {
      "--machine", "--trace",    "--output",    "--mode",   "--limit",
      "--token",   "--position", "--cache-row", "--wanted", "--work"};
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i], value;
    if (name == "--help" || name == "-h") {
      options.help = true;
    } else if (name == "--json") {
      options.json = true;
    } else if (name.starts_with("--")) {
      size_t equals = name.find('=');
      bool joined = equals != std::string::npos;
      if (joined) {
        value = name.substr(equals + 1);
        name.resize(equals);
      }
      if (std::find(std::begin(known), std::end(known), name) ==
          std::end(known))
        return Error{"unknown option '" + name + "': see espalier-sim --help"};
      if (!joined) {
        if (++i == arguments.size())
          return Error{name + ": a value is missing"};
        value = arguments[i];
      }
      if (Status s = readOption(name, value, options); !s)
        return s.takeError();
    } else if (options.program.empty()) {
      options.program = name;
    } else {
      return Error{"one program is run, got '" + options.program + "' and '" +
                   name + "'"};
    }
  }
  if (options.program.empty() && !options.help)
    return Error{"no program given: see espalier-sim --help"};
  if (options.mode == Mode::Timing && !options.outputs.empty())
    return Error{"--output: --mode timing computes no values"};
  if (Status status = checkOutputs(options); !status)
    return status.takeError();
  return options;
}

Status writeFile(const std::string &path, const void *bytes, size_t size) {
  FILE *file = fopen(path.c_str(), "wb");
  bool good = file && fwrite(bytes, 1, size, file) == size;
  if (file)
    good = fclose(file) == 0 && good;
  if (!good)
    return Error{path + ": cannot be written"};
  return {};
}

Status writeOutputs(const Simulator &simulator, const Options &options) {
  for (const std::string &output : options.outputs) {
    size_t equals = output.find('=');
    if (equals == std::string::npos)
      return Error{"--output: expected REGION=FILE, got '" + output + "'"};
    auto region = simulator.region(output.substr(0, equals));
    if (!region)
      return Error{"--output: the program has no region '" +
                   output.substr(0, equals) + "'"};
    std::span<const uint8_t> bytes = simulator.contents(*region);
    if (Status s =
            writeFile(output.substr(equals + 1), bytes.data(), bytes.size());
        !s)
      return s;
  }
  return {};
}

} // namespace

Result<std::string> tool::machineText(const std::string &name) {
  constexpr size_t most = 1u << 20;
  std::string text;
  if (name == "-") {
    char buffer[4096];
    while (size_t count = fread(buffer, 1, sizeof(buffer), stdin)) {
      text.append(buffer, count);
      if (text.size() > most)
        return Error{"standard input: a machine of more than 1 MiB"};
    }
    return text;
  }
  std::vector<std::string_view> names = hardware::systolicMachineNames();
  if (std::find(names.begin(), names.end(), name) == names.end())
    if (auto file = MappedFile::open(name)) {
      std::span<const uint8_t> bytes = file->bytes();
      if (bytes.size() > most)
        return Error{name + ": a machine of more than 1 MiB"};
      return std::string(bytes.begin(), bytes.end());
    }
  auto machine = hardware::findSystolicMachine(name);
  if (!machine)
    return machine.takeError();
  return hardware::systolicMachineText(*machine, "as '" + name + "' has it");
}

Status tool::runProgram(const std::vector<std::string> &given) {
  auto options = readOptions(given);
  if (!options)
    return options.takeError();
  if (options->help) {
    fputs(help, stdout);
    return {};
  }
  auto machine = tool::machineText(options->machine);
  if (!machine)
    return machine.takeError();
  auto file = MappedFile::open(options->program);
  if (!file)
    return file.takeError();
  auto simulator = Simulator::open(file->bytes(), *machine,
                                   options->machine == "-" ? "standard input"
                                                           : options->machine,
                                   options->limits);
  if (!simulator)
    return simulator.takeError().within(options->program);

  Arguments arguments;
  arguments.limit = options->limit;
  size_t rows = simulator->program().bucketRows;
  for (unsigned i = 0; i < ESPALIER_ARGUMENT_ARRAYS; ++i) {
    std::vector<int32_t> &array = options->arrays[i];
    if (array.size() > rows)
      return Error{std::string(arrayOptions[i]) + ": the program has " +
                   std::to_string(rows) + " rows, got " +
                   std::to_string(array.size())};
    array.resize(rows, -1);
    arguments.arrays[i] = array;
  }
  Trace trace;
  auto report = simulator->run(arguments, options->mode,
                               options->trace.empty() ? nullptr : &trace);
  if (!report)
    return report.takeError().within(options->program);
  if (!options->trace.empty()) {
    std::string text = traceJson(trace);
    if (Status s = writeFile(options->trace, text.data(), text.size()); !s)
      return s;
  }
  if (Status s = writeOutputs(*simulator, *options); !s)
    return s;
  std::string text = options->json ? simulator->json(*report, options->mode)
                                   : simulator->text(*report, options->mode);
  fputs(text.c_str(), stdout);
  return {};
}
