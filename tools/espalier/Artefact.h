//===- Artefact.h - Models and what they were compiled to -------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_ARTEFACT_H
#define ESPALIER_TOOLS_ARTEFACT_H

#include "CommandLine.h"
#include "espalier/espalier.h"

#include <memory>

namespace espalier::tool {

/// What decides how a model is compiled. Every subcommand that is given a model
/// takes these options.
struct ModelOptions {
  std::string target = "cpu", activations = "auto";
  std::string kvType; ///< empty: the model's own (float16, float32 for float32)
  std::optional<std::string> machine;
  bool randomWeights = false, noCache = false;

  /// `cached`: also --no-cache.
  void declare(CommandLine &line, bool cached);
  /// The options that were given, as an error; nothing where none was.
  static std::optional<std::string> given(const CommandLine &line);
};

enum class InputKind { Model, Artefact };
/// Folders and GGUF, safetensors and JSON files are models, ELF files
/// artefacts. Anything else, and what cannot be read, is an error.
Result<InputKind> inputKind(const std::string &path);

/// The path of an artefact: `path` itself, or, for a model, what it is compiled
/// to in the user's cache.
Result<std::string> artefactFor(const std::string &path,
                                const ModelOptions &options,
                                const CommandLine &line);

/// The image of an artefact, loaded for as long as the program runs.
struct Artefact {
  const espalier_descriptor *descriptor = nullptr;
  std::string path;
  /// Where the weights must be sought, where that is not beside the image that
  /// was loaded; else empty.
  std::string weights;

  static Result<Artefact> load(const std::string &path);
};

struct CloseModel {
  void operator()(espalier_model *model) const { espalier_close(model); }
};
struct CloseSession {
  void operator()(espalier_session *s) const { espalier_session_destroy(s); }
};
using Model = std::unique_ptr<espalier_model, CloseModel>;
using Session = std::unique_ptr<espalier_session, CloseSession>;

/// 0 threads: every CPU; 0 tokens of context: the runtime's default.
Result<Model> openModel(const Artefact &artefact, uint64_t threads,
                        uint64_t context, espalier_team *team = nullptr);
Result<Session> openSession(espalier_model *model);

/// espalier_last_error as an Error.
Error lastError();

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_ARTEFACT_H
