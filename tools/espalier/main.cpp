//===- main.cpp - The espalier program ------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Commands.h"

#include <climits>
#include <cstdio>
#include <string_view>
#include <unistd.h>

using namespace espalier;
using namespace espalier::tool;

namespace {

struct Command {
  std::string_view name;
  Result<int> (*run)(const Arguments &);
  const char *summary;
};

constexpr Command commands[] = {
    {"compile", compileCommand, "a model to a program or library"},
    {"run", runCommand, "answer a prompt"},
    {"eval", evalCommand, "logits, hidden states, tokens, perplexity"},
    {"tokenize", tokenizeCommand, "text to token ids, and back"},
    {"bench", benchCommand, "tokens per second"},
    {"inspect", inspectCommand, "what a model or an artefact holds"},
    {"explain", explainCommand, "how an artefact does its work"},
};

void printUsage(FILE *to) {
  fputs("usage: espalier COMMAND [arguments]\n\n", to);
  for (const Command &command : commands)
    fprintf(to, "  %-10.*s%s\n", int(command.name.size()), command.name.data(),
            command.summary);
  fputs("\nespalier COMMAND --help shows the options of a command.\n", to);
}

} // namespace

std::string tool::programPath() {
  char path[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
  return size > 0 && size < ssize_t(sizeof(path))
             ? std::string(path, size_t(size))
             : "espalier";
}

int main(int argc, char **argv) {
  std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--help" || name == "-h") {
    printUsage(stdout);
    return 0;
  }
  if (name == "--version") {
    puts("espalier " ESPALIER_VERSION);
    return 0;
  }
  for (const Command &command : commands)
    if (command.name == name) {
      Result<int> status = command.run(Arguments(argv + 2, argv + argc));
      if (status)
        return *status;
      fprintf(stderr, "error: %s\n", status.error().message.c_str());
      return 1;
    }
  if (name.empty())
    fputs("error: no command given\n", stderr);
  else
    fprintf(stderr, "error: unknown command '%s'\n", argv[1]);
  printUsage(stderr);
  return 1;
}
