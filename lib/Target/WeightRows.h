//===- WeightRows.h - Rows of a weight, by its recipe -----------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_TARGET_WEIGHTROWS_H
#define ESPALIER_LIB_TARGET_WEIGHTROWS_H

#include "WeightPacker.h"

#include <array>

namespace espalier {

/// One layer of a weight, or one expert of it, row by row. A vector counts as a
/// matrix of one column.
class WeightRows {
public:
  /// Fails, naming the tensor, where the recipe does not give the weight.
  static Result<WeightRows> make(const PackWeight &weight, size_t layer,
                                 size_t expert = 0);

  /// Where a row comes from.
  struct Origin {
    const SourceTensor *tensor;
    uint64_t row; ///< of the tensor; its column where it is transposed
  };
  Origin origin(uint64_t row) const;

  /// Memory of one row that cannot be read in place.
  struct Scratch {
    std::vector<uint8_t> made, row;
  };
  /// The bytes of a row in the weight's encoding.
  const uint8_t *read(const TensorSource &source, uint64_t row,
                      Scratch &scratch) const;

  /// Tells the kernel that rows first .. first + count - 1 are done with.
  void release(const TensorSource &source, uint64_t first,
               uint64_t count) const;

private:
  struct Part {
    const SourceTensor *tensor;
    uint64_t begin, end;         ///< rows of the weight
    uint64_t base;               ///< rows of the tensor before the expert's
    std::vector<uint64_t> sizes; ///< rows before each step
  };
  const Part &partOf(uint64_t row) const;

  const PackWeight *weight = nullptr;
  std::vector<Part> parts;
  bool transposed = false, widened = false, addOne = false;
};

} // namespace espalier

#endif // ESPALIER_LIB_TARGET_WEIGHTROWS_H
