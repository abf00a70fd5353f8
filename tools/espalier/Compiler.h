//===- Compiler.h - The compiler behind the subcommands ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What the subcommands need of the compiler. They know nothing of LLVM.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TOOLS_COMPILER_H
#define ESPALIER_TOOLS_COMPILER_H

#include "Artefact.h"
#include "espalier/Import/Tokenizer.h"

namespace espalier::tool {

struct CompileRequest {
  std::string model, output;
  /// See CompileOptions.
  std::string temporaryFolder;
  std::string emit; ///< "exe", "shared", ...; empty: by the output's suffix
  std::string name; ///< empty: from the output
  bool bundle = false;
  bool force = false;              ///< see CompileOptions
  bool checkWeights = false;       ///< refuse weights that are not finite
  bool wideKernelsForAVX2 = false; ///< tests: see CompileOptions
  ModelOptions options;
};

/// What became of it, for the closing lines.
struct CompileSummary {
  std::vector<std::string> files;
  uint64_t outputBytes = 0, codeBytes = 0, weightBytes = 0;
  double importSeconds = 0, lowerSeconds = 0, generateSeconds = 0;
  double packSeconds = 0, linkSeconds = 0, totalSeconds = 0;
};

/// The whole way from a model to files. Warnings and, on a terminal, progress
/// go to standard error. On failure no output is touched.
Result<CompileSummary> compileModel(const CompileRequest &request);

/// One line of time, memory and sizes to standard error.
void printSummary(const CompileSummary &summary, const std::string &output);

/// The tokenizer of a model, without compiling it.
Result<ImportedTokenizer> tokenizerOf(const std::string &model);

/// Compiles `model` to a shared library in the user's cache
/// ($XDG_CACHE_HOME/espalier, else ~/.cache/espalier), or finds it there, and
/// returns its path. With options.noCache it is compiled to a temporary folder,
/// which is removed when the program ends. Progress goes to standard error.
Result<std::string> compileToCache(const std::string &model,
                                   const ModelOptions &options);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_COMPILER_H
