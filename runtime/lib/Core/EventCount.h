//===- EventCount.h - A generation that threads wait for --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Waiting that is fast where every thread has a core and harmless where they
/// have not: spin, then yield, then sleep on a futex.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_EVENTCOUNT_H
#define ESPALIER_RUNTIME_CORE_EVENTCOUNT_H

#include <atomic>
#include <cstdint>

namespace espalier::runtime {

/// How long to wait actively, in iterations.
struct SpinPolicy {
  uint32_t spins = 0;  ///< with a pause instruction, some 25 to 45 ns each
  uint32_t yields = 0; ///< of the processor to other threads
};

inline void pauseProcessor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

/// A generation, advanced by one thread at a time. The low bit of the word says
/// that a thread sleeps (or is about to), so that nobody makes a system call
/// where nobody sleeps.
class EventCount {
public:
  uint32_t generation() const {
    return word.load(std::memory_order_acquire) & ~1u;
  }

  /// Returns when the generation is no longer `seen`; all that was written
  /// before the advance is then visible. False: it spun in vain.
  bool waitPast(uint32_t seen, SpinPolicy policy) {
    for (uint32_t i = 0; i < policy.spins; ++i) {
      if (generation() != seen)
        return true;
      pauseProcessor();
    }
    waitSlowly(seen, policy.yields);
    return false;
  }

  /// The next generation after `seen`, which must be the present one.
  void advance(uint32_t seen) {
    if (word.exchange(seen + 2, std::memory_order_acq_rel) & 1)
      wakeAll();
  }

private:
  void waitSlowly(uint32_t seen, uint32_t yields);
  void wakeAll();

  std::atomic<uint32_t> word{0};
};

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_EVENTCOUNT_H
