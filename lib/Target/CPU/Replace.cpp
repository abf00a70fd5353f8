//===- Replace.cpp - What an output may take the place of -----------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Code.h"

#include "llvm/ADT/StringRef.h"

#include <cstdio>
#include <sys/stat.h>

namespace espalier::cpu {

/// The first bytes of a file; none of one that cannot be read.
static std::string beginningOf(const std::string &file) {
  char bytes[128];
  FILE *stream = fopen(file.c_str(), "rb");
  if (!stream)
    return "";
  size_t count = fread(bytes, 1, sizeof(bytes), stream);
  fclose(stream);
  return std::string(bytes, count);
}

/// Whether a compilation has made it, as far as its kind tells: programs,
/// libraries and objects, of whatever maker, are made again as any linker does.
static bool isOurs(llvm::StringRef file, llvm::StringRef begin, EmitKind emit) {
  if (file.ends_with(".safetensors"))
    return begin.contains("{\"__metadata__\":{\"format\":\"espalier-packed-");
  if (file.ends_with(".h"))
    return begin.starts_with("/* Made by `espalier compile`. */");
  if (begin.starts_with("\x7f"
                        "ELF") ||
      begin.starts_with("!<arch>\n"))
    return true;
  switch (emit) {
  case EmitKind::MLIR:
    return file.ends_with(".mlir");
  case EmitKind::LLVM:
    return file.ends_with(".ll");
  case EmitKind::Assembly:
    return file.ends_with(".s");
  default:
    return false;
  }
}

Status mayReplace(const std::string &file, EmitKind emit) {
  struct stat info;
  if (stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
      info.st_size == 0)
    return {};
  if (isOurs(file, beginningOf(file), emit))
    return {};
  return Error{file + ": is there already, and was not made by `espalier "
                      "compile`: give -o another name, or replace it with "
                      "--force"};
}

} // namespace espalier::cpu
