//===- Checked.h - Size arithmetic that cannot wrap ----------- -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_IMPORT_CHECKED_H
#define ESPALIER_LIB_IMPORT_CHECKED_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace espalier {

inline std::optional<uint64_t> checkedMul(uint64_t a, uint64_t b) {
  uint64_t product;
  if (__builtin_mul_overflow(a, b, &product))
    return std::nullopt;
  return product;
}

inline std::optional<uint64_t> checkedAdd(uint64_t a, uint64_t b) {
  uint64_t sum;
  if (__builtin_add_overflow(a, b, &sum))
    return std::nullopt;
  return sum;
}

/// Why `name` cannot name a tensor or key in a message or an artefact, or
/// empty: it can. Well-formed UTF-8 without control characters, 1 .. `longest`
/// bytes.
std::string nameFault(std::string_view name, size_t longest);

} // namespace espalier

#endif // ESPALIER_LIB_IMPORT_CHECKED_H
