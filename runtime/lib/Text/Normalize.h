//===- Normalize.h - Unicode normalisation ----------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_TEXT_NORMALIZE_H
#define ESPALIER_RUNTIME_TEXT_NORMALIZE_H

#include <string>
#include <string_view>

namespace espalier::text {

/// `text`, which is UTF-8, in normalisation form C: either itself or a view of
/// `storage`. Time is O(n log n).
std::string_view normalizeNfc(std::string_view text, std::string &storage);

} // namespace espalier::text

#endif // ESPALIER_RUNTIME_TEXT_NORMALIZE_H
