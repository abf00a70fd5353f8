//===- Program.h - An open model, a session, and answers --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_MAIN_PROGRAM_H
#define ESPALIER_RUNTIME_MAIN_PROGRAM_H

#include "Output.h"

namespace espalier::program {

/// The model of the program and its session.
class Program {
public:
  explicit Program(const Options &options) : options(options) {}
  Program(const Program &) = delete;
  ~Program();

  /// Opens the model, and takes up the session that --session names, if there
  /// is one.
  espalier_status open(const espalier_descriptor *descriptor);

  /// Answers a prompt. What the session holds of its beginning is not computed
  /// again, what the session holds beyond is dropped. OK also after Ctrl-C.
  espalier_status answer(const int32_t *prompt, size_t count);

  /// Writes the file that --session names.
  espalier_status saveSession() const;

  /// Whether Ctrl-C ended an answer.
  static bool wasInterrupted();

  const Options &options;
  espalier_model *model = nullptr;
  espalier_session *session = nullptr;
};

/// From now on a mapped file that loses bytes ends the program with a message.
void explainLostFiles();

} // namespace espalier::program

#endif // ESPALIER_RUNTIME_MAIN_PROGRAM_H
