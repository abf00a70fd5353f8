//===- GemmOperands.cpp - Matrices as a matmul has them in DRAM -----------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Lowering/Systolic/Gemm.h"

#include <cstring>

using namespace espalier;
using namespace espalier::systolic;

std::vector<uint8_t>
BlockedMatrix::pack(std::span<const uint8_t> rowMajor) const {
  std::vector<uint8_t> packed(bytes);
  for (const Block &block : blocks)
    for (uint64_t r = 0; r < block.rows; ++r)
      memcpy(packed.data() + block.offset + r * block.columns * elementBytes,
             rowMajor.data() +
                 ((block.row + r) * columns + block.column) * elementBytes,
             block.columns * elementBytes);
  return packed;
}

std::vector<uint8_t>
BlockedMatrix::unpack(std::span<const uint8_t> packed) const {
  std::vector<uint8_t> rowMajor(rows * columns * elementBytes);
  for (const Block &block : blocks)
    for (uint64_t r = 0; r < block.rows; ++r)
      memcpy(rowMajor.data() +
                 ((block.row + r) * columns + block.column) * elementBytes,
             packed.data() + block.offset + r * block.columns * elementBytes,
             block.columns * elementBytes);
  return rowMajor;
}

uint64_t systolic::gemmCycles(const Gemm &gemm, const Prediction &prediction) {
  if (gemm.spec.operands == Operands::Dram)
    return prediction.cycles;
  uint64_t begin = 0;
  for (auto &[number, cycle] : prediction.marks)
    if (number == 0)
      begin = cycle;
  return prediction.queues[ESPALIER_QUEUE_ARRAY].last - begin;
}
