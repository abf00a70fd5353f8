//===- Hazards.cpp - What keeps an instruction from issuing ---------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Hazards.h"

using namespace espalier;
using namespace espalier::systolic;

void Granules::bound(const Access &access, Bound &bound) const {
  uint64_t perRow = access.rowGranules();
  uint32_t writer = 0;
  uint32_t readers[ESPALIER_QUEUES - 1] = {};
  for (uint64_t row = 0; row < access.rows; ++row) {
    const Cell *cell = &cells[access.address + row * access.stride];
    uint64_t written = 0, read = 0;
    bool never = false;
    for (const Cell *end = cell + perRow; cell != end; ++cell) {
      if (cell->writer == 0) {
        never = true;
      } else {
        written = std::max(written, cell->written + 1);
        if (cell->writer != writer) {
          writer = cell->writer;
          bound.conflict(queues[writer - 1], writer - 1);
        }
      }
      if (!access.write)
        continue;
      read = std::max(read, cell->read);
      for (unsigned q = 0; q < ESPALIER_QUEUES - 1; ++q)
        readers[q] = std::max(readers[q], cell->readers[q]);
    }
    if (never && (!access.write || access.accumulates))
      bound.error = "reads what was never written";
    bound.atLeast(int64_t(std::max(written, read)) -
                  int64_t(access.times.first(row)));
  }
  for (unsigned q = 0; q < ESPALIER_QUEUES - 1; ++q)
    bound.after[q + 1] = std::max(bound.after[q + 1], readers[q]);
}

void Granules::record(const Access &access, uint64_t issue, uint32_t number,
                      unsigned queue) {
  uint64_t perRow = access.rowGranules();
  for (uint64_t row = 0; row < access.rows; ++row) {
    Cell *cell = &cells[access.address + row * access.stride];
    uint64_t last = issue + access.times.last(row);
    if (access.write) {
      // Later writers come after this one, and so after those who read before.
      for (Cell *end = cell + perRow; cell != end; ++cell)
        *cell = {last, 0, number + 1, {}};
      continue;
    }
    for (Cell *end = cell + perRow; cell != end; ++cell) {
      cell->read = std::max(cell->read, last);
      cell->readers[queue - 1] = number + 1;
    }
  }
}

DramBooks::DramBooks(const Program &frame) : frame(frame) {
  for (const Symbol &symbol : frame.symbols)
    longest = std::max(longest, symbol.addresses.size());
}

void DramBooks::addStored(const Instruction &in) {
  if (in.b >= frame.symbols.size())
    return;
  for (uint64_t address : frame.symbols[in.b].addresses) {
    if (storedRegions.size() <= address >> 48)
      storedRegions.resize((address >> 48) + 1);
    storedRegions[address >> 48] = true;
  }
}

void DramBooks::begin(uint32_t first, uint32_t layerCount) {
  firstLayer = first;
  size_t named = longest > first ? longest - first : 0;
  layers.assign(std::min<size_t>(layerCount, named + 1), {});
}

