//===- Families.cpp - The families of models ------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Families.h"

namespace espalier {

static const Family *const families[] = {&llamaFamily, &qwen2Family};

const Family *findFamily(llvm::StringRef name) {
  for (const Family *family : families)
    if (family->name == name)
      return family;
  return nullptr;
}

std::string familyNames() {
  std::string names;
  for (const Family *family : families)
    names += (names.empty() ? "" : ", ") + family->name.str();
  return names;
}

} // namespace espalier
