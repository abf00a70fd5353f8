//===- SessionFile.cpp - Sessions in files and in memory --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "LastError.h"
#include "Session.h"
#include "SessionFormat.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace espalier;
using namespace espalier::runtime;

namespace {

Error systemError(const char *what) {
  return Error{std::string(what) + ": " + strerror(errno)};
}

class MemorySink final : public ByteSink {
public:
  MemorySink(uint8_t *memory, size_t size) : memory(memory), size(size) {}
  Status write(const void *data, size_t bytes) override {
    if (bytes > size - at)
      return Error{"the session changed while it was saved"};
    if (bytes != 0)
      memcpy(memory + at, data, bytes);
    at += bytes;
    return {};
  }
  Status rewrite(const void *data, size_t bytes) override {
    memcpy(memory, data, bytes);
    return {};
  }

private:
  uint8_t *memory;
  size_t size, at = 0;
};

class MemorySource final : public ByteSource {
public:
  explicit MemorySource(std::span<const uint8_t> bytes) : bytes(bytes) {}
  Status read(void *to, size_t count) override {
    if (count > bytes.size() - at)
      return Error{"the data end too early"};
    if (count != 0)
      memcpy(to, bytes.data() + at, count);
    at += count;
    return {};
  }
  uint64_t size() const override { return bytes.size(); }

private:
  std::span<const uint8_t> bytes;
  size_t at = 0;
};

/// A file that takes its name only when it is complete. It is its owner's
/// alone: it may hold a conversation.
class FileSink final : public ByteSink {
public:
  Status open(const char *path) {
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
      return Error{"not a file"};
    temporary = std::string(path) + ".XXXXXX";
    file = mkstemp(temporary.data());
    if (file < 0) {
      temporary.clear();
      return systemError("cannot be created");
    }
    return {};
  }
  ~FileSink() {
    if (file >= 0)
      close(file);
    if (!temporary.empty())
      unlink(temporary.c_str());
  }
  Status write(const void *data, size_t bytes) override {
    const auto *from = static_cast<const uint8_t *>(data);
    while (bytes != 0) {
      ssize_t done = ::write(file, from, bytes);
      if (done < 0 && errno == EINTR)
        continue;
      if (done < 0)
        return systemError("cannot be written");
      from += done;
      bytes -= size_t(done);
    }
    return {};
  }
  Status rewrite(const void *data, size_t bytes) override {
    if (lseek(file, 0, SEEK_SET) != 0)
      return systemError("cannot be written");
    return write(data, bytes);
  }
  Status finish(const char *path) {
    if (fdatasync(file) != 0)
      return systemError("cannot be written");
    if (rename(temporary.c_str(), path) != 0)
      return systemError("cannot be created");
    temporary.clear();
    return {};
  }

private:
  std::string temporary;
  int file = -1;
};

class FileSource final : public ByteSource {
public:
  Status open(const char *path) {
    // A FIFO would keep us waiting.
    file = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (file < 0 || fstat(file, &info) != 0)
      return systemError("cannot be opened");
    if (!S_ISREG(info.st_mode))
      return Error{"not a file"};
    length = uint64_t(info.st_size);
    return {};
  }
  ~FileSource() {
    if (file >= 0)
      close(file);
  }
  Status read(void *to, size_t bytes) override {
    auto *target = static_cast<uint8_t *>(to);
    while (bytes != 0) {
      ssize_t done = ::read(file, target, bytes);
      if (done < 0 && errno == EINTR)
        continue;
      if (done < 0)
        return systemError("cannot be read");
      if (done == 0)
        return Error{"the file ended while it was read"};
      target += done;
      bytes -= size_t(done);
    }
    return {};
  }
  uint64_t size() const override { return length; }

private:
  int file = -1;
  uint64_t length = 0;
};

espalier_status failAt(espalier_status status, const char *path, Error error) {
  return fail(status, std::move(error).within(path).message);
}

} // namespace

extern "C" espalier_status
espalier_session_save(const espalier_session *session, const char *path) {
  if (!session || !path || !*path)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_session_save: session and path may not be NULL or "
                "empty");
  FileSink sink;
  if (Status status = sink.open(path); !status)
    return failAt(ESPALIER_ERROR_FILE, path, status.takeError());
  if (Status status = writeSession(*session, sink); !status)
    return failAt(ESPALIER_ERROR_FILE, path, status.takeError());
  if (Status status = sink.finish(path); !status)
    return failAt(ESPALIER_ERROR_FILE, path, status.takeError());
  return ESPALIER_OK;
}

extern "C" espalier_status espalier_session_restore(espalier_session *session,
                                                    const char *path) {
  if (!session || !path)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_session_restore: session and path may not be NULL");
  FileSource source;
  if (Status status = source.open(path); !status)
    return failAt(ESPALIER_ERROR_FILE, path, status.takeError());
  espalier_status result;
  if (Status status = readSession(*session, source, result); !status)
    return failAt(result, path, status.takeError());
  return ESPALIER_OK;
}

extern "C" espalier_status
espalier_session_save_bytes(const espalier_session *session, void **data,
                            size_t *bytes) {
  if (!session || !data || !bytes)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_session_save_bytes: an argument is NULL");
  *data = nullptr;
  *bytes = 0;
  uint64_t size = sessionBytes(*session);
  auto *memory = static_cast<uint8_t *>(malloc(size));
  if (!memory)
    return failf(ESPALIER_ERROR_MEMORY, "no memory for a session of %s",
                 formatBytes(size).c_str());
  MemorySink sink(memory, size);
  if (Status status = writeSession(*session, sink); !status) {
    free(memory);
    return fail(ESPALIER_ERROR_ARGUMENT, status.error().message);
  }
  *data = memory;
  *bytes = size;
  return ESPALIER_OK;
}

extern "C" espalier_status
espalier_session_restore_bytes(espalier_session *session, const void *data,
                               size_t bytes) {
  if (!session || (!data && bytes != 0))
    return fail(ESPALIER_ERROR_ARGUMENT,
                "espalier_session_restore_bytes: an argument is NULL");
  MemorySource source({static_cast<const uint8_t *>(data), bytes});
  espalier_status result;
  if (Status status = readSession(*session, source, result); !status)
    return failAt(result, "saved session", status.takeError());
  return ESPALIER_OK;
}
