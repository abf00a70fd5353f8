//===- Main.cpp - What an emitted executable does ---------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Options.h"
#include "espalier/model.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

using namespace espalier;
using namespace espalier::program;

namespace {

/// The session that Ctrl-C cancels.
std::atomic<espalier_session *> running{nullptr};
std::atomic<bool> interrupted{false};

extern "C" void onInterrupt(int) {
  interrupted.store(true);
  espalier_cancel(running.load());
}

int printToken(void *, int32_t, const char *text, size_t bytes) {
  // A reader that went away ends the answer, as does a Ctrl-C that came between
  // two steps.
  if (fwrite(text, 1, bytes, stdout) != bytes || fflush(stdout) != 0)
    return 1;
  return interrupted.load();
}

Result<std::string> readPrompt(const char *prompt) {
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

void printTiming(const espalier_timing &timing) {
  auto rate = [](uint32_t tokens, double seconds) {
    return seconds > 0 ? double(tokens) / seconds : 0.0;
  };
  // The first new token comes out of the prompt's step.
  uint32_t decoded = timing.new_tokens > 0 ? timing.new_tokens - 1 : 0;
  auto plural = [](uint32_t tokens) { return tokens == 1 ? "" : "s"; };
  fprintf(stderr,
          "prompt: %u token%s in %.3f s (%.1f tokens/s), answer: %u token%s in "
          "%.3f s (%.1f tokens/s)\n",
          timing.prompt_tokens, plural(timing.prompt_tokens),
          timing.prompt_seconds,
          rate(timing.prompt_tokens, timing.prompt_seconds), timing.new_tokens,
          plural(timing.new_tokens), timing.decode_seconds,
          rate(decoded, timing.decode_seconds));
}

/// Runs the prompt in an open session. Returns OK, also after Ctrl-C.
espalier_status answer(espalier_model *model, espalier_session *session,
                       const std::string &prompt,
                       const espalier_generate_options &options) {
  int32_t *ids;
  size_t count;
  if (espalier_status status = espalier_tokenize(
          model, prompt.data(), prompt.size(), 1, &ids, &count))
    return status;
  running.store(session);
  struct sigaction action = {};
  action.sa_handler = onInterrupt;
  action.sa_flags = SA_RESETHAND; // a second Ctrl-C ends the program at once
  struct sigaction before = {};
  sigaction(SIGINT, &action, &before);
  espalier_timing timing = {};
  timing.size = sizeof(timing);
  espalier_status status = espalier_generate(session, ids, count, &options,
                                             printToken, nullptr, &timing);
  sigaction(SIGINT, &before, nullptr);
  running.store(nullptr);
  espalier_free(ids);
  if (status != ESPALIER_OK && status != ESPALIER_CANCELLED)
    return status;
  fputc('\n', stdout);
  fflush(stdout);
  printTiming(timing);
  return ESPALIER_OK;
}

espalier_status runModel(const espalier_descriptor *descriptor,
                         const Options &options, const std::string &prompt) {
  espalier_model *model;
  if (espalier_status status = espalier_open(descriptor, &options.open, &model))
    return status;
  espalier_session *session = nullptr;
  espalier_status status = espalier_session_create(model, &session);
  if (status == ESPALIER_OK)
    status = answer(model, session, prompt, options.generate);
  espalier_session_destroy(session);
  espalier_close(model);
  return status;
}

int report(const char *message) {
  fprintf(stderr, "error: %s\n", message);
  return 1;
}

} // namespace

extern "C" int espalier_main(const espalier_descriptor *descriptor, int argc,
                             char **argv) {
  Result<Options> options = parseOptions(argc - 1, argv + 1);
  if (!options)
    return report(options.error().message.c_str());
  if (options->help) {
    printf(
        "usage: %s -p TEXT [options]\n\nRuns the model '%s' that is compiled "
        "into this program: the answer goes to\nstandard output, all else to "
        "standard error.\n\n%s",
        argv[0], descriptor->name, optionsHelp);
    return 0;
  }
  Result<std::string> prompt = readPrompt(options->prompt);
  if (!prompt)
    return report(prompt.error().message.c_str());
  if (runModel(descriptor, *options, *prompt) != ESPALIER_OK)
    return report(espalier_last_error());
  if (ferror(stdout))
    return report("standard output cannot be written");
  return interrupted.load() ? 130 : 0;
}
