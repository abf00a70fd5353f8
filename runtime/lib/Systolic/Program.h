//===- Program.h - Programs of the accelerator, decoded ---------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// \file
/// The bytes of `espalier/systolic.h`, checked as far as they can be without a
/// machine. What they say about memories and times is checked in Plan.h.
///
//===----------------------------------------------------------------------===//
#ifndef ESPALIER_RUNTIME_SYSTOLIC_PROGRAM_H
#define ESPALIER_RUNTIME_SYSTOLIC_PROGRAM_H

#include "espalier/Support/Result.h"
#include "espalier/systolic.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace espalier::simulator {

/// The largest region, and so the largest offset within one.
inline constexpr uint64_t mostRegionBytes = uint64_t(1) << 40;

struct Instruction {
  uint8_t opcode = 0, flags = 0, aux = 0;
  uint16_t dt = 0, shape = 0;
  uint32_t a = 0, b = 0, c = 0;
};

struct Region {
  uint32_t kind = 0;
  std::string name;
  uint64_t bytes = 0;
  std::span<const uint8_t> data; ///< within the program's bytes; empty: zeros

  bool readOnly() const {
    return kind == ESPALIER_REGION_WEIGHTS || kind == ESPALIER_REGION_TABLE;
  }
};

struct Address {
  uint32_t region = 0;
  uint64_t offset = 0;
};

struct Program {
  std::vector<Region> regions;
  std::vector<espalier_systolic_shape> shapes;
  std::vector<float> constants;
  std::vector<espalier_systolic_symbol> symbols;
  std::vector<Address> addresses;
  std::vector<Instruction> queues[ESPALIER_QUEUES];
  std::vector<std::string> marks;
  uint32_t semaphores = 0, bucketRows = 0, arrayRows = 0, arrayColumns = 0;
};

/// Decodes a program; `bytes` must outlive it, since regions' contents stay
/// there.
Result<Program> decodeProgram(std::span<const uint8_t> bytes);

/// "DMA in", "array", ...
const char *queueName(unsigned queue);
/// "MATMUL", ...; nullptr: no such opcode.
const char *opcodeName(uint8_t opcode);
/// "queue array, instruction 12 (MATMUL)".
std::string instructionName(unsigned queue, size_t index, uint8_t opcode);

inline bool isControl(uint8_t opcode) {
  return opcode >= ESPALIER_OP_DELAY && opcode <= ESPALIER_OP_END;
}

/// Bytes of an element, or of a block of the types in blocks.
uint64_t elementBytes(uint8_t type);
const char *typeName(uint8_t type);
inline bool isBlockType(uint8_t type) { return type >= ESPALIER_SYSTOLIC_Q8_0; }

} // namespace espalier::simulator

#endif // ESPALIER_RUNTIME_SYSTOLIC_PROGRAM_H
