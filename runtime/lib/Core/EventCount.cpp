//===- EventCount.cpp - A generation that threads wait for ------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "EventCount.h"

#include <climits>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace espalier::runtime;

static_assert(sizeof(std::atomic<uint32_t>) == 4 &&
                  std::atomic<uint32_t>::is_always_lock_free,
              "a futex is a plain 32-bit word");

void EventCount::waitSlowly(uint32_t seen, uint32_t yields) {
  for (uint32_t i = 0; i < yields; ++i) {
    if (generation() != seen)
      return;
    sched_yield();
  }
  for (;;) {
    uint32_t value = word.load(std::memory_order_acquire);
    if ((value & ~1u) != seen)
      return;
    if (!(value & 1) && !word.compare_exchange_weak(value, value | 1,
                                                    std::memory_order_acq_rel))
      continue;
    // Sleeps only while the word still is what was announced: an advance that
    // came in between changed it, and its exchange saw the bit.
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen | 1, nullptr, nullptr,
            0);
  }
}

void EventCount::wakeAll() {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}
