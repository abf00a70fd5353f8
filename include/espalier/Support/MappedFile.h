//===- MappedFile.h - A file, opened once and mapped read-only --*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_SUPPORT_MAPPEDFILE_H
#define ESPALIER_SUPPORT_MAPPEDFILE_H

#include "espalier/Support/Result.h"

#include <atomic>
#include <cstdint>
#include <span>
#include <string>

namespace espalier {

/// Set by ShortenedFileGuard.
inline std::atomic<bool> mappedPageLost{false};

/// A regular file mapped read-only. Anything else (directory, FIFO, device) is
/// refused. The descriptor that was validated is the one that is mapped. Where
/// another process shortens a file while it is mapped, reading what was cut off
/// ends in SIGBUS, but under a ShortenedFileGuard.
class MappedFile {
public:
  /// Opens and maps `path`. Messages begin with the path.
  static Result<MappedFile> open(const std::string &path);

  MappedFile() = default;
  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  std::span<const uint8_t> bytes() const { return {data, length}; }
  const std::string &path() const { return name; }

  /// Size, modification time (ns) and inode at open: the identity that cache
  /// keys use, and that `unchanged` compares with the file as it is now.
  struct Identity {
    uint64_t size = 0, inode = 0, device = 0;
    int64_t modified = 0;
    bool operator==(const Identity &) const = default;
  };
  const Identity &identity() const { return id; }

  /// Fails when the file changed since it was opened.
  Status unchanged() const;

  /// Tells the kernel that [offset, offset + size) is not needed any more, so
  /// that streaming through a large file does not fill memory.
  void release(size_t offset, size_t size) const;

private:
  const uint8_t *data = nullptr;
  size_t length = 0;
  int fd = -1;
  std::string name;
  Identity id;
};

} // namespace espalier

#endif // ESPALIER_SUPPORT_MAPPEDFILE_H
