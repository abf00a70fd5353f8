//===- FloatingPointState.h - Rounding and subnormals -----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_FLOATINGPOINTSTATE_H
#define ESPALIER_RUNTIME_CORE_FLOATINGPOINTSTATE_H

#include <cstdint>

namespace espalier::runtime {

/// While it lives, this thread computes as docs/numerics.md says: round to
/// nearest even, subnormals kept, no traps. What the application had set is put
/// back at the end, its exception flags included.
class FloatingPointState {
public:
  FloatingPointState() : saved(read()) { write(standard); }
  ~FloatingPointState() { write(saved); }
  FloatingPointState(const FloatingPointState &) = delete;
  FloatingPointState &operator=(const FloatingPointState &) = delete;

private:
#if defined(__x86_64__)
  using Word = uint32_t;
  static constexpr Word standard = 0x1f80; // MXCSR: all masked, nearest
  static Word read() { return __builtin_ia32_stmxcsr(); }
  static void write(Word word) { __builtin_ia32_ldmxcsr(word); }
#elif defined(__aarch64__)
  using Word = uint64_t;
  static constexpr Word standard = 0; // FPCR
  static Word read() {
    Word word;
    asm volatile("mrs %0, fpcr" : "=r"(word));
    return word;
  }
  static void write(Word word) { asm volatile("msr fpcr, %0" ::"r"(word)); }
#else
#error "no floating-point control word known for this architecture"
#endif
  Word saved;
};

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_FLOATINGPOINTSTATE_H
