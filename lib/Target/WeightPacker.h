//===- WeightPacker.h - Streams packed weights into a container -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The part of packing that knows tensors and files, but no IR: it evaluates
/// the recipes tensor by tensor, a few megabytes at a time.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_TARGET_WEIGHTPACKER_H
#define ESPALIER_LIB_TARGET_WEIGHTPACKER_H

#include "espalier/Import/TensorSource.h"
#include "espalier/Support/Result.h"
#include "espalier/Target/PackedWeights.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace espalier {

/// `#xf.recipe`.
struct PackStep {
  enum class Kind {
    Transpose,
    UnpermuteHeads,
    AddOne,
    SliceRows,
    ToF32,
    SliceGroups
  };
  Kind kind;
  uint64_t heads = 0;          ///< UnpermuteHeads, SliceGroups: the groups
  uint64_t begin = 0, end = 0; ///< SliceRows; SliceGroups: of each group
  uint64_t rotary = 0;         ///< UnpermuteHeads: rows of a head; 0: all
};

/// One `xf.weight`, packed as panels of 16 columns, or as a plain vector.
struct PackWeight {
  std::string name;
  /// For each layer the tensors that are concatenated.
  std::vector<std::vector<const SourceTensor *>> layers;
  /// Not 0: a layer holds the matrices of so many experts, one after the other.
  /// Its tensors are those of all experts in turn, or of rank 3, each with a
  /// matrix of every expert.
  uint64_t experts = 0;
  std::vector<PackStep> recipe;
  bool isVector = false;          ///< `rows` elements; `columns` is 1
  Encoding encoding;              ///< of the packed weight
  unsigned group = 1;             ///< k-group of a panel
  uint64_t rows = 0, columns = 0; ///< of one matrix, after the recipe
  uint64_t offset = 0;            ///< from the start of the data section
  uint64_t bytes = 0, stride = 0; ///< of one layer; to the next layer
  std::string packing;            ///< for the metadata

  uint64_t matrices() const { return experts ? experts : 1; }
};

struct PackPlan {
  std::vector<PackWeight> weights; ///< ascending offsets, without holes
  uint64_t dataBytes = 0;
  /// Further entries of `__metadata__`.
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// Whether the recipe turns the tensors into the weight; messages name the
/// tensor. `writeContainer` expects that it does.
Status checkPlan(const PackPlan &plan);

/// Writes the container at `offset` of `fd`. Nothing before that is touched.
Result<PackedWeights> writeContainer(const PackPlan &plan,
                                     const TensorSource &source, int fd,
                                     uint64_t offset,
                                     const PackOptions &options);

} // namespace espalier

#endif // ESPALIER_LIB_TARGET_WEIGHTPACKER_H
