//===- Catalogue.cpp - Finding a machine file -----------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Catalogue.h"
#include "espalier/Support/MappedFile.h"

using namespace espalier;
using namespace espalier::hardware;

std::vector<std::string_view>
hardware::namesOf(std::span<const CatalogueEntry> entries) {
  std::vector<std::string_view> names;
  for (const CatalogueEntry &entry : entries)
    names.push_back(entry.name);
  return names;
}

Result<std::string>
hardware::findMachineText(const std::string &nameOrPath,
                          std::span<const CatalogueEntry> entries) {
  for (std::span<const CatalogueEntry> all : {catalogue, systolicCatalogue})
    for (const CatalogueEntry &entry : all)
      if (entry.name == nameOrPath)
        return std::string(entry.text);
  Result<MappedFile> file = MappedFile::open(nameOrPath);
  if (file) {
    std::span<const uint8_t> bytes = file->bytes();
    return std::string(reinterpret_cast<const char *>(bytes.data()),
                       bytes.size());
  }
  std::string list;
  for (const CatalogueEntry &entry : entries)
    list += (list.empty() ? "'" : ", '") + std::string(entry.name) + "'";
  return Error{"machine '" + nameOrPath + "': neither a name of the " +
               "catalogue (" + list + ") nor a file that can be read"};
}
