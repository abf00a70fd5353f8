//===- Barrier.h - Where the workers of a step meet -------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_BARRIER_H
#define ESPALIER_RUNTIME_CORE_BARRIER_H

#include "EventCount.h"

#include <algorithm>

namespace espalier::runtime {

/// A barrier for a fixed number of workers, used again and again. It belongs to
/// the step, not to the team, so that any team can run the step.
class alignas(64) Barrier {
public:
  /// Between steps only.
  void configure(uint32_t workerCount, SpinPolicy spinPolicy) {
    workers = workerCount;
    policy = spinPolicy;
    spins.store(policy.spins, std::memory_order_relaxed);
  }

  /// Between steps only: patience that was lost comes back by and by.
  void beginStep() {
    uint32_t now = spins.load(std::memory_order_relaxed);
    if (now < policy.spins)
      spins.store(std::min(policy.spins, 2 * now), std::memory_order_relaxed);
  }

  /// Returns when all workers have called it; all that any of them wrote before
  /// is then visible to all. The last to arrive sets `claim` to 0 first.
  void wait(std::atomic<uint32_t> &claim) {
    // Read before arriving: the generation cannot move until this worker did.
    uint32_t seen = event.generation();
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 != workers)
      return waitFor(seen);
    arrived.store(0, std::memory_order_relaxed);
    claim.store(0, std::memory_order_relaxed);
    event.advance(seen);
  }

  /// How often a worker looks before it sleeps.
  uint32_t spinsNow() const { return spins.load(std::memory_order_relaxed); }

private:
  /// Whoever spins while another worker has no CPU keeps a CPU from it, and
  /// uses up the time that the system would give this process: with something
  /// else running beside the workers, every barrier may come to that. So a spin
  /// in vain makes the next ones shorter.
  void waitFor(uint32_t seen) {
    uint32_t now = spins.load(std::memory_order_relaxed);
    if (!event.waitPast(seen, {now, policy.yields}) && now > leastSpins)
      spins.store(std::max(leastSpins, now / 4), std::memory_order_relaxed);
  }

  /// Some 30 microseconds: what sleeping and waking cost.
  static constexpr uint32_t leastSpins = 1000;

  // One cache line for both words: the last to arrive then owns the line that
  // it has to write, and each waiting worker takes it over once.
  std::atomic<uint32_t> arrived{0};
  EventCount event;
  uint32_t workers = 1;
  SpinPolicy policy;
  std::atomic<uint32_t> spins{0}; ///< of policy.spins, as many as pay now
};

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_BARRIER_H
