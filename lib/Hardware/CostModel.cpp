//===- CostModel.cpp - How long work takes on a machine -------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Hardware/CostModel.h"

#include <algorithm>
#include <bit>
#include <cmath>

using namespace espalier::hardware;

double CostModel::seconds(const Work &work) const {
  const MemoryLevel &own = machine.privateCache();
  double cacheRate = own.bandwidth * (own.shared ? 1 : machine.workers);
  double memory = work.memoryBytes / machine.mainMemory().bandwidth;
  double cache = work.cacheBytes / cacheRate;
  double arithmetic =
      work.floatOps / machine.floatPeak() + work.int8Ops / machine.int8Peak();
  return std::max({memory, cache, arithmetic}) +
         work.barriers * machine.barrier;
}

unsigned CostModel::rowBlock(uint64_t bytesPerRow, double bytesPerWeight,
                             bool int8) const {
  // R rows make 2 R operations of a weight that costs bytesPerWeight.
  double peak = int8 ? machine.int8Peak() : machine.floatPeak();
  double balance = peak * bytesPerWeight / (2 * machine.mainMemory().bandwidth);
  unsigned rows = machine.rowsUsual;
  while (rows < machine.rowsMost && rows < 2 * balance)
    rows *= 2;
  uint64_t room = machine.privateCache().size / 2;
  while (rows > machine.rowsLeast && bytesPerRow > room / rows)
    rows /= 2;
  return rows;
}

uint64_t CostModel::panelsPerTile(uint64_t panels, uint64_t bytesPerPanel,
                                  unsigned atOnce) const {
  // A worker's share of the bandwidth decides how long a panel takes.
  double panelSeconds = double(std::max<uint64_t>(bytesPerPanel, 1)) *
                        machine.workers / machine.mainMemory().bandwidth;
  // A little less, so that the rounding of figures does not cost a panel.
  double worth = machine.tileWorth * machine.tileStart / panelSeconds - 1e-6;
  double least = std::max(std::ceil(worth), double(atOnce));
  uint64_t most = std::max<uint64_t>(
      panels / (uint64_t(machine.tilesPerWorker) * machine.workers), 1);
  return std::clamp<uint64_t>(least < double(most) ? uint64_t(least) : most, 1,
                              most);
}

uint64_t CostModel::largestShare(uint64_t pieces) const {
  return (pieces + machine.workers - 1) / machine.workers;
}

double CostModel::attentionSeconds(const AttentionShape &shape,
                                   uint64_t positions, bool split) const {
  double heads = double(shape.heads), dim = double(shape.headDim);
  uint64_t blocks = (positions + 63) / 64;
  uint64_t tiles = split ? shape.kvHeads * blocks : shape.heads;
  // Every tile reads the keys and values of its positions.
  double readers = split ? double(shape.kvHeads) : heads;
  Work work;
  work.cacheBytes = readers * 2 * dim * double(positions * shape.elementBytes);
  work.floatOps = 4 * heads * dim * double(positions);
  double uneven = double(largestShare(tiles) * machine.workers) / double(tiles);
  double time = seconds(work) * uneven;
  if (split) {
    Work merge;
    double elements = heads * double(blocks) * (dim + 16) * machine.workers;
    merge.cacheBytes = 4 * elements;
    merge.floatOps = 4 * elements;
    time += seconds(merge);
  }
  return time;
}

bool CostModel::splitsAttention(const AttentionShape &shape) const {
  return attentionSeconds(shape, machine.splitAt, /*split=*/true) <
         (1 - machine.splitGain) *
             attentionSeconds(shape, machine.splitAt, /*split=*/false);
}
