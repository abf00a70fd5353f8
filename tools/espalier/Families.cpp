//===- Families.cpp - The families of models ------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CommandLine.h"
#include "Commands.h"
#include "espalier/Import/ModelConfig.h"

#include <cstdio>

using namespace espalier;
using namespace espalier::tool;

Result<int> tool::familiesCommand(const Arguments &arguments) {
  CommandLine line("families",
                   "Prints the families of models that can be compiled: "
                   "docs/families.md.");
  Result<bool> go = line.parse(arguments);
  if (!go)
    return go.takeError();
  if (*go)
    fputs(familyTable().c_str(), stdout);
  return 0;
}
