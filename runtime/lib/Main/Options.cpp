//===- Options.cpp - Command line of an emitted executable ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Options.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <optional>

using namespace espalier;
using namespace espalier::program;

const char *const program::optionsHelp =
    "  -p TEXT         prompt; -p - reads it from standard input\n"
    "  -n N            at most N new tokens (default 0: until the end of text\n"
    "                  or of the context)\n"
    "  --temp T        temperature; 0 takes the most likely token (default 0)\n"
    "  --top-k K       sample among the K most likely tokens (default 0: all)\n"
    "  --top-p P       sample among the most likely tokens that together have\n"
    "                  probability P (default 1: all)\n"
    "  --seed S        seed of the random numbers (default 0)\n"
    "  -t THREADS      threads (default 0: one for each CPU)\n"
    "  -c CONTEXT      tokens that prompt and answer may have together\n"
    "                  (default 0: the model's own, 4096 at most)\n"
    "  --weights PATH  the packed weights, where they do not lie beside the\n"
    "                  program\n"
    "  --help          this text\n";

namespace {

/// Reads options one by one; the first error stays.
class Parser {
public:
  Parser(int argc, char **argv) : argc(argc), argv(argv) {}

  bool next() { return !failure && ++at < argc; }
  const char *name() const { return argv[at]; }
  bool is(const char *first, const char *second = "") const {
    return strcmp(name(), first) == 0 || strcmp(name(), second) == 0;
  }

  const char *text() {
    option = name();
    if (at + 1 < argc)
      return argv[++at];
    failure = Error{std::string(option) + ": expected a value, got none"};
    return nullptr;
  }

  uint64_t integer(uint64_t limit) {
    const char *value = text();
    if (!value)
      return 0;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno || number > limit)
      refuse(value, "a whole number of 0 to " + std::to_string(limit));
    return number;
  }

  float real() {
    const char *value = text();
    if (!value)
      return 0;
    char *end;
    float number = strtof(value, &end);
    if (end == value || *end || !std::isfinite(number))
      refuse(value, "a number");
    return number;
  }

  void refuse(const char *value, const std::string &expected) {
    failure = Error{std::string(option) + ": expected " + expected + ", got '" +
                    value + "'"};
  }

  std::optional<Error> failure;

private:
  int argc;
  char **argv;
  int at = -1;
  const char *option = "";
};

} // namespace

Result<Options> program::parseOptions(int argc, char **argv) {
  Options options;
  espalier_open_options_init(&options.open);
  espalier_generate_options_init(&options.generate);
  Parser parser(argc, argv);
  while (parser.next()) {
    if (parser.is("--help", "-h"))
      options.help = true;
    else if (parser.is("-p"))
      options.prompt = parser.text();
    else if (parser.is("-n"))
      options.generate.max_tokens = uint32_t(parser.integer(UINT32_MAX));
    else if (parser.is("--temp"))
      options.generate.temperature = parser.real();
    else if (parser.is("--top-k"))
      options.generate.top_k = uint32_t(parser.integer(UINT32_MAX));
    else if (parser.is("--top-p"))
      options.generate.top_p = parser.real();
    else if (parser.is("--seed"))
      options.generate.seed = parser.integer(UINT64_MAX);
    else if (parser.is("-t"))
      options.open.threads = uint32_t(parser.integer(UINT32_MAX));
    else if (parser.is("-c"))
      options.open.context = uint32_t(parser.integer(UINT32_MAX));
    else if (parser.is("--weights"))
      options.open.weights = parser.text();
    else
      return Error{std::string("unknown option '") + parser.name() +
                   "': see --help"};
  }
  if (parser.failure)
    return std::move(*parser.failure);
  if (!options.help && !options.prompt)
    return Error{"no prompt: give -p TEXT, or -p - for standard input"};
  return options;
}
