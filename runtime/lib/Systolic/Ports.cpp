//===- Ports.cpp - Ports of the banks -------------------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Systolic/Ports.h"

#include <algorithm>

using namespace espalier;
using namespace espalier::simulator;

Ports::Ports(const Machine &m) {
  bankBytes[ESPALIER_SPACE_SCRATCHPAD] = m.scratchpadBytes / m.scratchpadBanks;
  bankBytes[ESPALIER_SPACE_ACCUMULATOR] =
      m.accumulatorBytes / m.accumulatorBanks;
  const uint32_t ports[] = {m.readPorts, m.writePorts, 1, m.vectorPorts};
  for (unsigned i = 0; i < 4; ++i) {
    most[i] = ports[i];
    banks[i].resize(i < 2 ? m.scratchpadBanks : m.accumulatorBanks);
  }
}

void Ports::begin() {
  now = 0;
  touched.clear();
  for (std::vector<Bank> &kind : banks)
    for (Bank &bank : kind)
      bank.clear();
}

std::optional<Ports::Conflict> Ports::takeBank(const Access &access,
                                               uint64_t bank, Span time) {
  Bank &taken = banks[unsigned(access.port)][bank];
  uint32_t ports = most[unsigned(access.port)];
  // What has ended is in nobody's way again.
  for (size_t i = 0; i < taken.size();) {
    if (taken[i].last < now) {
      taken[i] = taken.back();
      taken.pop_back();
    } else {
      ++i;
    }
  }
  auto meets = [&](const Taken &other) {
    return other.first <= time.last && other.last >= time.first;
  };
  size_t near = size_t(std::count_if(taken.begin(), taken.end(), meets));
  if (near >= ports) {
    auto fullAt = [&](uint64_t cycle) {
      size_t users = 0;
      for (const Taken &other : taken)
        users += other.first <= cycle && cycle <= other.last;
      return users >= ports;
    };
    // The fullest cycle is one in which somebody begins.
    std::optional<uint64_t> full;
    if (fullAt(time.first))
      full = time.first;
    for (size_t i = 0; !full && i < taken.size(); ++i)
      if (taken[i].first > time.first && taken[i].first <= time.last &&
          fullAt(taken[i].first))
        full = taken[i].first;
    if (full) {
      uint64_t end = UINT64_MAX;
      for (const Taken &other : taken)
        if (!other.own && other.first <= *full && *full <= other.last)
          end = std::min(end, other.last);
      return Conflict{&access, bank, *full,
                      end == UINT64_MAX ? 0 : end + 1 - time.first};
    }
  }
  taken.push_back({time.first, time.last, true});
  touched.push_back(&taken);
  return std::nullopt;
}

void Ports::settle() {
  for (Bank *bank : touched)
    for (Taken &taken : *bank)
      taken.own = false;
  touched.clear();
}

void Ports::giveBack() {
  for (Bank *bank : touched)
    bank->pop_back();
  touched.clear();
}

std::optional<Ports::Conflict> Ports::take(const Form &form, const Op &op,
                                           uint64_t t) {
  settle();
  for (unsigned i = 0; i < form.accesses; ++i) {
    const Access &access = form.access[i];
    if (access.port == Port::None)
      continue;
    uint64_t granule = access.operand == OperandA   ? op.a
                       : access.operand == OperandB ? op.b
                                                    : op.c;
    uint64_t begin = granule * ESPALIER_SYSTOLIC_GRANULE;
    uint64_t size = bankBytes[access.space];
    Span time{t + access.portTime.first, t + access.portTime.last};
    uint64_t last = (begin + access.extent() - 1) / size;
    for (uint64_t bank = begin / size; bank <= last; ++bank)
      if (auto conflict = takeBank(access, bank, time)) {
        giveBack();
        return conflict;
      }
  }
  return std::nullopt;
}
