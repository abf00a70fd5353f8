//===- SystolicMutator.h - Mutations of accelerator programs ----*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The sections of a program are found by its header, and their sizes must add
/// up: so what is mutated is mostly a field within them, and instructions are
/// copied and taken away together with the header's counts.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_FUZZ_SYSTOLICMUTATOR_H
#define ESPALIER_TEST_FUZZ_SYSTOLICMUTATOR_H

#include "espalier/systolic.h"

#include <cstring>
#include <random>

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace espalier::fuzz {

/// Where the sections begin; false where they do not fit.
struct ProgramSections {
  espalier_systolic_header h;
  size_t regions, shapes, constants, symbols, addresses;
  size_t queues[ESPALIER_QUEUES + 1];

  bool find(const uint8_t *data, size_t size) {
    if (size < sizeof(h))
      return false;
    memcpy(&h, data, sizeof(h));
    uint64_t at = sizeof(h);
    auto next = [&](size_t &section, uint64_t count, uint64_t bytes) {
      section = size_t(at);
      at += count * bytes;
      return at <= size;
    };
    bool fits = next(regions, h.regions, sizeof(espalier_systolic_region)) &&
                next(shapes, h.shapes, sizeof(espalier_systolic_shape)) &&
                next(constants, (uint64_t(h.constants) + 1) / 2, 8) &&
                next(symbols, h.symbols, sizeof(espalier_systolic_symbol)) &&
                next(addresses, h.addresses, 8);
    for (unsigned q = 0; q < ESPALIER_QUEUES; ++q)
      fits = fits && next(queues[q], h.instructions[q],
                          sizeof(espalier_systolic_instruction));
    queues[ESPALIER_QUEUES] = size_t(at);
    return fits;
  }
};

inline size_t mutateProgram(uint8_t *data, size_t size, size_t maxSize,
                            unsigned seed) {
  std::minstd_rand random(seed);
  ProgramSections s;
  if (!s.find(data, size) || random() % 16 == 0) {
    size = LLVMFuzzerMutate(data, size, maxSize);
    if (size >= sizeof(s.h)) {
      uint64_t bytes = size;
      memcpy(data + offsetof(espalier_systolic_header, file_bytes), &bytes, 8);
    }
    return size;
  }
  constexpr size_t one = sizeof(espalier_systolic_instruction);
  auto field = [&](size_t begin, size_t end) {
    if (begin >= end)
      return;
    const uint32_t values[] = {
        0,  1,  2,   3,   4, 5, 7, 8,    10,     15,      16,       17,
        31, 64, 255, 256, 0, 1, 2, 4096, 0xffff, 1 << 20, 0xffffff, ~0u};
    uint32_t value = values[random() % 24];
    size_t at = begin + random() % (end - begin);
    size_t width = random() % 2 ? 1 : random() % 2 ? 2 : 4;
    if (at + width > end)
      width = 1;
    if (random() % 3 == 0) { // a little more or less
      memcpy(&value, data + at, width);
      value += uint32_t(random() % 9) - 4;
    }
    memcpy(data + at, &value, width);
  };
  unsigned q = random() % ESPALIER_QUEUES;
  size_t begin = s.queues[q], end = s.queues[q + 1];
  switch (random() % 8) {
  case 0:
    field(s.shapes, s.constants);
    break;
  case 1:
    field(s.regions, s.shapes);
    break;
  case 2:
    field(s.constants, s.queues[0]);
    break;
  case 3: // an instruction is copied, to another place of its queue or into one
          // that may not take it
    if (end > begin && size + one <= maxSize) {
      uint8_t copy[one];
      unsigned from = random() % 4 ? q : random() % ESPALIER_QUEUES;
      size_t count = s.h.instructions[from];
      if (!count)
        break;
      memcpy(copy, data + s.queues[from] + random() % count * one, one);
      size_t at = begin + random() % (s.h.instructions[q] + 1) * one;
      memmove(data + at + one, data + at, size - at);
      memcpy(data + at, copy, one);
      size += one;
      ++s.h.instructions[q];
      s.h.file_bytes = size;
      memcpy(data, &s.h, sizeof(s.h));
    }
    break;
  case 4: // one is taken away
    if (end > begin) {
      size_t at = begin + random() % s.h.instructions[q] * one;
      memmove(data + at, data + at + one, size - at - one);
      size -= one;
      --s.h.instructions[q];
      s.h.file_bytes = size;
      memcpy(data, &s.h, sizeof(s.h));
    }
    break;
  case 5:
    field(0, sizeof(s.h));
    break;
  default:
    field(begin, end);
  }
  return size;
}

} // namespace espalier::fuzz

#endif // ESPALIER_TEST_FUZZ_SYSTOLICMUTATOR_H
