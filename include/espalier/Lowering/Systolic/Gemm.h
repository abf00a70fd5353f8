//===- Gemm.h - Matmuls for the accelerator ---------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Builds the sequence of one matmul, or of several after each other, with its
/// tiles, its places in the memories and in DRAM, and its double buffering.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LOWERING_SYSTOLIC_GEMM_H
#define ESPALIER_LOWERING_SYSTOLIC_GEMM_H

#include "espalier/Hardware/SystolicTiming.h"
#include "espalier/Support/Result.h"

#include <span>

namespace espalier::systolic {

/// Where operands are when the cycles of interest begin.
enum class Operands {
  Scratchpad, ///< Both; a part before those cycles brings them there.
  Weights,    ///< The weights are in DRAM, the rows in the scratchpad.
  Dram,       ///< Both are in DRAM, and so are the results in the end.
};

struct GemmSpec {
  uint64_t m = 1;
  /// Of each matmul k and n: rows by k times k by n. The rows of one are the
  /// first k results of those before it, times `scale`, rounded to the type.
  struct Linear {
    uint64_t k = 1, n = 1;
  };
  std::vector<Linear> linears;
  bool int8 = true; ///< int8 to int32; else bf16 to float32.
  bool outputStationary = false;
  Operands operands = Operands::Scratchpad;
  float scale = 1.0f;
};

/// Which blocks of a matrix stand where in its region: each by itself, row
/// after row without gaps, from a multiple of 16 bytes on.
struct BlockedMatrix {
  struct Block {
    uint64_t row, rows, column, columns, offset;
  };
  uint64_t rows = 0, columns = 0, elementBytes = 1, bytes = 0;
  std::vector<Block> blocks;

  std::vector<uint8_t> pack(std::span<const uint8_t> rowMajor) const;
  std::vector<uint8_t> unpack(std::span<const uint8_t> packed) const;
};

struct Gemm {
  GemmSpec spec;
  Sequence sequence; ///< Regions: rows, results, then each weights'.
  BlockedMatrix input, output;
  std::vector<BlockedMatrix> weights;
  static constexpr unsigned inputRegion = 0, outputRegion = 1;
  static constexpr unsigned firstWeightsRegion = 2;
  uint64_t chain = 1; ///< Elements of k that one chain of the array adds.
  uint64_t folds = 0; ///< Tiles of weights, or of results.
};

/// Fails where the machine lacks the dataflow or the type, or where the
/// operands do not fit.
Result<Gemm> buildGemm(const GemmSpec &spec, const SystolicMachine &machine);

/// Cycles of a matmul itself: from the first load of weights (of rows, where
/// they come from DRAM) to the last write into the accumulator, or, where
/// results go to DRAM, all cycles of the program.
uint64_t gemmCycles(const Gemm &gemm, const Prediction &prediction);

/// What the machine computes, bit for bit and in its order, from row-major
/// operands: int8, or the bits of bf16; results are int32, or the bits of
/// float32. Of one matmul.
std::vector<uint8_t> gemmReference(const Gemm &gemm,
                                   std::span<const uint8_t> input,
                                   std::span<const uint8_t> weights);

} // namespace espalier::systolic

#endif // ESPALIER_LOWERING_SYSTOLIC_GEMM_H
