//===- Program.h - Programs of the systolic accelerator ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The compiler's form of a program of the systolic accelerator, plain data
/// without LLVM: what the scheduler makes, what the translation turns into the
/// bytes of runtime/include/espalier/systolic.h, and the sequence it is made
/// from. docs/Systolic.md says what the instructions mean.
///
//===----------------------------------------------------------------------===//

#ifndef ESPALIER_LOWERING_SYSTOLIC_PROGRAM_H
#define ESPALIER_LOWERING_SYSTOLIC_PROGRAM_H

#include "espalier/systolic.h"

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace espalier::systolic {

/// One instruction. In memory `dt` has 32 bits; the encoding puts a DELAY
/// before an instruction whose `dt` exceeds the 16 bits of the binary form.
/// A DELAY in a queue counts here too, exactly as in the binary form.
struct Instruction {
  uint8_t opcode = 0;
  uint8_t flags = 0;
  uint8_t aux = 0;
  uint16_t shape = 0;           ///< Index into Program::shapes.
  uint32_t dt = 0;              ///< Cycles since the instruction before it.
  uint32_t a = 0, b = 0, c = 0; ///< 24 bits each.

  bool operator==(const Instruction &) const = default;
};

using Shape = espalier_systolic_shape;

/// A place in DRAM.
struct Region {
  uint32_t kind = ESPALIER_REGION_WEIGHTS; ///< espalier_systolic_region_kind.
  std::string name;
  uint64_t bytes = 0;
  std::vector<uint8_t> data; ///< Empty: zeros; else `bytes` of them.
};

/// What the DMA instructions name: one address, or one for each layer, made by
/// ESPALIER_SYSTOLIC_ADDRESS.
struct Symbol {
  std::string name; ///< For the reader of the text form; not in the binary.
  std::vector<uint64_t> addresses;
};

struct Program {
  std::vector<Region> regions;
  std::vector<Shape> shapes;
  std::vector<float> constants;
  std::vector<Symbol> symbols;
  std::array<std::vector<Instruction>, ESPALIER_QUEUES> queues;
  uint32_t semaphores = 0;
  std::vector<std::string> marks;
  uint32_t bucketRows = 0;
  uint32_t arrayRows = 0, arrayColumns = 0; ///< Of the machine.
};

/// A program before its times are known: the instructions in the order of
/// their sequential execution, which is their meaning, each with its queue.
/// DELAY, SIGNAL, WAIT and END do not occur; a REPEAT and its END_REPEAT stand
/// once, with any queue, for all queues. `frame` has everything but the queues
/// and the number of semaphores.
struct Sequence {
  Program frame;
  std::vector<std::pair<espalier_systolic_queue, Instruction>> body;
};

/// True of an instruction that takes neither time nor a unit.
inline bool isControl(uint8_t opcode) {
  return opcode >= ESPALIER_OP_DELAY && opcode <= ESPALIER_OP_END;
}

} // namespace espalier::systolic

#endif // ESPALIER_LOWERING_SYSTOLIC_PROGRAM_H