/// Calls `function(span)` for every part, made to fit, of what a DMA touches.
template <typename F> void DramBooks::visit(const Instruction &in, F function) {
  if (in.b >= frame.symbols.size())
    return;
  const std::vector<uint64_t> &addresses = frame.symbols[in.b].addresses;
  const Shape &shape = frame.shapes[in.shape];
  bool indexed =
      in.opcode == ESPALIER_OP_GATHER || in.opcode == ESPALIER_OP_SCATTER;
  for (size_t i = 0; i < layers.size(); ++i) {
    size_t layer = addresses.size() == 1 ? 0 : firstLayer + i;
    if (layer >= addresses.size())
      continue;
    uint64_t address = addresses[layer];
    if (address >> 48 >= storedRegions.size() || !storedRegions[address >> 48])
      continue;
    uint64_t begin = address + uint64_t(in.c) * ESPALIER_SYSTOLIC_GRANULE;
    uint64_t end =
        begin + uint64_t(shape.rows - 1) * shape.stride_b + dramRowBytes(shape);
    // Which rows an index names is not known here.
    if (indexed)
      end = ((address >> 48) << 48) + frame.regions[address >> 48].bytes;
    if (end <= begin)
      continue;
    Spans &spans = layers[i];
    auto at = spans.upper_bound(begin);
    if (at != spans.begin()) {
      auto before = std::prev(at);
      if (before->second.end > begin && before->first < begin) {
        Span tail = before->second;
        before->second.end = begin;
        at = spans.emplace_hint(at, begin, tail);
      } else if (before->first == begin) {
        at = before;
      }
    }
    for (uint64_t here = begin; here < end;) {
      if (at == spans.end() || at->first > here) {
        uint64_t stop = at == spans.end() ? end : std::min(end, at->first);
        at = spans.emplace_hint(at, here, Span{stop});
      } else if (at->second.end > end) {
        Span tail = at->second;
        at->second.end = end;
        spans.emplace(end, tail);
      }
      function(at->second);
      here = at->second.end;
      ++at;
    }
  }
}

void DramBooks::bound(const Instruction &in, Bound &bound) {
  bool load = in.opcode < ESPALIER_OP_STORE;
  visit(in, [&](Span &span) {
    if (span.store) {
      bound.conflict(ESPALIER_QUEUE_DMA_OUT, span.store - 1);
      if (load)
        bound.atLeast(int64_t(span.complete));
    }
    if (!load && span.load)
      bound.conflict(ESPALIER_QUEUE_DMA_IN, span.load - 1);
  });
}

void DramBooks::record(const Instruction &in, uint64_t complete,
                       uint32_t number) {
  bool load = in.opcode < ESPALIER_OP_STORE;
  visit(in, [&](Span &span) {
    if (load) {
      span.load = number + 1;
    } else {
      span.complete = complete;
      span.store = number + 1;
      span.load = 0;
    }
  });
}

void ArrayBooks::bound(const Instruction &in, const Shape &shape,
                       Bound &bound) const {
  if (in.opcode == ESPALIER_OP_LOAD_WEIGHTS) {
    if (pending.valid)
      bound.error = "loads weights before the last ones were taken";
    bound.atLeast(int64_t(std::max(
        {loaded, swapped, completeOs, machine.shadow ? 0 : complete})));
    return;
  }
  if (in.opcode == ESPALIER_OP_MATMUL) {
    bool swap = in.flags & ESPALIER_FLAG_SWAP;
    const Tile &tile = swap ? pending : active;
    if (!tile.valid || (!swap && pending.valid && !machine.shadow))
      bound.error =
          swap ? "takes weights that were not loaded" : "has no weights to use";
    else if (tile.type != shape.type_a)
      bound.error = "is of another type than its tile of weights";
    else if (tile.rows != shape.columns)
      bound.error = "has other columns than its tile of weights has rows";
    else if (shape.extra > tile.columns)
      bound.error = "writes more columns than its tile of weights has";
    bound.atLeast(int64_t(std::max({streamed, completeOs, swap ? loaded : 0})));
    return;
  }
  bound.atLeast(int64_t(
      std::max({complete, loaded, machine.shadow ? nextOs : completeOs})));
}

void ArrayBooks::record(const Instruction &in, const Shape &shape,
                        uint64_t issue) {
  uint64_t flight = uint64_t(machine.rows) + machine.columns - 2;
  if (in.opcode == ESPALIER_OP_LOAD_WEIGHTS) {
    bool transposed = in.flags & ESPALIER_FLAG_TRANSPOSED;
    pending = {true, transposed ? shape.columns : shape.rows,
               transposed ? shape.rows : shape.columns, shape.type_a};
    loaded = issue + machine.loadCycles();
    return;
  }
  if (in.opcode == ESPALIER_OP_MATMUL) {
    if (in.flags & ESPALIER_FLAG_SWAP) {
      active = pending;
      pending.valid = false;
      swapped = issue;
    }
    streamed = issue + shape.rows;
    complete = std::max(complete, streamed + flight);
    return;
  }
  active.valid = pending.valid = false;
  nextOs = issue + std::max(shape.columns, machine.rows);
  completeOs = std::max(completeOs, issue + shape.columns + flight);
}

