//===- Hash.h - 128-bit content hashes --------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// XXH3-128 (libxxhash, inlined): against corruption and mix-ups, not against
/// an adversary; whoever can change a file can change its hash.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_SUPPORT_HASH_H
#define ESPALIER_SUPPORT_HASH_H

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace espalier {

struct Hash128 {
  uint64_t low = 0, high = 0;
  bool operator==(const Hash128 &) const = default;
  /// 32 lower-case hexadecimal digits, high half first.
  std::string hex() const;
};

Hash128 hash128(std::span<const uint8_t> bytes);
Hash128 hash128(std::string_view bytes);

/// The same hash over a stream.
class Hasher {
public:
  Hasher();
  ~Hasher();
  Hasher(Hasher &&) noexcept;
  void update(std::span<const uint8_t> bytes);
  void update(std::string_view bytes);
  Hash128 finish() const;

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace espalier

#endif // ESPALIER_SUPPORT_HASH_H
