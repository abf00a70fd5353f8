//===- Emitter.h - Instructions on matrices ---------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// Builds a sequence: one call for each instruction, on matrices instead of
/// shapes and addresses, and the places of these matrices in the scratchpad
/// and the accumulator.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_LIB_LOWERING_SYSTOLIC_EMITTER_H
#define ESPALIER_LIB_LOWERING_SYSTOLIC_EMITTER_H

#include "espalier/Hardware/SystolicMachine.h"
#include "espalier/Lowering/Systolic/Program.h"
#include "espalier/Support/Result.h"

#include <map>
#include <optional>

namespace espalier::systolic {

using hardware::SystolicMachine;

/// Bytes of an element; block types have none.
uint32_t bytesOf(uint8_t type);

/// An operand in the scratchpad or the accumulator.
struct Matrix {
  uint32_t address = 0; ///< granules
  uint32_t rows = 0, columns = 0;
  uint32_t stride = 0; ///< granules
  uint8_t type = ESPALIER_SYSTOLIC_F32;
  uint8_t space = ESPALIER_SPACE_SCRATCHPAD;

  /// Columns `first` .. `first + count - 1`; they begin at a granule.
  Matrix part(uint32_t first, uint32_t count) const;
  /// Rows `first` .. `first + count - 1`.
  Matrix rowsFrom(uint32_t first, uint32_t count) const;
};

/// A matrix in DRAM: a symbol, made when it is first used, and an offset in
/// bytes from it.
struct Place {
  /// One address, or one for each layer.
  const std::vector<uint64_t> *addresses = nullptr;
  std::string name;    ///< of the symbol, in the text form
  uint64_t offset = 0; ///< a multiple of a granule
  uint8_t type = ESPALIER_SYSTOLIC_BF16;
  uint32_t stride = 0; ///< bytes from row to row

  Place from(uint64_t bytes) const {
    Place place = *this;
    place.offset += bytes;
    return place;
  }
};

class Emitter {
public:
  /// `rows`: of the bucket. `tileBytes`: the largest tile that goes through
  /// the ring.
  Emitter(const SystolicMachine &machine, uint32_t rows, uint64_t tileBytes);

  /// The first thing that went wrong, or the sequence.
  Result<Sequence> finish();
  void fail(std::string message) {
    if (!error)
      error = Error{std::move(message)};
  }
  bool failed() const { return error.has_value(); }

  //===--- Places ---------------------------------------------------------===//

  /// Memory for a matrix of the scratchpad, until it is released.
  Matrix allocate(uint32_t rows, uint32_t columns, uint8_t type);
  void release(const Matrix &matrix);
  /// The largest matrix that `allocate` can place now, in bytes.
  uint64_t largestFree() const;
  /// One of the matrices through which tiles of weights pass, in turn.
  Matrix tile(uint32_t rows, uint32_t columns, uint8_t type);
  /// One of the matrices of the accumulator, in turn: as many rows as the
  /// bucket has.
  Matrix accumulator(uint32_t columns);
  /// How many there are.
  uint32_t accumulators() const { return accumulatorSlots; }

  //===--- Instructions ---------------------------------------------------===//

  void load(const Matrix &to, const Place &from);
  /// Rows of the place from the argument LIMIT on, counted from its symbol's
  /// matrix on, become zeros; `first` is the number of the first row.
  void loadLimited(const Matrix &to, const Place &from, uint32_t first);
  void gather(const Matrix &to, const Place &from, uint8_t argument);
  void store(const Matrix &from, const Place &to);
  void scatter(const Matrix &from, const Place &to, uint8_t argument);

  void loadWeights(const Matrix &weights, bool transposed = false);
  /// `a` times the weights, whose columns are those of `c`.
  void multiply(const Matrix &a, const Matrix &c, bool swap, bool accumulate);

  void map(uint8_t kind, const Matrix &a, const Matrix &c);
  /// What `b` is shows in its shape: a matrix, one row, or one column.
  void binary(uint8_t kind, const Matrix &a, const Matrix &b, const Matrix &c);
  void binary(uint8_t kind, const Matrix &a, float b, const Matrix &c);
  void reduce(uint8_t kind, const Matrix &a, const Matrix &c);
  /// Key 0 is column 0; `window` 0: none.
  void mask(const Matrix &a, const Matrix &c, uint32_t window);
  void rope(const Matrix &a, const Matrix &table, const Matrix &c,
            uint32_t head, uint32_t rotated);

  void repeat(uint32_t first, uint32_t times);
  void endRepeat();
  void mark(const std::string &name);

  Program &frame() { return sequence.frame; }

private:
  uint16_t shape(const Shape &shape);
  uint32_t constant(float value);
  void transfer(uint8_t opcode, const Matrix &matrix, const Place &place,
                uint8_t flags, uint8_t argument, uint32_t extra);
  void vector(uint8_t opcode, uint8_t kind, uint8_t flags, const Matrix &a,
              const Matrix *b, uint32_t bNumber, const Matrix &c,
              uint32_t extra);
  void put(espalier_systolic_queue queue, Instruction instruction);

  const SystolicMachine &machine;
  Sequence sequence;
  std::optional<Error> error;
  uint32_t rows;

  std::map<uint32_t, uint32_t> free; ///< granules: first, count
  uint64_t used = 0;                 ///< granules
  std::vector<uint32_t> ring;        ///< addresses
  uint32_t ringGranules = 0, nextTile = 0;
  std::vector<uint32_t> sums; ///< addresses
  uint32_t accumulatorSlots = 0, nextSum = 0;

  std::map<std::vector<uint32_t>, uint16_t> shapes;
  std::map<uint32_t, uint32_t> constants;
  std::map<std::pair<const std::vector<uint64_t> *, uint64_t>, uint32_t>
      symbols;
  std::map<std::string, uint32_t> marks;
  bool vectorB = false;
};

} // namespace espalier::systolic

#endif // ESPALIER_LIB_LOWERING_SYSTOLIC_EMITTER_H
