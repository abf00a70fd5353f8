//===- VectorUnit.h - What vector units compute -----------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_VECTORUNIT_H
#define ESPALIER_RUNTIME_SYSTOLIC_VECTORUNIT_H

#include "Systolic/Dram.h"
#include "Systolic/Plan.h"

namespace espalier::simulator {

/// Whole instructions at once, in the order of their issue. All that an
/// instruction reads, it reads before it writes.
class VectorUnit {
public:
  explicit VectorUnit(const Program &program) : program(program) {}

  /// `a`, `b`, `c`: where the operands begin; `b` is nullptr where it is none.
  /// `bytesA`, `bytesB`: their extents. `copy`: `c` overlaps them otherwise
  /// than element by element.
  struct Operands {
    const uint8_t *a, *b;
    uint8_t *c;
    uint64_t bytesA, bytesB;
    bool copy;
  };
  void run(const Form &form, const Op &op, Operands operands,
           const Arguments &arguments);

private:
  void map(const Form &form, const Operands &o);
  void binary(const Form &form, const Op &op, const Operands &o);
  void reduce(const Form &form, const Operands &o);
  void mask(const Form &form, const Op &op, const Operands &o,
            const Arguments &arguments);
  void rope(const Form &form, const Operands &o);
  void argmax(const Form &form, const Op &op, const Operands &o);

  const Program &program;
  std::vector<float> x, y;
  std::vector<uint8_t> copyA, copyB;
};

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_VECTORUNIT_H
