//===- main.cpp - The espalier program ------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CommandLine.h"
#include "Commands.h"
#include "Describe.h"
#include "Main/Hints.h"
#include "Main/Standard.h"
#include "Manual.h"

#include <algorithm>
#include <climits>
#include <cstdio>
#include <string_view>
#include <unistd.h>

using namespace espalier;
using namespace espalier::tool;

namespace {

constexpr Command commands[] = {
    {"compile", compileCommand, "a model to a program or library"},
    {"run", runCommand, "answer a prompt"},
    {"eval", evalCommand, "logits, hidden states, tokens, perplexity"},
    {"tokenize", tokenizeCommand, "text to token ids, and back"},
    {"bench", benchCommand, "tokens per second"},
    {"inspect", inspectCommand, "what a model or an artefact holds"},
    {"explain", explainCommand, "how an artefact does its work"},
    {"families", familiesCommand, "the families of models, as Markdown"},
};

void printUsage(FILE *to) {
  fputs("usage: espalier COMMAND [arguments]\n\n", to);
  for (const Command &command : commands)
    fprintf(to, "  %-10s%s\n", command.name, command.summary);
  fputs("  completion for bash, zsh or fish\n"
        "  manual    a page for man(1)\n",
        to);
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

static int runTool(int argc, char **argv) {
  std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--help" || name == "-h") {
    printUsage(stdout);
    return 0;
  }
  if (name == "--version") {
    puts("espalier " ESPALIER_VERSION);
    return 0;
  }
  auto finish = [](Result<int> status) {
    if (status)
      return *status;
    // Names from a stranger's file do not steer the terminal.
    fprintf(stderr, "error: %s\n", escaped(status.error().message).c_str());
    return 1;
  };
  Arguments rest(argv + std::min(argc, 2), argv + argc);
  for (const Command &command : commands)
    if (command.name == name)
      return finish(command.run(rest));
  if (name == "completion")
    return finish(printCompletion(commands, rest));
  if (name == "manual") // for the build, which installs the pages
    return finish(printManual(commands, rest));
  if (name.empty()) {
    fputs("error: no command given\n", stderr);
    printUsage(stderr);
    return 1;
  }
  std::vector<std::string> names;
  for (const Command &command : commands)
    names.emplace_back(command.name);
  names.insert(names.end(), {"completion", "manual"});
  std::string near = program::suggestion(name, names);
  return finish(Error{"unknown command '" + std::string(name) + "'" +
                      (near.empty() ? ": see espalier --help" : near)});
}

int main(int argc, char **argv) {
  program::reserveStandardFiles();
  return program::finishStandardOutput(runTool(argc, argv));
}
