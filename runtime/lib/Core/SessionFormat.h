//===- SessionFormat.h - Saved sessions -------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A saved session, little-endian:
///
///   SessionHeader
///   int32 tokens[length], then zeros up to a multiple of 64 bytes
///   for each layer:
///     for each head: keys   [(length + 15) / 16][head_dim][16]
///     for each head: values [length][value_dim]
///
/// Elements are those of the cache. Of the last tile of keys, rows behind the
/// last token are 0, so that what was truncated does not get out.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CORE_SESSIONFORMAT_H
#define ESPALIER_RUNTIME_CORE_SESSIONFORMAT_H

#include "espalier/Support/Result.h"
#include "espalier/espalier.h"

#include <cstddef>
#include <cstdint>

namespace espalier::runtime {

inline constexpr char sessionMagic[8] = {'E', 'S', 'P', 'A', 'L', 'K', 'V', 1};
inline constexpr uint32_t sessionVersion = 1;

struct SessionHeader {
  char magic[8];
  uint32_t version;
  uint32_t headerBytes;      ///< sizeof(SessionHeader)
  uint64_t bytes;            ///< of all
  uint64_t contentHash[2];   ///< XXH3-128 of all, with this field 0
  uint64_t weightsHash[2];   ///< the descriptor's header_hash
  uint64_t modelHash[2];     ///< of what else decides the bits of a row
  uint64_t rotationsHash[2]; ///< espalier_model::hashRotations(length)
  uint32_t layers, kvHeads, headDim, valueDim, elementType, vocabulary;
  uint32_t context; ///< of the session that was saved
  uint32_t length;  ///< tokens
  uint64_t reserved[3];
};
static_assert(sizeof(SessionHeader) == 144, "part of the format");

/// Where a saved session goes to or comes from, byte after byte.
class ByteSink {
public:
  virtual Status write(const void *data, size_t bytes) = 0;
  /// Replaces what was written first.
  virtual Status rewrite(const void *data, size_t bytes) = 0;

protected:
  ~ByteSink() = default;
};
class ByteSource {
public:
  virtual Status read(void *to, size_t bytes) = 0;
  virtual uint64_t size() const = 0;

protected:
  ~ByteSource() = default;
};

/// Bytes that writeSession writes.
uint64_t sessionBytes(const espalier_session &session);
Status writeSession(const espalier_session &session, ByteSink &sink);

/// Checks all and then makes the session what was read; on failure it is as it
/// was. `status` tells what kind of failure.
Status readSession(espalier_session &session, ByteSource &source,
                   espalier_status &status);

} // namespace espalier::runtime

#endif // ESPALIER_RUNTIME_CORE_SESSIONFORMAT_H
