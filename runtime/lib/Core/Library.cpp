//===- Library.cpp - Models in shared libraries -----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Container.h"
#include "LastError.h"
#include "Model.h"

#include <cstdlib>
#include <dlfcn.h>

using namespace espalier;
using namespace espalier::runtime;

/// The name of the model's symbol in the library, which is checked on the way.
static Result<std::string> inspectLibrary(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  if (Status status = checkElfImage(file->bytes()); !status)
    return status.takeError().within(path);
  Result<std::string> symbol = findModelSymbol(file->bytes());
  if (!symbol)
    return symbol.takeError().within(path);
  return symbol;
}

extern "C" espalier_status
espalier_open_library(const char *path, const espalier_open_options *options,
                      espalier_model **model) {
  if (!path || !model)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_open_library: path and model may not be NULL");
  *model = nullptr;
  // An absolute path: the loader would seek a bare name elsewhere, and weights
  // lie beside the library whatever the current folder is by then.
  char *resolved = realpath(path, nullptr);
  std::string absolute = resolved ? resolved : path;
  free(resolved);
  Result<std::string> symbol = inspectLibrary(absolute);
  if (!symbol)
    return fail(ESPALIER_ERROR_FILE, symbol.error().message);
  void *library = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    return fail(ESPALIER_ERROR_FILE, reason ? reason : absolute.c_str());
  }
  auto *descriptor =
      static_cast<const espalier_descriptor *>(dlsym(library, symbol->c_str()));
  espalier_status status =
      descriptor ? espalier_open(descriptor, options, model)
                 : failf(ESPALIER_ERROR_FILE, "%s: symbol '%s' is not found",
                         absolute.c_str(), symbol->c_str());
  if (status != ESPALIER_OK)
    dlclose(library);
  else
    (*model)->library = library;
  return status;
}
