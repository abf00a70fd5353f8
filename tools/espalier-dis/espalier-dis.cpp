//===- espalier-dis.cpp - The disassembler of the accelerator -------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../espalier-as/FileTool.h"
#include "espalier/Target/Systolic/Assembler.h"

using namespace espalier;

int main(int argc, char **argv) {
  return tool::runFileTool(
      argc, argv,
      "usage: espalier-dis FILE [-o FILE]\n\n"
      "Writes a binary program of the systolic accelerator as text, which\n"
      "espalier-as turns into the same bytes.\n\n"
      "  -o FILE   where to (default: standard output)\n",
      [](std::span<const uint8_t> bytes, const std::string &name) {
        return systolic::disassemble(bytes, name);
      });
}
