//===- Hash.cpp - 128-bit content hashes ----------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Support/Hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace espalier {

struct Hasher::State {
  XXH3_state_t stream; // asks for 64-byte alignment, which `new` honours
};

static Hash128 convert(XXH128_hash_t hash) { return {hash.low64, hash.high64}; }

std::string Hash128::hex() const {
  static const char digits[] = "0123456789abcdef";
  std::string out;
  for (uint64_t half : {high, low})
    for (int shift = 60; shift >= 0; shift -= 4)
      out += digits[(half >> shift) & 15];
  return out;
}

Hash128 hash128(std::span<const uint8_t> bytes) {
  return convert(XXH3_128bits(bytes.data(), bytes.size()));
}

Hash128 hash128(std::string_view bytes) {
  return convert(XXH3_128bits(bytes.data(), bytes.size()));
}

Hasher::Hasher() : state(std::make_unique<State>()) {
  XXH3_128bits_reset(&state->stream);
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher &&) noexcept = default;

void Hasher::update(std::span<const uint8_t> bytes) {
  if (!bytes.empty())
    XXH3_128bits_update(&state->stream, bytes.data(), bytes.size());
}

void Hasher::update(std::string_view bytes) {
  if (!bytes.empty())
    XXH3_128bits_update(&state->stream, bytes.data(), bytes.size());
}

Hash128 Hasher::finish() const {
  return convert(XXH3_128bits_digest(&state->stream));
}

} // namespace espalier
