//===- SessionPath.h - Whether a session can be kept ------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_MAIN_SESSIONPATH_H
#define ESPALIER_RUNTIME_MAIN_SESSIONPATH_H

#include "espalier/Support/Result.h"

namespace espalier::program {

/// Whether espalier_session_save could write `path` now: better known before an
/// answer is computed than after it.
Status checkSessionPath(const char *path);

} // namespace espalier::program

#endif // ESPALIER_RUNTIME_MAIN_SESSIONPATH_H
