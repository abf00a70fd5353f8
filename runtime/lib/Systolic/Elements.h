//===- Elements.h - The array, element by element ---------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// A model of the array beside the table of docs/Systolic.md: every element is
/// stepped in every cycle, operands and sums move from element to element, and
/// what comes out, and when, is compared with what the table and the tile-level
/// unit say. For arrays of up to 16 by 16.
///
/// Weights come in `w` bands of `L = ceil(R / w)` rows; in each, from its top,
/// a row a cycle, the lowest first. Band b begins b * L cycles after the first
/// one, and column n n cycles after column 0, as the rows of a product do: so
/// weights never overtake the wave that uses those before them.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_ELEMENTS_H
#define ESPALIER_RUNTIME_SYSTOLIC_ELEMENTS_H

#include "Systolic/Plan.h"

#include <deque>

namespace espalier::simulator {

class Elements {
public:
  static constexpr uint32_t mostRows = 16;

  explicit Elements(const Machine &m);
  void begin();

  /// An instruction of the array that issues at `t`; those before it have been
  /// given. `a`, `b` are its operands in the scratchpad, `chains` the results
  /// that the tile-level unit computed. All cycles before `t` are stepped.
  Status issue(const Form &form, const Op &op, uint64_t t, const uint8_t *a,
               const uint8_t *b, const std::vector<uint32_t> &chains);
  /// Steps until the array is empty.
  Status drain();

private:
  /// What moves to the right: an operand, or the mere place of one.
  struct Moving {
    bool present = false, multiplies = false;
    bool swap = false;                ///< weight-stationary
    bool first = false, last = false; ///< output-stationary: of the chain
    float value = 0;
    uint32_t job = 0, row = 0;
  };
  /// What moves down: a sum on its way.
  struct Sum {
    bool present = false;
    uint32_t job = 0, row = 0, bits = 0;
  };
  struct Weight {
    float value = 0;
    uint32_t tile = 0, row = 0; ///< where it belongs: checked when it is used
  };
  struct Element {
    Moving right;
    Sum sum;
    float down = 0; ///< output-stationary: the operand from above
    Weight active, waiting;
    uint32_t held = 0; ///< output-stationary: the sum that stays
  };
  /// A MATMUL or MATMUL_OS on its way.
  struct Job {
    const Form *form;
    uint32_t number, index;
    uint64_t issue;
    std::vector<float> a, b;
    std::vector<uint32_t> expected;
    uint32_t tile; ///< of weights
    uint64_t left; ///< results of the last column that have not come

    bool stationary() const { return form->opcode == ESPALIER_OP_MATMUL_OS; }
  };
  struct Load {
    uint64_t issue;
    uint32_t tile;
    std::vector<float> weights; ///< R by C, zeros outside the tile
  };

  Status advance(uint64_t to);
  Status step();
  Moving feedLeft(uint32_t row) const;
  float feedTop(uint32_t column) const;
  Status compute(uint32_t row, uint32_t column);
  Status multiplyWeights(uint32_t row, uint32_t column, const Moving &moving);
  Status multiplyHeld(uint32_t row, uint32_t column, const Moving &moving,
                      float down);
  void shiftWeights();
  Status arrive(const Job &job, uint32_t row, uint32_t column, uint32_t bits);
  Job *find(uint32_t number);
  Element &at(uint32_t row, uint32_t column) {
    return grid[row * m.columns + column];
  }

  const Machine &m;
  std::vector<Element> grid;
  std::deque<Job> jobs;
  std::deque<Load> loads;
  uint64_t cycle = 0; ///< the next to be stepped
  uint32_t jobNumber = 0, tileNumber = 0, activeTile = 0;
};

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_ELEMENTS_H
