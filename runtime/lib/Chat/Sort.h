//===- Sort.h - A sort that any comparison suits ----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_CHAT_SORT_H
#define ESPALIER_RUNTIME_CHAT_SORT_H

#include <algorithm>
#include <cstddef>
#include <vector>

namespace espalier::chat {

/// 0 .. count - 1, sorted stably by merging. `isLess` may be no order at all (a
/// template compares what it wants, NaN too): the result is then some
/// permutation.
template <typename Less>
std::vector<size_t> sortedPlaces(size_t count, Less isLess) {
  std::vector<size_t> places(count), merged(count);
  for (size_t i = 0; i < count; ++i)
    places[i] = i;
  for (size_t run = 1; run < count; run *= 2) {
    for (size_t begin = 0; begin < count; begin += 2 * run) {
      size_t middle = std::min(begin + run, count);
      size_t end = std::min(begin + 2 * run, count);
      for (size_t a = begin, b = middle, to = begin; to < end; ++to) {
        bool takeRight =
            a == middle || (b < end && isLess(places[b], places[a]));
        merged[to] = takeRight ? places[b++] : places[a++];
      }
    }
    places.swap(merged);
  }
  return places;
}

} // namespace espalier::chat

#endif // ESPALIER_RUNTIME_CHAT_SORT_H
