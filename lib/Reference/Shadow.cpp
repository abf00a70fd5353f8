//===- Shadow.cpp - Who touched what in a phase ---------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Shadow.h"

#include <algorithm>

using namespace espalier;
using namespace espalier::reference;

std::string PhaseState::worker(uint32_t which) const {
  if (which == everyone)
    return "the work that every worker repeats";
  auto after = std::upper_bound(loopBegins.begin(), loopBegins.end(), which);
  size_t loop = after - loopBegins.begin();
  return "tile " + std::to_string(which - loopBegins[loop - 1]) + " of loop " +
         std::to_string(loop - 1);
}

Shadow::Shadow(std::string name, std::vector<int64_t> shape)
    : name(std::move(name)), shape(std::move(shape)) {}

Shadow::Access &Shadow::at(const PhaseState &phase, uint64_t element) {
  if (element >= accesses.size())
    accesses.resize(element + 1);
  Access &access = accesses[element];
  if (access.phase != phase.number) {
    access = Access();
    access.phase = phase.number;
  }
  return access;
}

Error Shadow::conflict(const PhaseState &phase, uint64_t element,
                       uint32_t other, const char *theirs,
                       const char *ours) const {
  std::string place;
  for (size_t i = shape.size(); i-- > 0;) {
    uint64_t size = i == 0 || shape[i] <= 0 ? UINT64_MAX : uint64_t(shape[i]);
    place =
        std::to_string(element % size) + (place.empty() ? "" : ", ") + place;
    element /= size;
  }
  std::string what = "phase " + std::to_string(phase.number);
  if (!phase.label.empty())
    what += " (" + phase.label + ")";
  std::string first = other == several ? "another tile" : phase.worker(other);
  return Error{what + ": " + phase.worker(phase.tile) + " " + ours +
               " element [" + place + "] of " + name + ", which " + first +
               " " + theirs + " in the same phase"};
}

Status Shadow::read(const PhaseState &phase, uint64_t element) {
  Access &access = at(phase, element);
  if (access.writer != nobody && access.writer != phase.tile)
    return conflict(phase, element, access.writer, "wrote", "reads");
  if (access.reader == nobody)
    access.reader = phase.tile;
  else if (access.reader != phase.tile)
    access.reader = several;
  return {};
}

Status Shadow::write(const PhaseState &phase, uint64_t element) {
  if (phase.tile == PhaseState::everyone)
    return Error{"phase " + std::to_string(phase.number) +
                 (phase.label.empty() ? "" : " (" + phase.label + ")") +
                 ": work outside tiles writes " + name +
                 ", which the workers share"};
  Access &access = at(phase, element);
  if (access.writer != nobody && access.writer != phase.tile)
    return conflict(phase, element, access.writer, "wrote", "writes");
  if (access.reader != nobody && access.reader != phase.tile)
    return conflict(phase, element, access.reader, "read", "writes");
  access.writer = phase.tile;
  return {};
}
