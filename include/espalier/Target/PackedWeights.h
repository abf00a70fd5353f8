//===- PackedWeights.h - The container of packed weights --------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The container is a safetensors file: one U8 tensor for each `xf.weight`, of
/// shape [layers, bytes] or [bytes], named after its symbol. The data section
/// begins at a multiple of 4096 (the header is padded with spaces), every
/// tensor at a multiple of 64. `__metadata__` holds, for each tensor NAME,
/// `packing/NAME` (how it is packed) and `xxh3/NAME` (XXH3-128 of its bytes in
/// hexadecimal).
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TARGET_PACKEDWEIGHTS_H
#define ESPALIER_TARGET_PACKEDWEIGHTS_H

#include "espalier/Support/Hash.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace espalier {

/// What the descriptor needs to know of a packed tensor.
struct PackedTensor {
  std::string name;
  uint64_t offset, size; ///< in the data section
  Hash128 hash;
};

struct PackedWeights {
  std::vector<PackedTensor> tensors;
  uint64_t headerBytes = 0; ///< 8 + N: where the data section starts
  uint64_t dataBytes = 0;
  Hash128 headerHash; ///< of the `headerBytes` first bytes
};

struct PackProgress {
  uint64_t tensorsDone, tensors;
  uint64_t bytesDone, bytes;
};

struct PackOptions {
  unsigned threads = 2;
  /// What errors about the file that is written begin with.
  std::string output = "packed weights";
  /// Refuse weights that are infinite or no numbers. (Scales of blocks always
  /// are.)
  bool checkValues = false;
  /// Called now and then, never by two threads at once.
  std::function<void(const PackProgress &)> progress;
};

} // namespace espalier

#endif // ESPALIER_TARGET_PACKEDWEIGHTS_H
