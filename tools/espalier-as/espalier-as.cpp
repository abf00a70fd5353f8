//===- espalier-as.cpp - The assembler of the accelerator -----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "FileTool.h"
#include "espalier/Target/Systolic/Assembler.h"

using namespace espalier;

int main(int argc, char **argv) {
  return tool::runFileTool(
      argc, argv,
      "usage: espalier-as FILE [-o FILE]\n\n"
      "Makes the binary form of a program of the systolic accelerator: of the\n"
      "text of one systolic.program, as `ninja docs` describes it and\n"
      "espalier-dis writes it.\n\n"
      "  -o FILE   where to (default: standard output)\n",
      [](std::span<const uint8_t> bytes,
         const std::string &name) -> Result<std::string> {
        Result<std::vector<uint8_t>> program = systolic::assemble(
            {reinterpret_cast<const char *>(bytes.data()), bytes.size()}, name);
        if (!program)
          return program.takeError();
        return std::string(program->begin(), program->end());
      });
}
