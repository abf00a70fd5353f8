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

#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace espalier::cpu {

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

Status OutputFiles::begin(const std::string &output) {
  llvm::SmallString<256> parent(path::parent_path(output));
  if (parent.empty())
    parent = ".";
  if (!fs::is_directory(parent))
    return Error{parent.str().str() + ": no such folder; create it first"};
  if (fs::is_directory(output))
    return Error{output + ": is a folder; give a file name"};
  // On the output's file system, so that a rename puts files in place.
  std::string pattern = (parent + "/.espalier-XXXXXX").str();
  if (!mkdtemp(pattern.data()))
    return fileError(parent, std::error_code(errno, std::generic_category()));
  folder = pattern;
  interrupts.start(folder);
  return {};
}

std::string OutputFiles::add(const std::string &final) {
  std::string temporary = folder + "/" + path::filename(final).str();
  entries.push_back({temporary, final});
  return temporary;
}

Status OutputFiles::commit() {
  for (const Entry &entry : entries)
    if (std::error_code code = fs::rename(entry.temporary, entry.final))
      return fileError(entry.final, code);
  entries.clear();
  return {};
}

OutputFiles::~OutputFiles() {
  interrupts.stop();
  if (!folder.empty())
    fs::remove_directories(folder);
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
