//===- Output.cpp - Files that appear whole or not at all -----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Code.h"

#include "espalier/descriptor.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace espalier::cpu {

static constexpr char scratchPrefix[] = ".espalier-";

static Error fileError(llvm::StringRef file, std::error_code code) {
  return Error{file.str() + ": " + code.message()};
}

Status writeFile(const std::string &file, std::string_view bytes) {
  std::error_code code;
  llvm::raw_fd_ostream stream(file, code);
  if (code)
    return fileError(file, code);
  stream.write(bytes.data(), bytes.size());
  stream.close();
  if (stream.has_error()) {
    code = stream.error();
    stream.clear_error();
    return fileError(file, code);
  }
  return {};
}

/// Folders of compilations that were killed: nobody holds their lock. A new one
/// is not locked for a moment, so young ones are let be.
static void removeLeftovers(llvm::StringRef parent) {
  constexpr auto young = std::chrono::minutes(1);
  std::error_code code;
  for (fs::directory_iterator it(parent, code), end; it != end && !code;
       it.increment(code)) {
    if (!path::filename(it->path()).starts_with(scratchPrefix))
      continue;
    fs::file_status status;
    if (fs::status(it->path(), status, /*follow=*/false) ||
        status.type() != fs::file_type::directory_file ||
        std::chrono::system_clock::now() - status.getLastModificationTime() <
            young)
      continue;
    int fd = ::open(it->path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
      continue;
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0)
      fs::remove_directories(it->path());
    ::close(fd);
  }
}

Status OutputFiles::makeFolder(const std::string &parent, bool guarded) {
  for (unsigned attempt = 0; attempt < 100; ++attempt) {
    char name[32];
    std::snprintf(name, sizeof(name), "%s%08x%02x", scratchPrefix,
                  std::random_device()(), attempt);
    folder = parent + "/" + name;
    // First, so that a signal finds somebody who removes the folder.
    if (!guarded)
      interrupts.start(folder);
    int made, reason;
    {
      std::unique_lock<std::mutex> held = interrupts.hold();
      made = ::mkdir(folder.c_str(), 0777);
      reason = errno;
    }
    if (made == 0) {
      lock = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (lock >= 0)
        ::flock(lock, LOCK_EX | LOCK_NB);
      return {};
    }
    folder.clear();
    if (!guarded)
      interrupts.stop();
    if (reason != EEXIST)
      return Error{parent + ": nothing can be written there: " +
                   std::strerror(reason) + ": give -o another folder"};
  }
  return Error{parent + ": holds too many folders of compilations"};
}

Status OutputFiles::begin(const std::string &output,
                          const std::string &temporaryFolder) {
  if (!temporaryFolder.empty()) {
    interrupts.start(temporaryFolder);
    std::unique_lock<std::mutex> held = interrupts.hold();
    if (::mkdir(temporaryFolder.c_str(), 0700) != 0)
      return fileError(temporaryFolder,
                       std::error_code(errno, std::generic_category()));
  }
  llvm::SmallString<256> parent(path::parent_path(output));
  if (parent.empty())
    parent = ".";
  std::string name = output + ": ";
  if (!fs::exists(parent))
    return Error{name + "there is no folder " + parent.str().str() +
                 ": create it first"};
  if (!fs::is_directory(parent))
    return Error{name + parent.str().str() + " is a file, not a folder"};
  if (fs::is_directory(output))
    return Error{output + ": is a folder; give a file name"};
  // A rename would put a file in the place of a device or of a pipe.
  if (fs::exists(output) && !fs::is_regular_file(output))
    return Error{output + ": is no ordinary file; give the name of a file"};
  removeLeftovers(parent);
  // On the output's file system, so that a rename puts files in place.
  return makeFolder(parent.str().str(), !temporaryFolder.empty());
}

std::string OutputFiles::add(const std::string &final) {
  std::string temporary = folder + "/" + path::filename(final).str();
  entries.push_back({temporary, final, ""});
  return temporary;
}

