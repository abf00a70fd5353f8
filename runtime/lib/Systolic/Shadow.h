//===- Shadow.h - When granules were read and written -----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Hazards 3 and 5 of docs/Systolic.md in scratchpad and accumulator.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_SHADOW_H
#define ESPALIER_RUNTIME_SYSTOLIC_SHADOW_H

#include "Systolic/Plan.h"

#include <cstdlib>
#include <memory>

namespace espalier::simulator {

struct FreeMemory {
  void operator()(void *p) const { free(p); }
};
/// Zeroed memory of the system, which it gives page by page as it is touched.
template <typename T> using Pages = std::unique_ptr<T[], FreeMemory>;
template <typename T> Pages<T> makePages(uint64_t count) {
  return Pages<T>(
      static_cast<T *>(calloc(size_t(count ? count : 1), sizeof(T))));
}

class Shadow {
public:
  /// False: there is not so much memory.
  bool allocate(const Machine &m);
  /// A new run: nothing is written, whatever runs before it did.
  void begin();

  /// Checks and records what an instruction of `queue` that issues at `t`
  /// reads and writes. The reason, where it must not; "" else. Times within
  /// one queue are left out where `amongQueuesOnly`.
  std::string access(const Form &form, const Op &op, unsigned queue, uint64_t t,
                     bool amongQueuesOnly);

private:
  /// Stamps: cycle, counted over all runs, times 8, plus the queue. 0: never.
  struct Granule {
    /// Of each queue but DMA in, which reads nothing here.
    uint64_t read[ESPALIER_QUEUES - 1];
    uint64_t write;
  };
  template <typename F>
  void visit(const Access &access, const Op &op, uint64_t t, F &&f);
  std::string describe(const char *verb, const Access &access, uint64_t granule,
                       const char *other, uint64_t stamp) const;

  Pages<Granule> granules[2];
  uint64_t base = 1;
  uint64_t last = 1; ///< of all stamps, the latest cycle
};

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_SHADOW_H
