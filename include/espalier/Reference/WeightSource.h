//===- WeightSource.h - Where weights come from --------------- -*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_REFERENCE_WEIGHTSOURCE_H
#define ESPALIER_REFERENCE_WEIGHTSOURCE_H

#include "espalier/Dialect/XF/XF.h"
#include "espalier/Support/Encodings.h"
#include "espalier/Support/Result.h"

#include <cstdint>
#include <vector>

namespace espalier {
class TensorSource;
}

namespace espalier::reference {

/// One layer of a weight: row-major panels of `columns` x `group` of an
/// [n, k] matrix, of `experts` such matrices one after the other where that is
/// not 0, or, where `k` is 0, `n` float32 of a vector.
struct WeightData {
  Encoding encoding = Encoding::F32;
  unsigned columns = 1, group = 1;
  uint64_t n = 0, k = 0, experts = 0;
  std::vector<uint8_t> bytes;
};

/// Gives weights to the interpreter, one layer at a time.
class WeightSource {
public:
  virtual ~WeightSource();

  /// Layer `index`, counted among the weight's own layers (0 where it has
  /// none). The panels need not be those of the weight's type, but n and k fit
  /// it: n may be less than the columns of a packed type.
  virtual Result<WeightData> load(xf::WeightOp weight, uint64_t index) = 0;
};

/// Weights evaluated from a model's tensors by their recipes, apart from the
/// code that packs them. The tensors must outlive it.
class TensorWeights : public WeightSource {
public:
  explicit TensorWeights(const TensorSource &tensors) : tensors(tensors) {}
  Result<WeightData> load(xf::WeightOp weight, uint64_t index) override;

private:
  const TensorSource &tensors;
};

/// Weights for tests. An attribute `data` (a dense constant: the elements of a
/// float type, or the bytes of panels as i8, layer after layer) gives them;
/// without it they follow from a seed, the symbol, the layer and the place in
/// the matrix, so that types that differ in their panels only get equal ones.
class TestWeights : public WeightSource {
public:
  explicit TestWeights(uint64_t seed) : seed(seed) {}
  Result<WeightData> load(xf::WeightOp weight, uint64_t index) override;

private:
  uint64_t seed;
};

} // namespace espalier::reference

#endif // ESPALIER_REFERENCE_WEIGHTSOURCE_H
