//===- BlockWriter.h - Writes a file in large aligned blocks ----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The page cache keeps what one write brought in pages as large as the write
/// and its alignment allow, and a program that maps the file gets those pages.
/// Weights in huge pages are read about a tenth faster, so pieces of any size
/// are gathered into blocks of the size of a huge page.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_TARGET_BLOCKWRITER_H
#define ESPALIER_LIB_TARGET_BLOCKWRITER_H

#include "espalier/Support/Result.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <vector>

namespace espalier {

/// Writes pieces that do not overlap, from any thread and in any order. Memory
/// is that of the blocks that are begun: few, where pieces come about in order.
class BlockWriter {
public:
  explicit BlockWriter(int fd) : fd(fd) {}

  Status write(std::span<const uint8_t> piece, uint64_t offset);
  /// Writes the blocks that never filled.
  Status finish();

private:
  struct Block {
    std::vector<uint8_t> bytes;
    std::map<uint64_t, uint64_t> pieces; ///< begin to end
    uint64_t filled = 0;
  };

  int fd;
  std::mutex mutex; ///< guards `blocks`
  std::map<uint64_t, Block> blocks;
};

} // namespace espalier

#endif // ESPALIER_LIB_TARGET_BLOCKWRITER_H
