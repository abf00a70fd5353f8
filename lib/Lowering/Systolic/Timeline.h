//===- Timeline.h - Reservations of one resource ----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_LOWERING_SYSTOLIC_TIMELINE_H
#define ESPALIER_LIB_LOWERING_SYSTOLIC_TIMELINE_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace espalier::systolic {

/// How many of a resource's equal places are taken in each cycle. Queries and
/// reservations are mostly near the end.
class Timeline {
public:
  explicit Timeline(unsigned places = 1) : places(places) {}

  unsigned capacity() const { return places; }

  /// The first cycle not before `from` with `need` places free for `length`
  /// cycles; `need` is at most the capacity.
  uint64_t firstFree(uint64_t from, uint64_t length, unsigned need) const {
    size_t at = segment(from);
    uint64_t begin = from;
    while (true) {
      if (steps[at].taken + need > places) {
        // The last segment is free, so there is a next one.
        begin = steps[++at].begin;
        continue;
      }
      size_t next = at + 1;
      while (next < steps.size() && steps[next].begin < begin + length &&
             steps[next].taken + need <= places)
        ++next;
      if (next == steps.size() || steps[next].begin >= begin + length)
        return begin;
      at = next;
    }
  }

  void reserve(uint64_t from, uint64_t length, unsigned count) {
    size_t first = cut(from);
    size_t last = cut(from + length);
    for (size_t i = first; i < last; ++i)
      steps[i].taken += count;
    merge(last);
    merge(first);
  }

private:
  struct Step {
    uint64_t begin;
    unsigned taken;
  };

  /// The segment that holds a cycle.
  size_t segment(uint64_t cycle) const {
    size_t at = steps.size() - 1;
    for (unsigned i = 0; i < 8; ++i, --at)
      if (steps[at].begin <= cycle)
        return at;
      else if (at == 0)
        break;
    auto after = std::upper_bound(
        steps.begin(), steps.end(), cycle,
        [](uint64_t value, const Step &step) { return value < step.begin; });
    return size_t(after - steps.begin()) - 1;
  }

  /// Makes a segment begin in a cycle; its index.
  size_t cut(uint64_t cycle) {
    size_t at = segment(cycle);
    if (steps[at].begin == cycle)
      return at;
    steps.insert(steps.begin() + std::ptrdiff_t(at) + 1,
                 {cycle, steps[at].taken});
    return at + 1;
  }

  void merge(size_t at) {
    if (at > 0 && at < steps.size() && steps[at].taken == steps[at - 1].taken)
      steps.erase(steps.begin() + std::ptrdiff_t(at));
  }

  unsigned places;
  std::vector<Step> steps = {{0, 0}};
};

} // namespace espalier::systolic

#endif // ESPALIER_LIB_LOWERING_SYSTOLIC_TIMELINE_H