PortBooks::PortBooks(const SystolicMachine &machine)
    : scratchpadBank(machine.scratchpadBytes / machine.scratchpadBanks),
      accumulatorBank(machine.accumulatorBytes / machine.accumulatorBanks) {
  auto add = [&](unsigned banks, unsigned ports) {
    uint32_t first = uint32_t(lines.size());
    lines.insert(lines.end(), banks, Timeline(ports));
    return first;
  };
  reads = add(machine.scratchpadBanks, machine.readPorts);
  writes = add(machine.scratchpadBanks, machine.writePorts);
  arrays = add(machine.accumulatorBanks, 1);
  vectors = add(machine.accumulatorBanks, machine.vectorPorts);
  bus = add(1, 1);
}

void PortBooks::addBanks(const Access &access, bool array) {
  if (access.rows == 0 || access.rowBytes == 0)
    return;
  bool sums = access.space == ESPALIER_SPACE_ACCUMULATOR;
  uint64_t bank = sums ? accumulatorBank : scratchpadBank;
  uint32_t kind = sums           ? (array ? arrays : vectors)
                  : access.write ? writes
                                 : reads;
  uint64_t first = uint64_t(access.address) * ESPALIER_SYSTOLIC_GRANULE / bank;
  uint64_t last = (access.end() - 1) / bank;
  for (uint64_t b = first; b <= last; ++b)
    uses.push_back({uint32_t(kind + b), access.portFirst,
                    access.portLast - access.portFirst + 1, 1});
}

/// Uses of one line that overlap become pieces with a need for each.
bool PortBooks::splitUses() {
  std::sort(uses.begin(), uses.end(),
            [](const Use &a, const Use &b) { return a.line < b.line; });
  std::vector<Use> pieces;
  for (size_t i = 0; i < uses.size();) {
    size_t end = i + 1;
    while (end < uses.size() && uses[end].line == uses[i].line)
      ++end;
    std::vector<uint64_t> cuts;
    for (size_t k = i; k < end; ++k) {
      cuts.push_back(uses[k].from);
      cuts.push_back(uses[k].from + uses[k].length);
    }
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    for (size_t c = 0; c + 1 < cuts.size(); ++c) {
      unsigned need = 0;
      for (size_t k = i; k < end; ++k)
        need +=
            uses[k].from <= cuts[c] && cuts[c] < uses[k].from + uses[k].length;
      if (need > lines[uses[i].line].capacity())
        return false;
      if (need)
        pieces.push_back({uses[i].line, cuts[c], cuts[c + 1] - cuts[c], need});
    }
    i = end;
  }
  uses = std::move(pieces);
  return true;
}

bool PortBooks::collect(const Instruction &in, const Timing &timing) {
  uses.clear();
  bool array =
      in.opcode >= ESPALIER_OP_LOAD_WEIGHTS && in.opcode < ESPALIER_OP_MAP;
  for (unsigned i = 0; i < timing.accesses; ++i)
    addBanks(timing.access[i], array);
  if (in.opcode < ESPALIER_OP_LOAD_WEIGHTS)
    uses.push_back({bus, 0, timing.busy, 1});
  return splitUses();
}

uint64_t PortBooks::firstFree(uint64_t from) const {
  while (true) {
    uint64_t issue = from;
    for (const Use &use : uses)
      issue =
          lines[use.line].firstFree(issue + use.from, use.length, use.need) -
          use.from;
    if (issue == from)
      return issue;
    from = issue;
  }
}

void PortBooks::reserve(uint64_t issue) {
  for (const Use &use : uses)
    lines[use.line].reserve(issue + use.from, use.length, use.need);
}
