//===- Shadow.cpp - When granules were read and written -------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Shadow.h"

#include <algorithm>

using namespace espalier;
using namespace espalier::simulator;

bool Shadow::allocate(const Machine &m) {
  granules[ESPALIER_SPACE_SCRATCHPAD] =
      makePages<Granule>(m.scratchpadBytes / ESPALIER_SYSTOLIC_GRANULE);
  granules[ESPALIER_SPACE_ACCUMULATOR] =
      makePages<Granule>(m.accumulatorBytes / ESPALIER_SYSTOLIC_GRANULE);
  return granules[0] && granules[1];
}

void Shadow::begin() { base = last = last + 1; }

static uint64_t granuleOf(const Access &access, const Op &op) {
  return access.operand == OperandA   ? op.a
         : access.operand == OperandB ? op.b
                                      : op.c;
}

/// Calls f(granule, its number, first cycle, last cycle) until it is false.
template <typename F>
void Shadow::visit(const Access &access, const Op &op, uint64_t t, F &&f) {
  Granule *memory = granules[access.space].get();
  uint64_t row = granuleOf(access, op);
  uint64_t count = (access.rowBytes + ESPALIER_SYSTOLIC_GRANULE - 1) /
                   ESPALIER_SYSTOLIC_GRANULE;
  for (uint64_t j = 0; j < access.rows; ++j, row += access.stride) {
    Span time = access.rowTime(j);
    for (uint64_t g = row; g < row + count; ++g)
      if (!f(memory[g], g, base + t + time.first, base + t + time.last))
        return;
  }
}

std::string Shadow::describe(const char *verb, const Access &access,
                             uint64_t granule, const char *other,
                             uint64_t stamp) const {
  return std::string(verb) +
         (access.space == ESPALIER_SPACE_SCRATCHPAD ? " scratchpad"
                                                    : " accumulator") +
         " granule " + std::to_string(granule) + ", which queue " +
         queueName(unsigned(stamp & 7)) + " " + other + " in cycle " +
         std::to_string((stamp >> 3) - base);
}

/// True where elements of `write` take the places of elements of `read` that
/// the instruction has read before, one by one.
static bool inPlace(const Form &form, const Op &op, const Access &read,
                    const Access &write) {
  bool elementwise = form.unit == Unit::VectorA ||
                     (read.operand == OperandC && write.operand == OperandC);
  return elementwise && read.space == write.space &&
         granuleOf(read, op) == granuleOf(write, op) &&
         read.rows == write.rows &&
         (read.stride == write.stride || read.rows == 1) &&
         write.rowBytes <= read.rowBytes;
}

std::string Shadow::access(const Form &form, const Op &op, unsigned queue,
                           uint64_t t, bool amongQueuesOnly) {
  std::string problem;
  const Access *write = nullptr;
  for (unsigned i = 0; i < form.accesses; ++i)
    if (form.access[i].write)
      write = &form.access[i];
  auto matters = [&](uint64_t stamp) {
    return !amongQueuesOnly || (stamp & 7) != queue;
  };
  auto checkRead = [&](const Access &access, uint64_t g, const Granule &granule,
                       uint64_t first) {
    uint64_t written = granule.write >> 3;
    if (written < base)
      problem = std::string("reads ") +
                (access.space == ESPALIER_SPACE_SCRATCHPAD ? "scratchpad"
                                                           : "accumulator") +
                " granule " + std::to_string(g) +
                ", which this program has not written";
    else if (written >= first && matters(granule.write))
      problem = describe("reads", access, g, "writes", granule.write) +
                ", in cycle " + std::to_string(first - base);
    return problem.empty();
  };
  auto recordRead = [&](Granule &granule, uint64_t end) {
    uint64_t &stamp = granule.read[queue - 1];
    stamp = std::max(stamp, end << 3 | queue);
    last = std::max(last, end);
  };

  const Access *later[4];
  unsigned postponed = 0;
  for (unsigned i = 0; i < form.accesses && problem.empty(); ++i) {
    const Access &access = form.access[i];
    if (access.write)
      continue;
    bool own = write && inPlace(form, op, access, *write);
    if (own)
      later[postponed++] = &access;
    visit(access, op, t,
          [&](Granule &granule, uint64_t g, uint64_t first, uint64_t end) {
            if (!checkRead(access, g, granule, first))
              return false;
            if (!own)
              recordRead(granule, end);
            return true;
          });
  }
  if (write && problem.empty())
    visit(*write, op, t,
          [&](Granule &granule, uint64_t g, uint64_t first, uint64_t end) {
            uint64_t read = 0;
            for (uint64_t stamp : granule.read)
              if (matters(stamp))
                read = std::max(read, stamp);
            if (read >> 3 > first)
              problem = describe("overwrites", *write, g, "reads", read);
            else if (granule.write >> 3 >= first &&
                     granule.write >> 3 >= base && matters(granule.write))
              problem =
                  describe("overwrites", *write, g, "writes", granule.write);
            if (!problem.empty()) {
              problem += ", in cycle " + std::to_string(first - base);
              return false;
            }
            granule.write = std::max(granule.write, end << 3 | queue);
            last = std::max(last, end);
            return true;
          });
  for (unsigned i = 0; i < postponed && problem.empty(); ++i)
    visit(*later[i], op, t,
          [&](Granule &granule, uint64_t, uint64_t, uint64_t end) {
            recordRead(granule, end);
            return true;
          });
  return problem;
}
