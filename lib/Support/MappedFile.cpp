//===- MappedFile.cpp - A file, opened once and mapped read-only ----------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/MappedFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace espalier {
namespace {

MappedFile::Identity identityOf(const struct stat &s) {
  MappedFile::Identity id;
  id.size = uint64_t(s.st_size);
  id.inode = uint64_t(s.st_ino);
  id.device = uint64_t(s.st_dev);
  id.modified = int64_t(s.st_mtim.tv_sec) * 1000000000 + s.st_mtim.tv_nsec;
  return id;
}

const char *kindOf(mode_t mode) {
  if (S_ISDIR(mode))
    return "a directory";
  if (S_ISFIFO(mode))
    return "a FIFO";
  if (S_ISCHR(mode) || S_ISBLK(mode))
    return "a device";
  if (S_ISSOCK(mode))
    return "a socket";
  return "no regular file";
}

Error systemError(const std::string &path, const char *what) {
  return Error{path + ": " + what + ": " + std::strerror(errno)};
}

} // namespace

Result<MappedFile> MappedFile::open(const std::string &path) {
  if (path.find('\0') != std::string::npos)
    return Error{"file name with a NUL byte"};
  MappedFile file;
  file.name = path;
  // Without O_NONBLOCK, opening a FIFO would wait for a writer.
  file.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file.fd < 0)
    return systemError(path, "cannot open");
  struct stat s;
  if (::fstat(file.fd, &s) != 0)
    return systemError(path, "cannot examine");
  if (!S_ISREG(s.st_mode))
    return Error{path + ": expected a regular file, got " + kindOf(s.st_mode)};
  file.id = identityOf(s);
  if (file.id.size > SIZE_MAX)
    return Error{path + ": " + std::to_string(file.id.size) +
                 " bytes do not fit in this machine's address space"};
  file.length = size_t(file.id.size);
  if (file.length == 0)
    return file; // nothing to map; mmap refuses length 0
  void *map = ::mmap(nullptr, file.length, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (map == MAP_FAILED) {
    file.length = 0;
    return systemError(path, "cannot map");
  }
  file.data = static_cast<const uint8_t *>(map);
  return file;
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : data(std::exchange(other.data, nullptr)),
      length(std::exchange(other.length, 0)), fd(std::exchange(other.fd, -1)),
      name(std::move(other.name)), id(std::exchange(other.id, {})) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(data, other.data);
  std::swap(length, other.length);
  std::swap(fd, other.fd);
  std::swap(name, other.name);
  std::swap(id, other.id);
  return *this;
}

MappedFile::~MappedFile() {
  if (data)
    ::munmap(const_cast<uint8_t *>(data), length);
  if (fd >= 0)
    ::close(fd);
}

Status MappedFile::unchanged() const {
  struct stat s;
  if (fd < 0 || ::fstat(fd, &s) != 0)
    return systemError(name, "cannot examine");
  if (identityOf(s) != id || mappedPageLost.load())
    return Error{name + ": the file changed while it was being read; "
                        "try again once nothing writes to it"};
  return {};
}

void MappedFile::release(size_t offset, size_t size) const {
  if (!data || offset >= length)
    return;
  size_t end = size > length - offset ? length : offset + size;
  // Only whole pages inside the range: a page at its edge may still be in use.
  size_t page = size_t(::sysconf(_SC_PAGESIZE));
  size_t begin = (offset + page - 1) / page * page;
  if (end != length)
    end = end / page * page;
  if (begin < end)
    ::madvise(const_cast<uint8_t *>(data) + begin, end - begin, MADV_DONTNEED);
}

} // namespace espalier
