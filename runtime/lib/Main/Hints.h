//===- Hints.h - What a user may have meant ---------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_MAIN_HINTS_H
#define ESPALIER_RUNTIME_MAIN_HINTS_H

#include <string>
#include <string_view>
#include <vector>

namespace espalier::program {

/// ": did you mean 'NAME'?" where one of the names is nearly `word`; else "".
std::string suggestion(std::string_view word,
                       const std::vector<std::string> &names);

/// For an option that other programs have and that none of `names` is: ": did
/// you mean 'NAME'?", or what there is in its place; "" where it is unknown.
std::string foreignOption(std::string_view option,
                          const std::vector<std::string> &names);

/// A message of the library in the command line's words: where it speaks of a
/// field of the C API, it names the option.
std::string inOptions(std::string message);

} // namespace espalier::program

#endif // ESPALIER_RUNTIME_MAIN_HINTS_H
