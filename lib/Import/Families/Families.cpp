//===- Families.cpp - The families of models ------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

const std::vector<const Family *> &allFamilies() {
  static const std::vector<const Family *> families = {
      &llamaFamily,
      &phi3Family,
      &qwen2Family,
      &smollm3Family,
  };
  return families;
}

const Family *findFamily(std::string_view name) {
  for (const Family *family : allFamilies())
    if (family->name == name)
      return family;
  return nullptr;
}

std::string familyNames() {
  std::string names;
  for (const Family *family : allFamilies()) {
    names += names.empty() ? "" : ", ";
    names += family->name;
  }
  return names;
}

} // namespace espalier
