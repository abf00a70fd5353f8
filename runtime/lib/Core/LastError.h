//===- LastError.h - Why a call failed --------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_LASTERROR_H
#define ESPALIER_RUNTIME_CORE_LASTERROR_H

#include "espalier/espalier.h"

#include <string_view>

namespace espalier::runtime {

/// Keeps `message` for espalier_last_error() of this thread and returns
/// `status`, so that a caller writes `return fail(...)`.
espalier_status fail(espalier_status status, std::string_view message);

/// The same, with a printf-like format.
[[gnu::format(printf, 2, 3)]] espalier_status failf(espalier_status status,
                                                    const char *format, ...);

/// Checks the `size` field that begins every struct of the API: a program built
/// with a newer header than the library's is refused, since the library would
/// silently ignore what it asks for.
espalier_status checkStructSize(uint32_t size, size_t known, const char *name);

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_LASTERROR_H