Error OutputFiles::renamed(Error error) const {
  for (const Entry &entry : entries)
    for (size_t at = 0;
         (at = error.message.find(entry.temporary, at)) != std::string::npos;) {
      error.message.replace(at, entry.temporary.size(), entry.final);
      at += entry.final.size();
    }
  return error;
}

/// A second name for what is at the final place. A file system without hard
/// links has none; then a failed commit cannot bring it back.
Status OutputFiles::keepBackup(Entry &entry, size_t number) {
  if (fs::is_directory(entry.final))
    return Error{entry.final + ": is a folder; give another name"};
  if (fs::exists(entry.final) && !fs::is_regular_file(entry.final))
    return Error{entry.final + ": is no ordinary file; give another name"};
  std::string backup = folder + "/.before." + std::to_string(number);
  if (::link(entry.final.c_str(), backup.c_str()) == 0)
    entry.backup = backup;
  return {};
}

Status OutputFiles::commit() {
  std::unique_lock<std::mutex> held = interrupts.hold();
  for (size_t i = 0; i < entries.size(); ++i)
    if (Status status = keepBackup(entries[i], i); !status)
      return status;
  for (size_t i = 0; i < entries.size(); ++i) {
    std::error_code code = fs::rename(entries[i].temporary, entries[i].final);
    if (!code)
      continue;
    std::string failed = entries[i].final;
    for (; i-- > 0;)
      if (entries[i].backup.empty())
        fs::remove(entries[i].final);
      else
        fs::rename(entries[i].backup, entries[i].final);
    return fileError(failed, code);
  }
  entries.clear();
  return {};
}

OutputFiles::~OutputFiles() {
  if (!folder.empty())
    fs::remove_directories(folder);
  if (lock >= 0)
    ::close(lock);
  interrupts.stop();
}

namespace {

/// A file descriptor that closes itself.
struct File {
  int fd;
  explicit File(int fd) : fd(fd) {}
  ~File() {
    if (fd >= 0)
      ::close(fd);
  }
};

bool writeAll(int fd, const char *data, size_t bytes) {
  while (bytes > 0) {
    ssize_t done = ::write(fd, data, bytes);
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return false;
    data += done;
    bytes -= size_t(done);
  }
  return true;
}

bool copyAll(int from, int to) {
  std::vector<char> buffer(1 << 20);
  while (true) {
    ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return got == 0;
    if (!writeAll(to, buffer.data(), size_t(got)))
      return false;
  }
}

} // namespace

Status appendBundle(const std::string &image, const std::string &container,
                    const PackedContainer &packed) {
  auto failed = [&] {
    return fileError(image, std::error_code(errno, std::generic_category()));
  };
  File to(::open(image.c_str(), O_WRONLY | O_CLOEXEC));
  File from(::open(container.c_str(), O_RDONLY | O_CLOEXEC));
  if (to.fd < 0 || from.fd < 0)
    return failed();
  off_t end = ::lseek(to.fd, 0, SEEK_END);
  if (end < 0)
    return failed();
  espalier_bundle_footer footer = {};
  footer.offset = llvm::alignTo(uint64_t(end), 4096);
  footer.size = packed.headerBytes + packed.dataBytes;
  footer.header_hash[0] = packed.headerHash.low;
  footer.header_hash[1] = packed.headerHash.high;
  footer.version = 1;
  static_assert(sizeof(ESPALIER_BUNDLE_MAGIC) - 1 == sizeof(footer.magic));
  std::memcpy(footer.magic, ESPALIER_BUNDLE_MAGIC, sizeof(footer.magic));
  std::string padding(footer.offset - uint64_t(end), '\0');
  if (!writeAll(to.fd, padding.data(), padding.size()) ||
      !copyAll(from.fd, to.fd) ||
      !writeAll(to.fd, reinterpret_cast<const char *>(&footer), sizeof(footer)))
    return failed();
  return {};
}

} // namespace espalier::cpu
