//===- Catalogue.h - The machine descriptions compiled in -------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_HARDWARE_CATALOGUE_H
#define ESPALIER_LIB_HARDWARE_CATALOGUE_H

#include <span>
#include <string_view>

namespace espalier::hardware {

struct CatalogueEntry {
  std::string_view name, text;
};

/// lib/Hardware/Machines/*.json, made into C++ by CMake.
extern const std::span<const CatalogueEntry> catalogue;

} // namespace espalier::hardware

#endif // ESPALIER_LIB_HARDWARE_CATALOGUE_H
