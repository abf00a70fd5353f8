//===- Versions.h - One body for two kinds of machine --------- -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_REFERENCE_NUMERICS_VERSIONS_H
#define ESPALIER_LIB_REFERENCE_NUMERICS_VERSIONS_H

#include "Numerics.h"

/// A function that is inlined into each version of its caller.
#define REFERENCE_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
/// With hardware FMAs, `__builtin_fma` is one instruction, on vectors too;
/// without, a call of libm per element, with the same bits.
#define REFERENCE_FMA __attribute__((target("avx2,fma,f16c")))
inline bool hasFma() {
  return !espalier::reference::portableOnly && __builtin_cpu_supports("avx2") &&
         __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}
#else
#define REFERENCE_FMA
inline bool hasFma() { return false; }
#endif

/// Defines NAME(parameters) as BODY(arguments), compiled for both.
#define REFERENCE_VERSIONS(NAME, BODY, PARAMETERS, ARGUMENTS)                  \
  REFERENCE_FMA static void NAME##WithFma PARAMETERS { BODY ARGUMENTS; }       \
  static void NAME##Portable PARAMETERS { BODY ARGUMENTS; }                    \
  static void NAME PARAMETERS {                                                \
    return hasFma() ? NAME##WithFma ARGUMENTS : NAME##Portable ARGUMENTS;      \
  }

#endif // ESPALIER_LIB_REFERENCE_NUMERICS_VERSIONS_H
