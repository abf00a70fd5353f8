//===- Cache.cpp - Compiled models in the user's cache -------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Commands.h"
#include "Compiler.h"
#include "espalier/Import/GGUF.h"
#include "espalier/Support/Hash.h"
#include "espalier/Support/MappedFile.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace espalier;
using namespace espalier::tool;

namespace {

constexpr const char *libraryName = "model.so";
constexpr const char *weightsName = "model.safetensors";

bool exists(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

std::vector<std::string> filesIn(const std::string &folder) {
  std::vector<std::string> names;
  if (DIR *directory = opendir(folder.c_str())) {
    while (dirent *entry = readdir(directory))
      if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
        names.push_back(entry->d_name);
    closedir(directory);
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Removes a folder of the cache and the files in it.
void removeFolder(const std::string &folder) {
  for (const std::string &name : filesIn(folder))
    unlink((folder + "/" + name).c_str());
  rmdir(folder.c_str());
}

Status makeFolders(const std::string &path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    std::string part = path.substr(0, slash);
    if (mkdir(part.c_str(), 0777) != 0 && errno != EEXIST)
      return Error{part + ": cannot be created: " + strerror(errno) +
                   "; --no-cache does without"};
    if (slash == std::string::npos)
      return {};
  }
}

void addIdentity(Hasher &hasher, const MappedFile::Identity &id) {
  hasher.update(" " + std::to_string(id.size) + " " +
                std::to_string(id.modified) + " " + std::to_string(id.inode) +
                " " + std::to_string(id.device) + "\n");
}

/// Adds a file: which one it is, and, of small ones, all that it says; of the
/// others the header.
Status addFile(Hasher &hasher, const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  std::span<const uint8_t> bytes = file->bytes();
  size_t header = bytes.size();
  if (path.ends_with(".safetensors")) {
    uint64_t length = 0;
    if (bytes.size() >= 8)
      memcpy(&length, bytes.data(), 8);
    header = std::min<uint64_t>(length + 8, std::min<size_t>(header, 1 << 26));
  } else if (bytes.size() >= 4 && !memcmp(bytes.data(), "GGUF", 4)) {
    Result<GgufFile> gguf = parseGguf(bytes);
    if (!gguf)
      return gguf.takeError().within(path);
    header = std::min<uint64_t>(gguf->dataOffset(), bytes.size());
  }
  hasher.update(path);
  addIdentity(hasher, file->identity());
  hasher.update(bytes.first(header));
  return {};
}

bool isPartOfModel(const std::string &name) {
  return name.ends_with(".json") || name.ends_with(".safetensors") ||
         name.ends_with(".jinja");
}

/// Everything that the artefact depends on.
Result<std::string> cacheKey(const std::string &model,
                             const ModelOptions &options) {
  Hasher hasher;
  hasher.update("espalier " ESPALIER_VERSION " cache 1\n");
  // The compiler and the runtime that it puts into the library: which builds.
  std::string program = programPath();
  std::string prefix = program.substr(0, program.rfind("/bin/"));
  for (const std::string &path :
       {program, prefix + "/lib/libespalier.a",
        prefix + "/lib/x86_64-linux-gnu/libespalier.a"})
    if (Result<MappedFile> file = MappedFile::open(path))
      addIdentity(hasher, file->identity());
  hasher.update(options.target + "\n" + options.activations + "\n" +
                options.kvType + "\n" +
                (options.randomWeights ? "random" : "stored") + "\n");
  hasher.update(options.machine.value_or("") + "\n");
  if (options.machine && exists(*options.machine))
    if (Status status = addFile(hasher, *options.machine); !status)
      return status.takeError();

  char *resolved = realpath(model.c_str(), nullptr);
  std::string path = resolved ? resolved : model;
  free(resolved);
  struct stat info;
  if (stat(path.c_str(), &info) != 0)
    return Error{model + ": " + strerror(errno)};
  std::string folder = path;
  if (!S_ISDIR(info.st_mode)) {
    if (Status status = addFile(hasher, path); !status)
      return status.takeError();
    // A GGUF file is all there is; of a checkpoint the files beside it count.
    if (!isPartOfModel(path))
      return hasher.finish().hex();
    folder = path.substr(0, path.rfind('/'));
  }
  for (const std::string &name : filesIn(folder))
    if (isPartOfModel(name))
      if (Status status = addFile(hasher, folder + "/" + name); !status)
        return status.takeError();
  return hasher.finish().hex();
}

Result<std::string> cacheFolder() {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (cache && *cache == '/')
    return std::string(cache) + "/espalier/models";
  if (home && *home == '/')
    return std::string(home) + "/.cache/espalier/models";
  return Error{"no folder for the cache: neither XDG_CACHE_HOME nor HOME is "
               "set; --no-cache does without"};
}

Status compileInto(const std::string &folder, const std::string &model,
                   const ModelOptions &options) {
  CompileRequest request;
  request.model = model;
  request.output = folder + "/" + libraryName;
  request.emit = "shared";
  request.name = "model";
  request.options = options;
  Result<CompileSummary> summary = compileModel(request);
  if (!summary)
    return summary.takeError();
  printSummary(*summary, libraryName);
  return {};
}

/// The folder of --no-cache, while it exists.
std::string temporaryFolder;

Result<std::string> compileTemporary(const std::string &model,
                                     const ModelOptions &options) {
  const char *base = getenv("TMPDIR");
  std::string folder =
      std::string(base && *base ? base : "/tmp") + "/espalier-XXXXXX";
  if (!mkdtemp(folder.data()))
    return Error{folder + ": cannot be created: " + strerror(errno)};
  temporaryFolder = folder;
  atexit([] { removeFolder(temporaryFolder); });
  if (Status status = compileInto(folder, model, options); !status)
    return status.takeError();
  return folder + "/" + libraryName;
}

} // namespace

Result<std::string> tool::compileToCache(const std::string &model,
                                         const ModelOptions &options) {
  if (options.noCache)
    return compileTemporary(model, options);
  Result<std::string> key = cacheKey(model, options);
  if (!key)
    return key.takeError();
  Result<std::string> cache = cacheFolder();
  if (!cache)
    return cache.takeError();
  std::string folder = *cache + "/" + *key;
  std::string library = folder + "/" + libraryName;
  auto isWhole = [&] {
    return exists(library) && exists(folder + "/" + weightsName);
  };
  if (isWhole())
    return library;
  // Made under another name and renamed, so that what is there is whole.
  std::string making = folder + ".new." + std::to_string(getpid());
  if (Status status = makeFolders(making); !status)
    return status.takeError();
  if (Status status = compileInto(making, model, options); !status) {
    removeFolder(making);
    return status.takeError();
  }
  if (rename(making.c_str(), folder.c_str()) == 0)
    return library;
  // Another process was faster, or what was there had lost a file.
  if (!isWhole()) {
    removeFolder(folder);
    if (rename(making.c_str(), folder.c_str()) == 0)
      return library;
  }
  Error error{folder + ": cannot be written: " + strerror(errno)};
  removeFolder(making);
  if (!isWhole())
    return error;
  return library;
}
