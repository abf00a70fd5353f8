//===- Barrier.h - Where the workers of a step meet -------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_BARRIER_H
#define ESPALIER_RUNTIME_CORE_BARRIER_H

#include "EventCount.h"

namespace espalier::runtime {

/// A barrier for a fixed number of workers, used again and again. It belongs to
/// the step, not to the team, so that any team can run the step.
class alignas(64) Barrier {
public:
  /// Between steps only.
  void configure(uint32_t workerCount, SpinPolicy spinPolicy) {
    workers = workerCount;
    policy = spinPolicy;
  }

  /// Returns when all workers have called it; all that any of them wrote before
  /// is then visible to all. The last to arrive sets `claim` to 0 first.
  void wait(std::atomic<uint32_t> &claim) {
    // Read before arriving: the generation cannot move until this worker did.
    uint32_t seen = event.generation();
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 != workers)
      return event.waitPast(seen, policy);
    arrived.store(0, std::memory_order_relaxed);
    claim.store(0, std::memory_order_relaxed);
    event.advance(seen);
  }

private:
  // One cache line for both words: the last to arrive then owns the line that
  // it has to write, and each waiting worker takes it over once.
  std::atomic<uint32_t> arrived{0};
  EventCount event;
  uint32_t workers = 1;
  SpinPolicy policy;
};

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_BARRIER_H
