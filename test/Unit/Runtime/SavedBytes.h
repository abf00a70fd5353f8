//===- SavedBytes.h - Saved sessions as bytes -------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// For the tests of saved sessions and for their fuzz target, which has no
/// GoogleTest.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_UNIT_RUNTIME_SAVEDBYTES_H
#define ESPALIER_TEST_UNIT_RUNTIME_SAVEDBYTES_H

#include "Core/SessionFormat.h"
#include "espalier/Support/Hash.h"
#include "espalier/espalier.h"

#include <cstring>
#include <span>
#include <vector>

namespace fake {

/// The session, saved; nothing where that fails.
inline std::vector<uint8_t> savedBytes(const espalier_session *session) {
  void *data = nullptr;
  size_t bytes = 0;
  if (espalier_session_save_bytes(session, &data, &bytes) != ESPALIER_OK)
    return {};
  auto *begin = static_cast<uint8_t *>(data);
  std::vector<uint8_t> copy(begin, begin + bytes);
  espalier_free(data);
  return copy;
}

/// Puts the hash right, so that only the change itself can be found; `bytes`
/// holds at least a header.
inline void rehash(std::vector<uint8_t> &bytes) {
  espalier::runtime::SessionHeader header;
  memcpy(&header, bytes.data(), sizeof(header));
  header.contentHash[0] = header.contentHash[1] = 0;
  memcpy(bytes.data(), &header, sizeof(header));
  espalier::Hash128 hash = espalier::hash128(std::span<const uint8_t>(bytes));
  header.contentHash[0] = hash.low;
  header.contentHash[1] = hash.high;
  memcpy(bytes.data(), &header, sizeof(header));
}

} // namespace fake

#endif // ESPALIER_TEST_UNIT_RUNTIME_SAVEDBYTES_H
