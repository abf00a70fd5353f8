//===- Half.h - The 16-bit floating-point formats ---------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// IEEE 754 binary16 ("f16") and bfloat16 ("bf16") as bit patterns. Widening is
/// exact, narrowing rounds to nearest even, subnormals are kept, NaN stays NaN.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_SUPPORT_HALF_H
#define ESPALIER_SUPPORT_HALF_H

#include <bit>
#include <cstdint>

namespace espalier {

inline float bf16ToFloat(uint16_t bits) {
  return std::bit_cast<float>(uint32_t(bits) << 16);
}

inline uint16_t floatToBf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) // NaN: keep it one
    return uint16_t((bits >> 16) | 0x40);
  return uint16_t((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}

/// clang and gcc lower these to the F16C instructions or to a library call;
/// both are exact as described above.
inline float f16ToFloat(uint16_t bits) {
  return float(std::bit_cast<_Float16>(bits));
}

inline uint16_t floatToF16(float value) {
  return std::bit_cast<uint16_t>(_Float16(value));
}

} // namespace espalier

#endif // ESPALIER_SUPPORT_HALF_H
