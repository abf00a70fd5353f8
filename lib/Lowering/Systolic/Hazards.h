//===- Hazards.h - What keeps an instruction from issuing -------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The scheduler's books on the hazards of docs/Systolic.md: who wrote and read
/// each granule last, who moved which bytes of DRAM, what the planes of the
/// array hold, and which ports are taken when. Instructions are known by their
/// number in the sequence.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_LOWERING_SYSTOLIC_HAZARDS_H
#define ESPALIER_LIB_LOWERING_SYSTOLIC_HAZARDS_H

#include "Timeline.h"
#include "espalier/Hardware/SystolicTiming.h"
#include "espalier/Support/Result.h"

#include <cstdlib>
#include <map>

namespace espalier::systolic {

/// What the books say of an instruction that is to issue.
struct Bound {
  int64_t earliest = 0;
  /// For each queue, the last instruction that conflicts, plus 1; 0: none.
  std::array<uint32_t, ESPALIER_QUEUES> after = {};
  const char *error = nullptr;

  void atLeast(int64_t cycle) {
    if (cycle > earliest)
      earliest = cycle;
  }
  void conflict(unsigned queue, uint32_t number) {
    after[queue] = std::max(after[queue], number + 1);
  }
};

/// Accesses to the granules of one memory (hazards 3 and 5).
class Granules {
public:
  /// `queues`: of every instruction by number; grows as they are placed.
  Granules(uint64_t bytes, const std::vector<uint8_t> &queues)
      : count(bytes / ESPALIER_SYSTOLIC_GRANULE), queues(queues),
        cells(static_cast<Cell *>(std::calloc(count, sizeof(Cell)))) {}
  ~Granules() { std::free(cells); }
  Granules(const Granules &) = delete;
  Granules &operator=(const Granules &) = delete;

  bool valid() const { return cells != nullptr; }
  uint64_t bytes() const { return count * ESPALIER_SYSTOLIC_GRANULE; }
  void bound(const Access &access, Bound &bound) const;
  void record(const Access &access, uint64_t issue, uint32_t number,
              unsigned queue);

private:
  struct Cell {
    uint64_t written, read; ///< Last cycle of each.
    uint32_t writer;        ///< Number plus 1; 0: never written.
    /// Since then, of each queue but DMA in, which reads nothing here.
    uint32_t readers[ESPALIER_QUEUES - 1];
  };

  uint64_t count;
  const std::vector<uint8_t> &queues;
  Cell *cells; ///< Zeros; pages that no operand touches are never made.
};

/// Transfers of regions that the program writes (hazard 4). A symbol's place
/// may differ from layer to layer of a loop; each layer has books of its own.
class DramBooks {
public:
  DramBooks(const Program &frame);

  void addStored(const Instruction &in);
  /// Everything so far is complete; `layers` are those of what comes.
  void begin(uint32_t firstLayer, uint32_t layerCount);
  void bound(const Instruction &in, Bound &bound);
  void record(const Instruction &in, uint64_t complete, uint32_t number);

private:
  struct Span {
    uint64_t end;
    uint64_t complete = 0;        ///< Of the last store.
    uint32_t store = 0, load = 0; ///< Number plus 1.
  };
  using Spans = std::map<uint64_t, Span>;

  template <typename F> void visit(const Instruction &in, F function);

  const Program &frame;
  std::vector<bool> storedRegions;
  size_t longest = 1; ///< Most addresses of a symbol.
  uint32_t firstLayer = 0;
  /// Behind the longest symbol's last layer all are alike: one stands for them.
  std::vector<Spans> layers = std::vector<Spans>(1);
};

/// The units and planes of the array (hazard 1).
class ArrayBooks {
public:
  ArrayBooks(const SystolicMachine &machine) : machine(machine) {}

  void bound(const Instruction &in, const Shape &shape, Bound &bound) const;
  void record(const Instruction &in, const Shape &shape, uint64_t issue);

private:
  struct Tile {
    bool valid = false;
    uint32_t rows = 0, columns = 0;
    uint8_t type = 0;
  };

  const SystolicMachine &machine;
  Tile active, pending;
  uint64_t loaded = 0;   ///< The last load has ended.
  uint64_t swapped = 0;  ///< Issue of the SWAP that took the last tile.
  uint64_t streamed = 0; ///< The last stream has ended.
  uint64_t complete = 0; ///< The matmuls are.
  uint64_t nextOs = 0, completeOs = 0;
};

/// Ports of all banks, and the DRAM bus (hazards 1 and 2).
class PortBooks {
public:
  PortBooks(const SystolicMachine &machine);

  /// Collects what an instruction needs; false: more than a bank has.
  bool collect(const Instruction &in, const Timing &timing);
  /// The first cycle not before `from` in which all of it is free.
  uint64_t firstFree(uint64_t from) const;
  void reserve(uint64_t issue);

private:
  struct Use {
    uint32_t line;
    uint64_t from, length;
    unsigned need;
  };

  void addBanks(const Access &access, bool array);
  bool splitUses();

  uint64_t scratchpadBank, accumulatorBank;     ///< Bytes.
  uint32_t reads, writes, arrays, vectors, bus; ///< First line of each kind.
  std::vector<Timeline> lines;
  std::vector<Use> uses;
};

} // namespace espalier::systolic

#endif // ESPALIER_LIB_LOWERING_SYSTOLIC_HAZARDS_H
