//===- Main.cpp - What an emitted executable does ---------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Chat.h"
#include "Hints.h"
#include "Program.h"
#include "Standard.h"
#include "espalier/model.h"

#include <cstdio>
#include <cstring>

using namespace espalier;
using namespace espalier::program;

static Result<std::string> readPrompt(const char *prompt) {
  if (strcmp(prompt, "-") != 0)
    return std::string(prompt);
  std::string text;
  char buffer[4096];
  while (size_t bytes = fread(buffer, 1, sizeof(buffer), stdin))
    text.append(buffer, bytes);
  if (ferror(stdin))
    return Error{"standard input cannot be read"};
  return text;
}

/// Answers one prompt.
static espalier_status runPrompt(Program &program, const std::string &prompt) {
  int32_t *ids;
  size_t count;
  if (espalier_status status = espalier_tokenize(
          program.model, prompt.data(), prompt.size(), 1, &ids, &count))
    return status;
  espalier_status status = program.answer(ids, count);
  espalier_free(ids);
  return status;
}

static int report(const std::string &message) {
  fprintf(stderr, "error: %s\n", message.c_str());
  return 1;
}

static int reportLast() { return report(inOptions(espalier_last_error())); }

static int run(const espalier_descriptor *descriptor, int argc, char **argv) {
  Result<Options> options = parseOptions(argc - 1, argv + 1);
  if (!options)
    return report(options.error().message);
  if (options->help) {
    printf(
        "usage: %s -p TEXT|--chat [options]\n\nRuns the model '%s' that is "
        "compiled "
        "into this program: the answer goes to\nstandard output, all else to "
        "standard error.\n\n%s",
        argv[0], descriptor->name, optionsHelp().c_str());
    return 0;
  }
  if (Status status = checkOptions(*options, *descriptor); !status)
    return report(status.error().message);
  std::string prompt;
  if (options->prompt) {
    Result<std::string> read = readPrompt(options->prompt);
    if (!read)
      return report(read.error().message);
    prompt = std::move(*read);
  }
  explainLostFiles();
  Program program(*options);
  if (program.open(descriptor) != ESPALIER_OK)
    return reportLast();
  if (options->chat) {
    int status = runChat(program, options->prompt ? &prompt : nullptr);
    if (program.saveSession() != ESPALIER_OK)
      return reportLast();
    return status;
  }
  if (runPrompt(program, prompt) != ESPALIER_OK ||
      program.saveSession() != ESPALIER_OK)
    return reportLast();
  return Program::wasInterrupted() ? 130 : 0;
}

extern "C" int espalier_main(const espalier_descriptor *descriptor, int argc,
                             char **argv) {
  reserveStandardFiles();
  return finishStandardOutput(run(descriptor, argc, argv));
}
