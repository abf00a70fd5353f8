//===- SessionPath.cpp - Whether a session can be kept ----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "SessionPath.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

using namespace espalier;

Status program::checkSessionPath(const char *path) {
  if (!*path)
    return Error{"expected the name of a file, got ''"};
  std::string name = path;
  struct stat info;
  if (stat(path, &info) == 0) {
    if (S_ISDIR(info.st_mode))
      return Error{name + " is a folder; give the name of a file"};
    if (!S_ISREG(info.st_mode))
      return Error{name + " is no ordinary file; give the name of a file"};
  }
  size_t slash = name.rfind('/');
  std::string folder = slash == std::string::npos ? "."
                       : slash == 0               ? "/"
                                                  : name.substr(0, slash);
  if (stat(folder.c_str(), &info) != 0 && errno == ENOENT)
    return Error{name + ": there is no folder " + folder + ": create it first"};
  // Permissions alone do not tell of file systems that cannot be written. A
  // session is saved under such a name, and renamed.
  std::string probe = name + ".XXXXXX";
  int file = mkstemp(probe.data());
  if (file < 0)
    return Error{name + ": cannot be created: " + strerror(errno) +
                 ": give the name of a file in another folder"};
  close(file);
  unlink(probe.c_str());
  return {};
}
