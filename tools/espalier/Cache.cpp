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
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <link.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace espalier;
using namespace espalier::tool;

namespace {

constexpr const char *libraryName = "model.so";
constexpr const char *weightsName = "model.safetensors";
constexpr const char *headerName = "model.h";
constexpr const char *lockSuffix = ".lock";

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
      return Error{"the cache of compiled models: " + part +
                   ": cannot be created: " + strerror(errno) +
                   "; --no-cache does without, XDG_CACHE_HOME puts it "
                   "elsewhere"};
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

/// LLVM's and MLIR's libraries, where the compiler is linked with shared ones:
/// an update of them may make other code.
std::vector<std::string> librariesOfCompiler() {
  std::vector<std::string> paths;
  dl_iterate_phdr(
      [](dl_phdr_info *info, size_t, void *list) {
        std::string_view path = info->dlpi_name ? info->dlpi_name : "";
        std::string_view name = path.substr(path.rfind('/') + 1);
        for (std::string_view prefix : {"libLLVM", "libMLIR", "liblld"})
          if (name.starts_with(prefix))
            static_cast<std::vector<std::string> *>(list)->emplace_back(path);
        return 0;
      },
      &paths);
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// Everything that the artefact depends on.
Result<std::string> cacheKey(const std::string &model,
                             const ModelOptions &options) {
  Hasher hasher;
  hasher.update("espalier " ESPALIER_VERSION " cache 3\n");
  // The compiler and the runtime that it puts into the library: which builds.
  std::string program = programPath();
  std::string prefix = program.substr(0, program.rfind("/bin/"));
  for (const std::string &path :
       {program, prefix + "/lib/libespalier.a",
        prefix + "/lib/x86_64-linux-gnu/libespalier.a"})
    if (Result<MappedFile> file = MappedFile::open(path))
      addIdentity(hasher, file->identity());
  for (const std::string &path : librariesOfCompiler())
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
  return Error{"no folder for the cache of compiled models: neither "
               "XDG_CACHE_HOME nor HOME is "
               "set; --no-cache does without"};
}

//===--- The cache's size -------------------------------------------------===//

/// ESPALIER_CACHE_LIMIT, in GB; 0 keeps nothing but what was used last.
Result<uint64_t> cacheLimit() {
  const char *text = getenv("ESPALIER_CACHE_LIMIT");
  if (!text || !*text)
    return uint64_t(20000000000);
  Result<uint64_t> gigabytes = parseInteger(text, 0, 1000000);
  if (!gigabytes)
    return gigabytes.takeError().within("ESPALIER_CACHE_LIMIT");
  return *gigabytes * 1000000000;
}

struct CacheEntry {
  std::string folder;
  int64_t used = 0; ///< nanoseconds
  uint64_t bytes = 0;
};

CacheEntry entryOf(const std::string &folder) {
  CacheEntry entry{folder};
  struct stat info;
  if (stat(folder.c_str(), &info) == 0)
    entry.used =
        int64_t(info.st_mtim.tv_sec) * 1000000000 + info.st_mtim.tv_nsec;
  for (const std::string &name : filesIn(folder))
    if (stat((folder + "/" + name).c_str(), &info) == 0)
      entry.bytes += uint64_t(info.st_blocks) * 512;
  return entry;
}

/// Removes the entries that were used longest ago, but not `keep`, until the
/// rest is within the limit, and what compilations that were killed a day ago
/// have left. A process that has an entry mapped keeps what it has.
void evict(const std::string &cache, const std::string &keep, uint64_t limit) {
  std::vector<CacheEntry> entries;
  uint64_t total = 0;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  for (const std::string &name : filesIn(cache)) {
    CacheEntry entry = entryOf(cache + "/" + name);
    bool unfinished = name.find(".new.") != std::string::npos;
    bool isLock = name.ends_with(lockSuffix);
    constexpr int64_t day = 86400;
    if (now.tv_sec - entry.used / 1000000000 > day) {
      if (unfinished)
        removeFolder(entry.folder);
      if (isLock) // whoever was killed with it holds it no more
        unlink(entry.folder.c_str());
    }
    if (unfinished || isLock)
      continue;
    total += entry.bytes;
    if (entry.folder != keep)
      entries.push_back(std::move(entry));
  }
  std::sort(
      entries.begin(), entries.end(),
      [](const CacheEntry &a, const CacheEntry &b) { return a.used < b.used; });
  for (const CacheEntry &entry : entries) {
    if (total <= limit)
      return;
    removeFolder(entry.folder);
    total -= entry.bytes;
  }
}

//===--- One compilation at a time ----------------------------------------===//

/// Held by the process that makes an entry, so that others wait for what it
/// makes in place of making it too. The system lets go of it when the process
/// ends, however it does. Where a file system knows no locks, nobody waits.
class EntryLock {
public:
  explicit EntryLock(const std::string &entry) : path(entry + lockSuffix) {
    while (take())
      if (isOfPath())
        return;
  }
  EntryLock(const EntryLock &) = delete;
  ~EntryLock() {
    if (file < 0)
      return;
    unlink(path.c_str()); // before it is let go: see isOfPath
    close(file);
  }

private:
  bool take() {
    if (file >= 0)
      close(file);
    file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
      return false;
    if (flock(file, LOCK_EX | LOCK_NB) == 0)
      return true;
    if (errno == EWOULDBLOCK) {
      fputs("waiting for another process that compiles the same model\n",
            stderr);
      while (flock(file, LOCK_EX) != 0)
        if (errno != EINTR)
          return giveUp();
      return true;
    }
    return giveUp();
  }
  bool giveUp() {
    close(file);
    file = -1;
    return false;
  }
  /// Whether the file that is locked still is the one that others would lock:
  /// who held it before has removed it.
  bool isOfPath() const {
    struct stat locked, there;
    return fstat(file, &locked) == 0 && stat(path.c_str(), &there) == 0 &&
           locked.st_ino == there.st_ino && locked.st_dev == there.st_dev;
  }

  std::string path;
  int file = -1;
};

//===--- Compiling --------------------------------------------------------===//

/// What the model is called, for messages: the name of its folder or file, as
/// an identifier of C.
std::string nameOf(const std::string &model) {
  char *resolved = realpath(model.c_str(), nullptr);
  std::string path = resolved ? resolved : model;
  free(resolved);
  if (path.ends_with(".json") || path.ends_with(".safetensors"))
    path.resize(std::min(path.size(), path.rfind('/')));
  if (path.ends_with(".gguf"))
    path.resize(path.size() - 5);
  size_t slash = path.rfind('/');
  std::string_view last = path;
  last = last.substr(slash == std::string::npos ? 0 : slash + 1, 64);
  std::string name;
  for (char c : last) {
    bool isLetter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    name += isLetter || (c >= '0' && c <= '9') ? c : '_';
  }
  if (name.empty() || (name[0] >= '0' && name[0] <= '9'))
    name.insert(name.begin(), '_');
  return name == "espalier" ? "espalier_" : name;
}

Status compileInto(const std::string &folder, const std::string &model,
                   const ModelOptions &options, bool temporary) {
  CompileRequest request;
  request.model = model;
  request.output = folder + "/" + libraryName;
  if (temporary)
    request.temporaryFolder = folder;
  request.emit = "shared";
  request.name = nameOf(model);
  request.options = options;
  Result<CompileSummary> summary = compileModel(request);
  if (!summary)
    return summary.takeError();
  printSummary(*summary, temporary ? "library" : "in the cache, library");
  return {};
}

/// The folder of --no-cache, while it exists, and the files in it, as a signal
/// handler can reach them.
char temporaryFiles[4][PATH_MAX + 64];

void removeTemporaryFiles() {
  for (unsigned i = 1; i < 4; ++i)
    unlink(temporaryFiles[i]);
  rmdir(temporaryFiles[0]);
}

extern "C" void onDeadlySignal(int number) {
  removeTemporaryFiles();
  signal(number, SIG_DFL);
  raise(number);
}

/// From now on the folder goes when the program does, however it ends (but for
/// SIGKILL). Until now the compiler has seen to that.
void removeAtEnd(const std::string &folder) {
  snprintf(temporaryFiles[0], sizeof(temporaryFiles[0]), "%s", folder.c_str());
  const char *names[] = {libraryName, weightsName, headerName};
  for (unsigned i = 1; i < 4; ++i)
    snprintf(temporaryFiles[i], sizeof(temporaryFiles[i]), "%s/%s",
             folder.c_str(), names[i - 1]);
  atexit(removeTemporaryFiles);
  for (int number : {SIGHUP, SIGINT, SIGTERM}) {
    struct sigaction action = {};
    if (sigaction(number, nullptr, &action) != 0 ||
        action.sa_handler != SIG_DFL)
      continue;
    action.sa_handler = onDeadlySignal;
    sigaction(number, &action, nullptr);
  }
}

Result<std::string> compileTemporary(const std::string &model,
                                     const ModelOptions &options) {
  const char *base = getenv("TMPDIR");
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  char name[64];
  snprintf(name, sizeof(name), "/espalier-%d-%09ld", int(getpid()),
           now.tv_nsec);
  std::string folder = (base && *base ? base : "/tmp") + std::string(name);
  if (folder.size() >= PATH_MAX)
    return Error{"TMPDIR: the path is too long"};
  Status status = compileInto(folder, model, options, true);
  if (status)
    removeAtEnd(folder);
  else
    removeFolder(folder);
  if (!status)
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
  if (isWhole()) {
    utimensat(AT_FDCWD, folder.c_str(), nullptr, 0); // used now
    return library;
  }
  Result<uint64_t> limit = cacheLimit();
  if (!limit)
    return limit.takeError();
  if (Status status = makeFolders(*cache); !status)
    return status.takeError();
  EntryLock lock(folder);
  if (isWhole()) // made while this process waited
    return library;
  // Made under another name and renamed, so that what is there is whole.
  std::string making = folder + ".new." + std::to_string(getpid());
  if (Status status = makeFolders(making); !status)
    return status.takeError();
  if (Status status = compileInto(making, model, options, false); !status) {
    removeFolder(making);
    Error error = status.takeError();
    // A user has never heard of such a folder.
    if (error.message.find(*cache) != std::string::npos)
      error.message += "; it is in the cache of compiled models, which "
                       "--no-cache does without, and XDG_CACHE_HOME puts "
                       "elsewhere";
    return error;
  }
  if (rename(making.c_str(), folder.c_str()) == 0) {
    evict(*cache, folder, *limit);
    return library;
  }
  // Another process was faster (without locks), or what was there had lost a
  // file.
  if (!isWhole()) {
    removeFolder(folder);
    if (rename(making.c_str(), folder.c_str()) == 0)
      return library;
  }
  Error error{"the cache of compiled models: " + folder +
              ": cannot be written: " + strerror(errno) +
              "; --no-cache does without"};
  removeFolder(making);
  if (!isWhole())
    return error;
  return library;
}
