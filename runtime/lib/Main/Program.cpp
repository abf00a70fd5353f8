//===- Program.cpp - An open model, a session, and answers ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Program.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <unistd.h>

using namespace espalier;
using namespace espalier::program;

/// The session that Ctrl-C cancels.
static std::atomic<espalier_session *> running{nullptr};
static std::atomic<bool> interrupted{false};

extern "C" {
static void onInterrupt(int) {
  interrupted.store(true);
  espalier_cancel(running.load());
}

static int onEvent(void *user, const espalier_event *event) {
  // A reader that went away ends the answer, as does a Ctrl-C that came between
  // two steps.
  return !static_cast<Output *>(user)->print(*event) || interrupted.load();
}
}

bool Program::wasInterrupted() { return interrupted.load(); }

Program::~Program() {
  espalier_session_destroy(session);
  espalier_close(model);
}

espalier_status Program::open(const espalier_descriptor *descriptor) {
  if (espalier_status status = espalier_open(descriptor, &options.open, &model))
    return status;
  if (espalier_status status = espalier_session_create(model, &session))
    return status;
  if (!options.sessionFile ||
      (access(options.sessionFile, F_OK) != 0 && errno == ENOENT))
    return ESPALIER_OK;
  return espalier_session_restore(session, options.sessionFile);
}

espalier_status Program::saveSession() const {
  return options.sessionFile
             ? espalier_session_save(session, options.sessionFile)
             : ESPALIER_OK;
}

/// Drops what the session holds beyond its common beginning with the prompt,
/// whose last token is always computed: its logits are not kept.
static espalier_status reuse(espalier_session *session, const int32_t *prompt,
                             size_t count) {
  uint32_t length = espalier_session_length(session), common = 0;
  const int32_t *held = espalier_session_tokens(session);
  while (common < length && common + 1 < count &&
         held[common] == prompt[common])
    ++common;
  return espalier_session_truncate(session, common);
}

espalier_status Program::answer(const int32_t *prompt, size_t count) {
  if (espalier_status status = reuse(session, prompt, count))
    return status;
  uint32_t reused = espalier_session_length(session);
  Output output(model, options);
  espalier_generate_options generate = options.generate;
  generate.event = onEvent;
  running.store(session);
  struct sigaction action = {};
  action.sa_handler = onInterrupt;
  action.sa_flags = SA_RESETHAND; // a second Ctrl-C ends the program at once
  struct sigaction before = {};   // the tool's may remove a temporary folder
  sigaction(SIGINT, &action, &before);
  espalier_timing timing = {};
  timing.size = sizeof(timing);
  espalier_status status =
      espalier_generate(session, prompt + reused, count - reused, &generate,
                        nullptr, &output, &timing);
  sigaction(SIGINT, &before, nullptr);
  running.store(nullptr);
  if (status != ESPALIER_OK && status != ESPALIER_CANCELLED)
    return status;
  output.finish(timing, reused);
  if (timing.new_tokens == 0 && timing.finish == ESPALIER_FINISH_END &&
      espalier_model_descriptor(model)->chat_template)
    fputs("note: the model answered nothing to the text as it is; it was made "
          "for conversations: --chat puts the text into the form of one\n",
          stderr);
  return ESPALIER_OK;
}
