//===- Progress.cpp - How far a compilation is ----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Progress.h"
#include "Describe.h"

#include <cinttypes>
#include <cstdio>
#include <unistd.h>

using namespace espalier::tool;
using Clock = std::chrono::steady_clock;

Progress::Progress() : terminal(isatty(STDERR_FILENO)) {}

void Progress::show(const std::string &text) {
  if (!terminal)
    return;
  // Back to the start, and clear what was there.
  fprintf(stderr, "\r\x1b[K%s", text.c_str());
  fflush(stderr);
  shown = true;
}

void Progress::stage(const std::string &name) {
  std::lock_guard<std::mutex> lock(mutex);
  current = name;
  show(name + "...");
}

void Progress::packed(uint64_t tensorsDone, uint64_t tensors,
                      uint64_t bytesDone, uint64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex);
  Clock::time_point now = Clock::now();
  if (start == Clock::time_point())
    start = now;
  if (!terminal || now - lastShown < std::chrono::milliseconds(80))
    return;
  lastShown = now;
  double seconds = std::chrono::duration<double>(now - start).count();
  char text[160];
  snprintf(text, sizeof(text),
           "%s... weights: %" PRIu64 " of %" PRIu64
           " tensors, %.2f of %.2f GB, %.2f GB/s",
           current.c_str(), tensorsDone, tensors, double(bytesDone) / 1e9,
           double(bytes) / 1e9,
           seconds > 0 ? double(bytesDone) / 1e9 / seconds : 0);
  show(text);
}

void Progress::tokens(uint64_t done, uint64_t all) {
  std::lock_guard<std::mutex> lock(mutex);
  Clock::time_point now = Clock::now();
  if (start == Clock::time_point())
    start = now;
  if (!terminal || now - lastShown < std::chrono::milliseconds(80))
    return;
  lastShown = now;
  double seconds = std::chrono::duration<double>(now - start).count();
  char text[120];
  snprintf(text, sizeof(text), "%" PRIu64 " of %" PRIu64 " tokens", done, all);
  std::string line = text;
  if (seconds > 0) {
    double rate = double(done) / seconds;
    snprintf(text, sizeof(text), ", %.0f tokens/s, %.0f s to go", rate,
             double(all - done) / rate);
    line += text;
  }
  show(line);
}

void Progress::warn(const std::string &message) {
  done();
  fprintf(stderr, "warning: %s\n", escaped(message).c_str());
}

void Progress::done() {
  std::lock_guard<std::mutex> lock(mutex);
  if (shown)
    fputs("\r\x1b[K", stderr);
  shown = false;
}
