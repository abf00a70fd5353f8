//===- Chat.cpp - A conversation on the terminal ----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Chat.h"
#include "Hints.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <unistd.h>

using namespace espalier;
using namespace espalier::program;

namespace {

/// Ctrl-C: how often since the last line was read, what it cancels, and a pipe
/// that wakes whoever waits for a line. The signal may be delivered to any
/// thread.
std::atomic<unsigned> interrupts{0};
std::atomic<espalier_session *> answering{nullptr};
std::atomic<int> wakeEnd{-1};

extern "C" void onChatInterrupt(int) {
  // One that nothing heeds any more.
  if (interrupts.fetch_add(1) >= 2)
    _exit(130);
  espalier_cancel(answering.load());
  int saved = errno;
  if (int end = wakeEnd.load(); end >= 0)
    (void)!write(end, "", 1);
  errno = saved;
}

/// Reads standard input line by line; a Ctrl-C ends the wait.
class Lines {
public:
  Lines() {
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0)
      wakeEnd.store(ends[1]);
  }
  ~Lines() {
    wakeEnd.store(-1);
    for (int end : ends)
      if (end >= 0)
        close(end);
  }

  /// False: the end of input, a Ctrl-C, or an error.
  bool next(std::string &line) {
    for (;;) {
      size_t end = held.find('\n');
      if (end != std::string::npos) {
        line = held.substr(0, end);
        held.erase(0, end + 1);
        return true;
      }
      if (atEnd) {
        line = std::move(held);
        held.clear();
        return !line.empty();
      }
      pollfd files[] = {{STDIN_FILENO, POLLIN, 0}, {ends[0], POLLIN, 0}};
      if (poll(files, 2, -1) < 0 && errno != EINTR)
        return fail();
      if (interrupts.load() != 0)
        return false;
      if (!(files[0].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL)))
        continue;
      char buffer[4096];
      ssize_t bytes = read(STDIN_FILENO, buffer, sizeof(buffer));
      if (bytes < 0 && errno != EINTR && errno != EAGAIN)
        return fail();
      if (bytes > 0)
        held.append(buffer, size_t(bytes));
      atEnd = bytes == 0;
    }
  }

  bool failed = false;

private:
  bool fail() {
    failed = true;
    return false;
  }

  int ends[2] = {-1, -1};
  std::string held;
  bool atEnd = false;
};

int onChatEvent(void *user, const espalier_event *event) {
  return !static_cast<Output *>(user)->print(*event) || interrupts.load() != 0;
}

int report(const std::string &message) {
  fprintf(stderr, "error: %s\n", inOptions(message).c_str());
  return 1;
}

/// One turn. The status of the program; nothing: go on.
std::optional<int> turn(Program &program, espalier_chat *chat,
                        const std::string &text) {
  if (espalier_chat_add(chat, "user", text.data(), text.size()) != ESPALIER_OK)
    return report(espalier_last_error());
  uint32_t before = espalier_chat_count(chat);
  Output output(program.model, program.options);
  espalier_generate_options options = program.options.generate;
  options.event = onChatEvent;
  espalier_timing timing = {};
  timing.size = sizeof(timing);
  answering.store(program.session);
  espalier_status status =
      espalier_chat_generate(chat, &options, nullptr, &output, &timing);
  answering.store(nullptr);
  bool isAnswered = espalier_chat_count(chat) > before;
  if (status == ESPALIER_OK || status == ESPALIER_CANCELLED || isAnswered)
    output.finish(timing, timing.cached_tokens);
  std::string error = espalier_last_error();
  // What has no answer is not part of the conversation: the next line may be a
  // shorter one.
  if (!isAnswered)
    espalier_chat_remove(chat, 1);
  if (status != ESPALIER_OK && status != ESPALIER_CANCELLED)
    return report(error);
  if (ferror(stdout))
    return report("standard output cannot be written");
  return std::nullopt;
}

/// The conversation goes on behind an error, which the status tells of.
int converse(Program &program, espalier_chat *chat) {
  Lines lines;
  int status = 0;
  bool isTerminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
  uint32_t system = espalier_chat_count(chat);
  for (std::string line;;) {
    if (isTerminal)
      fputs("> ", stderr);
    if (!lines.next(line))
      break;
    if (!line.empty() && line.back() == '\r')
      line.pop_back();
    if (line.empty())
      continue;
    if (line == "/clear") {
      espalier_chat_remove(chat, espalier_chat_count(chat) - system);
      continue;
    }
    if (std::optional<int> ended = turn(program, chat, line)) {
      status = *ended;
      if (ferror(stdout))
        return status;
    }
    if (interrupts.load() >= 2)
      break;
    interrupts.store(0); // it stopped the answer
  }
  if (isTerminal)
    fputc('\n', stderr);
  if (lines.failed)
    return report("standard input cannot be read");
  return interrupts.load() != 0 ? 130 : status;
}

} // namespace

int program::runChat(Program &program, const std::string *prompt) {
  espalier_chat *chat;
  if (espalier_chat_create(program.session, &chat) != ESPALIER_OK)
    return report(espalier_last_error());
  struct sigaction action = {}, before;
  action.sa_handler = onChatInterrupt;
  action.sa_flags = SA_RESTART; // never half an answer; poll is not restarted
  sigaction(SIGINT, &action, &before);
  const char *system = program.options.system;
  int status = 0;
  if (system && espalier_chat_add(chat, "system", system, strlen(system)) !=
                    ESPALIER_OK) {
    status = report(espalier_last_error());
  } else if (prompt) {
    status = turn(program, chat, *prompt).value_or(0);
    if (interrupts.load() != 0)
      status = 130;
  } else {
    status = converse(program, chat);
  }
  sigaction(SIGINT, &before, nullptr);
  espalier_chat_destroy(chat);
  return status;
}
