//===- GgufMutator.h - Mutations that keep GGUF whole -----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Counts and lengths are 64-bit numbers between strings: a byte more or less
/// anywhere shifts all that follows. These mutations find the pairs of a file,
/// and drop, repeat, swap and change whole ones, with the counts put right.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_FUZZ_GGUFMUTATOR_H
#define ESPALIER_TEST_FUZZ_GGUFMUTATOR_H

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace espalier::fuzz {

/// A file in pieces: each pair and each tensor's description one string, and
/// all that follows.
struct GgufPieces {
  uint32_t version = 3;
  std::vector<std::string> pairs, tensors;
  std::string rest;

  /// False: the file is not whole enough.
  bool read(const std::string &bytes) {
    size_t at = 8;
    uint64_t counts[2];
    if (bytes.size() < 24 || bytes.compare(0, 4, "GGUF") != 0)
      return false;
    memcpy(&version, &bytes[4], 4);
    memcpy(counts, &bytes[8], 16);
    at = 24;
    auto number = [&](unsigned width, uint64_t &value) {
      value = 0;
      if (bytes.size() - at < width)
        return false;
      memcpy(&value, &bytes[at], width);
      at += width;
      return true;
    };
    auto skip = [&](uint64_t size) {
      if (size > bytes.size() - at)
        return false;
      at += size_t(size);
      return true;
    };
    static const unsigned widths[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    auto value = [&](uint64_t type) {
      uint64_t size = 0;
      if (type == 8)
        return number(8, size) && skip(size);
      return type < 13 && type != 9 && skip(widths[type]);
    };
    for (uint64_t i = 0; i < counts[1] && i < 4096; ++i) {
      size_t begin = at;
      uint64_t size, type, element, count;
      if (!number(8, size) || !skip(size) || !number(4, type))
        return false;
      if (type == 9) {
        if (!number(4, element) || !number(8, count))
          return false;
        for (uint64_t k = 0; k < count; ++k)
          if (!value(element))
            return false;
      } else if (!value(type)) {
        return false;
      }
      pairs.push_back(bytes.substr(begin, at - begin));
    }
    for (uint64_t i = 0; i < counts[0] && i < 4096; ++i) {
      size_t begin = at;
      uint64_t size, rank;
      if (!number(8, size) || !skip(size) || !number(4, rank) || rank > 8 ||
          !skip(rank * 8 + 12))
        return false;
      tensors.push_back(bytes.substr(begin, at - begin));
    }
    rest = bytes.substr(at);
    return true;
  }

  std::string write() const {
    std::string out = "GGUF" + std::string(20, '\0');
    uint64_t counts[2] = {tensors.size(), pairs.size()};
    memcpy(&out[4], &version, 4);
    memcpy(&out[8], counts, 16);
    for (const auto *list : {&pairs, &tensors})
      for (const std::string &piece : *list)
        out += piece;
    return out + rest;
  }
};

inline void mutatePieces(std::vector<std::string> &pieces,
                         std::minstd_rand &random) {
  if (pieces.empty())
    return;
  size_t i = random() % pieces.size(), j = random() % pieces.size();
  std::string &piece = pieces[i];
  switch (random() % 5) {
  case 0:
    pieces.erase(pieces.begin() + long(i));
    return;
  case 1:
    pieces.insert(pieces.begin() + long(j), std::string(piece));
    return;
  case 2:
    std::swap(piece, pieces[j]);
    return;
  case 3: { // one of its numbers
    static const uint64_t numbers[] = {
        0,          1,          2,          31,         32,         33,
        64,         255,        256,        0x7fffffff, 0x80000000, 0xffffffff,
        1ull << 32, 1ull << 62, 1ull << 63, ~0ull};
    unsigned width = random() % 2 ? 4 : 8;
    if (piece.size() >= width)
      memcpy(&piece[random() % (piece.size() - width + 1)],
             &numbers[random() % 16], width);
    return;
  }
  default:
    piece[random() % piece.size()] ^= char(1u << random() % 8);
  }
}

inline size_t mutateGguf(uint8_t *data, size_t size, size_t maxSize,
                         unsigned seed) {
  std::minstd_rand random(seed);
  GgufPieces pieces;
  if (random() % 4 == 0 || !pieces.read({reinterpret_cast<char *>(data), size}))
    return LLVMFuzzerMutate(data, size, maxSize);
  mutatePieces(random() % 3 ? pieces.pairs : pieces.tensors, random);
  if (random() % 8 == 0)
    pieces.rest.resize(random() % 4096);
  std::string out = pieces.write();
  if (out.size() > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  memcpy(data, out.data(), out.size());
  return out.size();
}

} // namespace espalier::fuzz

#endif // ESPALIER_TEST_FUZZ_GGUFMUTATOR_H
