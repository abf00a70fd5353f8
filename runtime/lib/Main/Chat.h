//===- Chat.h - A conversation on the terminal ------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_MAIN_CHAT_H
#define ESPALIER_RUNTIME_MAIN_CHAT_H

#include "Program.h"

namespace espalier::program {

/// Answers `prompt`, or, where it is null, one line of standard input after the
/// other. Ctrl-C stops an answer; between answers, or a second time, it ends
/// the conversation. Returns the exit status; errors have been printed.
int runChat(Program &program, const std::string *prompt);

} // namespace espalier::program

#endif // ESPALIER_RUNTIME_MAIN_CHAT_H
