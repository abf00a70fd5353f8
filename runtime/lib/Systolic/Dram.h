//===- Dram.h - Regions of the DRAM -----------------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The regions' bytes, their hazards (4 and 5 of docs/Systolic.md), and the
/// instructions that move rows between them and the scratchpad.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_DRAM_H
#define ESPALIER_RUNTIME_SYSTOLIC_DRAM_H

#include "Systolic/Plan.h"
#include "Systolic/Shadow.h"

namespace espalier::simulator {

/// What a step is told: see espalier_systolic_argument.
struct Arguments {
  std::span<const int32_t> arrays[ESPALIER_ARGUMENT_ARRAYS];
  uint64_t limit = UINT64_MAX;
};

class Dram {
public:
  explicit Dram(const Program &program);

  /// The caller's memory for a region: `bytes` of it. Read only regions take
  /// constant memory.
  Status bind(uint32_t region, const uint8_t *constant, uint8_t *writable,
              uint64_t bytes);
  /// The bytes of a region; nullptr before `prepare` where it is not bound.
  const uint8_t *bytes(uint32_t region) const { return places[region].read; }

  /// Gives memory, with its initial contents, to regions that have none; at
  /// most `limit` bytes in all. Of arenas nothing is written any more.
  Status prepare(uint64_t limit);
  /// A new run.
  void begin();

  /// Where the rows of a DMA stand in its region; absent: zeros, or nothing to
  /// write.
  struct Rows {
    uint32_t region = 0;
    std::vector<uint64_t> offsets;
  };
  static constexpr uint64_t absent = UINT64_MAX;
  Status resolve(const Form &form, const Op &op, uint64_t layer,
                 const Arguments &arguments, Rows &rows) const;

  /// The reason why rows must not be loaded by an instruction that issues at
  /// `t`; "" else.
  std::string checkLoad(const Rows &rows, uint64_t rowBytes, uint64_t t);
  /// Notes that rows are written, and are there from `complete` on.
  void recordStore(const Rows &rows, uint64_t rowBytes, uint64_t t,
                   uint64_t complete);

  void load(const Form &form, const Rows &rows, uint8_t *scratchpad) const;
  void store(const Form &form, const Rows &rows, const uint8_t *scratchpad);

private:
  struct Place {
    const uint8_t *read = nullptr;
    uint8_t *write = nullptr;
    Pages<uint8_t> own;
    Pages<uint64_t> written; ///< of an arena: a bit for each byte
  };
  struct Pending {
    uint32_t region;
    std::vector<uint64_t> offsets; ///< ascending
    uint64_t rowBytes, complete;
  };
  const Program &program;
  std::vector<Place> places;
  std::vector<Pending> pending;
};

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_DRAM_H
