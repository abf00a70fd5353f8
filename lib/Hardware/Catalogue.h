//===- Catalogue.h - The machine descriptions compiled in -------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_HARDWARE_CATALOGUE_H
#define ESPALIER_LIB_HARDWARE_CATALOGUE_H

#include "espalier/Support/Result.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::hardware {

struct CatalogueEntry {
  std::string_view name, text;
};

/// lib/Hardware/Machines/*.json, made into C++ by CMake: processors, and
/// accelerators.
extern const std::span<const CatalogueEntry> catalogue;
extern const std::span<const CatalogueEntry> systolicCatalogue;

std::vector<std::string_view> namesOf(std::span<const CatalogueEntry> entries);

/// The text of the machine with that name, of any kind; else of the file with
/// that path. `entries` are those that the error lists.
Result<std::string> findMachineText(const std::string &nameOrPath,
                                    std::span<const CatalogueEntry> entries);

} // namespace espalier::hardware

#endif // ESPALIER_LIB_HARDWARE_CATALOGUE_H
