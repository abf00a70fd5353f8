//===- CostModel.h - How long work takes on a machine -----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_HARDWARE_COSTMODEL_H
#define ESPALIER_HARDWARE_COSTMODEL_H

#include "espalier/Hardware/Machine.h"

#include <cstdint>

namespace espalier::hardware {

/// What a piece of work moves and computes, over all workers.
struct Work {
  double memoryBytes = 0; ///< to or from main memory
  double cacheBytes = 0;  ///< to or from the workers' own caches
  double floatOps = 0;    ///< float32; a multiply-add counts as two
  double int8Ops = 0;     ///< 8-bit products and their sums, likewise
  unsigned barriers = 0;
};

/// Attention of one row.
struct AttentionShape {
  uint64_t heads = 0, kvHeads = 0, headDim = 0, elementBytes = 0;
};

/// The one place where figures of a machine become decisions.
class CostModel {
public:
  explicit CostModel(const Machine &machine) : machine(machine) {}

  /// Transfers and arithmetic overlap, arithmetic of both kinds shares the
  /// vector unit, and barriers overlap with nothing:
  ///   max(memory, cache, float + int8) + barriers
  double seconds(const Work &work) const;

  /// Rows of a block of the many-row variant: a power of two within the
  /// machine's bounds. Weights are read once a block, so it is as large as
  /// keeps arithmetic the bound twice over, and never less than usual unless
  /// the rows themselves, of `bytesPerRow` (the widest activations of a phase,
  /// input and output), then overflow half of a worker's own cache.
  unsigned rowBlock(uint64_t bytesPerRow, double bytesPerWeight,
                    bool int8) const;

  /// Panels of 16 columns that one tile takes of a phase with `panels` of
  /// `bytesPerPanel` each: enough that a tile is worth its start and that the
  /// kernel finds the panels it takes `at once`, but no fewer tiles a worker
  /// than the machine asks for where there are so many panels. At least 1.
  uint64_t panelsPerTile(uint64_t panels, uint64_t bytesPerPanel,
                         unsigned atOnce = 1) const;

  /// The most of `pieces` equal pieces of work that one worker takes.
  uint64_t largestShare(uint64_t pieces) const;

  /// Seconds of attention of one row over `positions` cached ones: as tiles of
  /// query heads, or (`split`) as tiles of blocks of 64 positions and key/value
  /// heads, with the merge of what the blocks give, which each worker repeats.
  double attentionSeconds(const AttentionShape &shape, uint64_t positions,
                          bool split) const;
  /// Whether the split saves enough of the time (Machine::splitGain), at
  /// Machine::splitAt positions.
  bool splitsAttention(const AttentionShape &shape) const;

private:
  Machine machine;
};

} // namespace espalier::hardware

#endif // ESPALIER_HARDWARE_COSTMODEL_H
