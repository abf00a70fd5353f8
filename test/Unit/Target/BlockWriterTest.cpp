//===- BlockWriterTest.cpp - Pieces in any order make the file ------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Target/BlockWriter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <random>
#include <unistd.h>

using namespace espalier;

namespace {

struct Piece {
  uint64_t offset, size;
};

uint8_t byteAt(uint64_t offset) { return uint8_t(offset * 2654435761u >> 13); }

/// Writes `pieces` and reads the file back.
std::vector<uint8_t> written(const std::vector<Piece> &pieces) {
  FILE *file = tmpfile();
  EXPECT_TRUE(file);
  BlockWriter writer(fileno(file));
  for (const Piece &piece : pieces) {
    std::vector<uint8_t> bytes(piece.size);
    for (uint64_t i = 0; i < piece.size; ++i)
      bytes[i] = byteAt(piece.offset + i);
    Status status = writer.write(bytes, piece.offset);
    EXPECT_TRUE(bool(status));
  }
  Status status = writer.finish();
  EXPECT_TRUE(bool(status));
  std::vector<uint8_t> back(size_t(lseek(fileno(file), 0, SEEK_END)));
  EXPECT_EQ(pread(fileno(file), back.data(), back.size(), 0),
            ssize_t(back.size()));
  fclose(file);
  return back;
}

TEST(BlockWriter, ShuffledPiecesFromTheMiddleOfABlock) {
  std::mt19937 random(7);
  constexpr uint64_t begin = 5000, end = 9u << 20;
  std::vector<Piece> pieces;
  for (uint64_t at = begin; at < end;) {
    uint64_t size = std::min<uint64_t>(1 + random() % (3u << 20), end - at);
    if (pieces.size() % 3 == 0)
      size = std::min<uint64_t>(size, 100);
    pieces.push_back({at, size});
    at += size;
  }
  std::shuffle(pieces.begin(), pieces.end(), random);
  std::vector<uint8_t> back = written(pieces);
  ASSERT_EQ(back.size(), end);
  for (uint64_t i = 0; i < end; ++i)
    ASSERT_EQ(back[i], i < begin ? 0 : byteAt(i)) << i;
}

TEST(BlockWriter, WhatNobodyWritesStaysAHole) {
  std::vector<uint8_t> back = written({{0, 10}, {20, 10}});
  ASSERT_EQ(back.size(), 30u);
  for (uint64_t i = 0; i < 30; ++i)
    EXPECT_EQ(back[i], i / 10 == 1 ? 0 : byteAt(i)) << i;
}

TEST(BlockWriter, FailureIsReported) {
  int fd = open("/dev/null", O_RDONLY);
  BlockWriter writer(fd);
  std::vector<uint8_t> bytes(3u << 20);
  EXPECT_FALSE(bool(writer.write(bytes, 0)));
  close(fd);
}

} // namespace
