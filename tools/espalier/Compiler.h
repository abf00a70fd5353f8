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

/// Compiles `model` to a shared library in the user's cache
/// ($XDG_CACHE_HOME/espalier, else ~/.cache/espalier), or finds it there, and
/// returns its path. With options.noCache it is compiled to a temporary folder,
/// which is removed when the program ends. Progress goes to standard error.
Result<std::string> compileToCache(const std::string &model,
                                   const ModelOptions &options);

/// The tokenizer of a model, without compiling it.
Result<ImportedTokenizer> tokenizerOf(const std::string &model);

} // namespace espalier::tool

#endif // ESPALIER_TOOLS_COMPILER_H
