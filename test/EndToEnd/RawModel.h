//===- RawModel.h - Emitted steps, called directly ------------- -*- C++
//-*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// What the runtime's sessions do not ask for, but espalier/descriptor.h
/// allows: padding rows, rows of several sequences in one call, and a look at
/// the cache.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_TEST_ENDTOEND_RAWMODEL_H
#define ESPALIER_TEST_ENDTOEND_RAWMODEL_H

#include "Running.h"

namespace espalier::e2e {

/// A sequence's cache. What was never written is NaN.
struct Slot {
  std::vector<uint8_t> cache;
  uint32_t length = 0;
};

struct RawRow {
  int32_t token = 0;
  Slot *slot = nullptr; ///< none: a padding row
};

class RawModel {
public:
  /// ok() tells whether it could be opened; if not, the test has failed.
  explicit RawModel(const Config &config);
  bool ok() const { return model != nullptr; }

  Slot makeSlot() const;
  /// One call of variant `variant`. The rows of a slot stand together and are a
  /// chain; the slot grows by them. Of padding rows the outcome is zero.
  Outcome step(const std::vector<RawRow> &rows, uint32_t variant,
               uint32_t workers = 1);
  /// The chain `tokens` of one slot, in one call.
  Outcome chain(Slot &slot, const Tokens &tokens);
  /// Elements of a row of the cache: [layers][keys, values][heads][dim].
  std::vector<float> cacheRow(const Slot &slot, uint64_t row) const;

  const espalier_descriptor &descriptor() const { return *real; }

private:
  Model library; ///< keeps the code in memory
  const espalier_descriptor *real = nullptr;
  espalier_descriptor copy = {};
  espalier_isa_entry isa = {};
  std::vector<espalier_step_fn> spies;
  Model model; ///< of the copy
  espalier_step_args seen = {};
  const espalier_step_fn *steps = nullptr;
};

} // namespace espalier::e2e

#endif // ESPALIER_TEST_ENDTOEND_RAWMODEL_H
