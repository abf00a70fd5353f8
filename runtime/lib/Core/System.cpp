//===- System.cpp - What the machine has to give ----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "System.h"

#include "LastError.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

using namespace espalier;
using namespace espalier::runtime;

/// The beginning of a small file of /proc or /sys, or nothing.
static std::optional<std::string> readSmallFile(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return std::nullopt;
  std::string text(8192, '\0');
  ssize_t size = read(fd, text.data(), text.size());
  close(fd);
  if (size < 0)
    return std::nullopt;
  text.resize(size_t(size));
  return text;
}

std::optional<uint64_t> runtime::parseNumber(std::string_view text) {
  uint64_t value = 0;
  size_t digits = 0;
  for (char c : text) {
    if (c < '0' || c > '9')
      break;
    if (__builtin_mul_overflow(value, uint64_t(10), &value) ||
        __builtin_add_overflow(value, uint64_t(c - '0'), &value))
      return std::nullopt;
    ++digits;
  }
  return digits ? std::optional(value) : std::nullopt;
}

std::optional<uint64_t> runtime::parseAvailableMemory(std::string_view text) {
  constexpr std::string_view key = "MemAvailable:";
  size_t at = text.find(key);
  if (at == std::string_view::npos)
    return std::nullopt;
  text.remove_prefix(at + key.size());
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  std::optional<uint64_t> kilobytes = parseNumber(text);
  uint64_t bytes;
  if (!kilobytes || __builtin_mul_overflow(*kilobytes, uint64_t(1024), &bytes))
    return std::nullopt;
  return bytes;
}

std::optional<uint64_t> runtime::parseCpuLimit(std::string_view text) {
  std::optional<uint64_t> quota = parseNumber(text); // "max": none
  size_t space = text.find(' ');
  if (!quota || space == std::string_view::npos)
    return std::nullopt;
  std::optional<uint64_t> period = parseNumber(text.substr(space + 1));
  if (!period || *period == 0 || *quota == 0)
    return std::nullopt;
  return *quota / *period + (*quota % *period != 0);
}

uint32_t runtime::availableCpus() {
  uint64_t count = 1;
  // The mask of a machine with more than 1024 CPUs does not fit in a cpu_set_t.
  for (size_t sets = 1; sets <= 64; sets *= 2) {
    cpu_set_t masks[64];
    if (sched_getaffinity(0, sets * sizeof(cpu_set_t), masks) == 0) {
      count = uint64_t(CPU_COUNT_S(sets * sizeof(cpu_set_t), masks));
      break;
    }
    if (errno != EINVAL)
      break;
  }
  if (auto text = readSmallFile("/sys/fs/cgroup/cpu.max"))
    if (std::optional<uint64_t> limit = parseCpuLimit(*text))
      count = *limit < count ? *limit : count;
  return count == 0 ? 1 : uint32_t(count);
}

std::optional<uint64_t> runtime::availableMemory() {
  std::optional<uint64_t> available;
  if (auto text = readSmallFile("/proc/meminfo"))
    available = parseAvailableMemory(*text);
  auto limitText = readSmallFile("/sys/fs/cgroup/memory.max");
  auto usedText = readSmallFile("/sys/fs/cgroup/memory.current");
  if (!limitText || !usedText)
    return available;
  std::optional<uint64_t> limit = parseNumber(*limitText); // "max": none
  std::optional<uint64_t> used = parseNumber(*usedText);
  if (!limit || !used)
    return available;
  // Cached file pages count as used, but give way.
  uint64_t reclaimable = 0;
  if (auto stat = readSmallFile("/sys/fs/cgroup/memory.stat"))
    if (size_t at = stat->find("\ninactive_file "); at != std::string::npos)
      reclaimable =
          parseNumber(std::string_view(*stat).substr(at + 15)).value_or(0);
  uint64_t kept = *used > reclaimable ? *used - reclaimable : 0;
  uint64_t rest = *limit > kept ? *limit - kept : 0;
  return available && *available < rest ? available : rest;
}

std::string runtime::formatBytes(uint64_t bytes) {
  char text[32];
  if (bytes < 1000)
    snprintf(text, sizeof(text), "%u bytes", unsigned(bytes));
  else if (bytes < 1000 * 1000)
    snprintf(text, sizeof(text), "%.1f kB", double(bytes) / 1e3);
  else if (bytes < 1000 * 1000 * 1000)
    snprintf(text, sizeof(text), "%.1f MB", double(bytes) / 1e6);
  else
    snprintf(text, sizeof(text), "%.2f GB", double(bytes) / 1e9);
  return text;
}

espalier_status runtime::checkMemory(const MemoryNeed &need,
                                     std::optional<uint64_t> available) {
  uint64_t total;
  bool overflow = __builtin_add_overflow(need.weights, need.cache, &total) ||
                  __builtin_add_overflow(total, need.buffers, &total);
  if (!overflow && (!available || total <= *available))
    return ESPALIER_OK;
  std::string weights =
      need.weights ? "weights " + formatBytes(need.weights) + ", " : "";
  return failf(
      ESPALIER_ERROR_MEMORY,
      "not enough memory: expected %s (%scache %s for %u tokens, buffers %s), "
      "got %s available: use a smaller context%s, or free memory",
      overflow ? "more than 2^64 bytes" : formatBytes(total).c_str(),
      weights.c_str(), formatBytes(need.cache).c_str(), need.context,
      formatBytes(need.buffers).c_str(),
      available ? formatBytes(*available).c_str() : "an unknown amount",
      need.weights ? " or model" : "");
}

Reservation::Reservation(Reservation &&other) noexcept
    : base(std::exchange(other.base, nullptr)),
      length(std::exchange(other.length, 0)) {}

Reservation &Reservation::operator=(Reservation &&other) noexcept {
  std::swap(base, other.base);
  std::swap(length, other.length);
  return *this;
}

void Reservation::release() {
  if (base)
    munmap(base, length);
  base = nullptr;
  length = 0;
}

espalier_status Reservation::reserve(uint64_t bytes, const char *what) {
  release();
  if (bytes == 0)
    return ESPALIER_OK;
  void *pages = MAP_FAILED;
  if (bytes <= SIZE_MAX / 2)
    pages = mmap(nullptr, size_t(bytes), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED)
    return failf(ESPALIER_ERROR_MEMORY, "%s: %s of memory cannot be reserved",
                 what, formatBytes(bytes).c_str());
  base = static_cast<uint8_t *>(pages);
  length = bytes;
  return ESPALIER_OK;
}
