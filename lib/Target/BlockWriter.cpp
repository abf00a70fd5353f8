//===- BlockWriter.cpp - Writes a file in large aligned blocks ------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "BlockWriter.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <unistd.h>

using namespace espalier;

static constexpr uint64_t blockBytes = 2u << 20;

static Status writeAll(int fd, std::span<const uint8_t> bytes,
                       uint64_t offset) {
  while (!bytes.empty()) {
    ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), off_t(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return Error{std::string("cannot write the packed weights: ") +
                   (written ? std::strerror(errno) : "no progress")};
    bytes = bytes.subspan(size_t(written));
    offset += uint64_t(written);
  }
  return {};
}

Status BlockWriter::write(std::span<const uint8_t> piece, uint64_t offset) {
  while (!piece.empty()) {
    uint64_t number = offset / blockBytes, at = offset % blockBytes;
    size_t size = size_t(std::min<uint64_t>(blockBytes - at, piece.size()));
    std::span<const uint8_t> part = piece.first(size);
    std::vector<uint8_t> gathered;
    if (size != blockBytes) {
      std::lock_guard<std::mutex> lock(mutex);
      Block &block = blocks[number];
      block.bytes.resize(blockBytes);
      std::memcpy(block.bytes.data() + at, part.data(), size);
      block.pieces[at] = at + size;
      block.filled += size;
      part = {};
      if (block.filled == blockBytes) {
        gathered = std::move(block.bytes);
        blocks.erase(number);
        part = gathered;
      }
    }
    if (Status status = writeAll(fd, part, number * blockBytes); !status)
      return status;
    piece = piece.subspan(size);
    offset += size;
  }
  return {};
}

Status BlockWriter::finish() {
  for (const auto &[number, block] : blocks) {
    // Neighbouring pieces go together.
    for (auto piece = block.pieces.begin(); piece != block.pieces.end();) {
      uint64_t begin = piece->first, end = begin;
      for (; piece != block.pieces.end() && piece->first == end; ++piece)
        end = piece->second;
      std::span<const uint8_t> bytes(block.bytes.data() + begin, end - begin);
      if (Status status = writeAll(fd, bytes, number * blockBytes + begin);
          !status)
        return status;
    }
  }
  blocks.clear();
  return {};
}
