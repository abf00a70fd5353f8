//===- System.h - What the machine has to give ------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_SYSTEM_H
#define ESPALIER_RUNTIME_CORE_SYSTEM_H

#include "espalier/espalier.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace espalier::runtime {

/// CPUs that this process may use: its affinity mask, and no more than its
/// control group has time for. At least 1.
uint32_t availableCpus();

/// Bytes that this process can still use without swapping: the kernel's
/// estimate, and no more than its control group allows. Nothing: unknown.
std::optional<uint64_t> availableMemory();

/// The texts of /proc/meminfo (MemAvailable), of a control group's cpu.max
/// (CPUs, rounded up; nothing: no limit) and of its memory.max.
std::optional<uint64_t> parseAvailableMemory(std::string_view meminfo);
std::optional<uint64_t> parseCpuLimit(std::string_view cpuMax);
std::optional<uint64_t> parseNumber(std::string_view text);

/// What opening a model or a session takes, in bytes.
struct MemoryNeed {
  uint64_t weights = 0; ///< mapped from the file, but read for every token
  uint64_t cache = 0;
  uint64_t buffers = 0; ///< arenas and tables
  uint32_t context = 0; ///< that the cache is for
};

/// Refuses, with the figures, what does not fit into `available`.
espalier_status checkMemory(const MemoryNeed &need,
                            std::optional<uint64_t> available);

/// "1.50 GB", "512 bytes": decimal units, as memory and files are sold.
std::string formatBytes(uint64_t bytes);

/// Zeroed pages, reserved now and made real when they are first touched.
class Reservation {
public:
  Reservation() = default;
  Reservation(Reservation &&other) noexcept;
  Reservation &operator=(Reservation &&other) noexcept;
  ~Reservation() { release(); }

  /// `what` names it in the message. No bytes: an empty reservation.
  espalier_status reserve(uint64_t bytes, const char *what);
  void release();

  uint8_t *data() const { return base; }
  uint64_t size() const { return length; }

private:
  uint8_t *base = nullptr;
  uint64_t length = 0;
};

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_SYSTEM_H
